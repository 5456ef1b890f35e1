"""Overlap of masks, and the masks that a box alone gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from stc_track.masks import rle
from stc_track.masks.iou import box_iou

if TYPE_CHECKING:
    from stc_track.formats.mots import MotsObject

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


def matched_boxes(objects: Sequence[MotsObject], boxes: np.ndarray, class_ids: np.ndarray) -> dict[int, int]:
    """Which box is each true mask's: one to one, of its class, and of an IoU of at least `MATCH_IOU` with its own.

    Args:
        objects: of one frame.
        boxes: (N, 4) x1 y1 x2 y2, pixels.
        class_ids: (N,) of the boxes.

    Returns:
        row of the box of each object that has one, by the object's position.
    """
    if not objects or not len(boxes):
        return {}
    overlap = box_iou(np.stack([rle.tight_box(o.counts, o.height, o.width) for o in objects]), boxes)
    overlap[np.array([o.class_id for o in objects])[:, None] != class_ids[None]] = 0
    pairs = zip(*(indices.tolist() for indices in linear_sum_assignment(-overlap)), strict=True)
    return {i: k for i, k in pairs if overlap[i, k] >= MATCH_IOU}
