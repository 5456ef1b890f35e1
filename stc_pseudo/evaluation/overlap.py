"""Overlap of masks, and the masks that a box alone gives."""

from __future__ import annotations

import numpy as np

MATCH_IOU = 0.5  # least IoU of a box with a true mask's tight box for both to be one object


def drawn_shapes(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the filled box and the ellipse inscribed in it, each (H, W) bool."""
    y, x = np.ogrid[: size[0], : size[1]]
    x, y = x + 0.5, y + 0.5  # a pixel is inside where its centre is
    filled = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return filled, ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two (H, W) bool masks, not both empty."""
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)
