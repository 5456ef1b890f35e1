"""Pseudo-masks at the frame's size, from the store's maps at a quarter of it."""

from __future__ import annotations

import cv2
import numpy as np

from stc_pseudo.store import CELL


def soft_instance(instances: np.ndarray, coverage: np.ndarray, instance: int) -> np.ndarray:
    """Share of each cell that belongs to an instance.

    Args:
        instances: (h, w) uint16, the store's map.
        coverage: (h, w) uint8, the store's map.
        instance: 1 + the row of its box.

    Returns:
        (h, w) float32 in 0..1.
    """
    return np.where(instances == instance, coverage, 0).astype(np.float32) / 255


def enlarge(soft: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Binary mask at the frame's size: the soft map, interpolated bicubically, cut at one half and at the box.

    Args:
        soft: (h, w) float32 in 0..1.
        box: (4,) x1 y1 x2 y2, pixels, x2 and y2 exclusive.
        size: (height, width) of the frame.

    Returns:
        (H, W) bool.
    """
    full = np.zeros(size, bool)
    x1, y1 = np.floor(box[:2]).astype(int)
    x2, y2 = np.minimum(np.ceil(box[2:]).astype(int), (size[1], size[0]))
    # One cell more on each side, for the interpolation at the box's border.
    top, left = max(0, y1 // CELL - 1), max(0, x1 // CELL - 1)
    window = soft[top:y2 // CELL + 2, left:x2 // CELL + 2]
    if not window.any():
        return full
    fine = cv2.resize(window, None, fx=CELL, fy=CELL, interpolation=cv2.INTER_CUBIC)
    # Rows and columns that no cell covers (a frame's size need not divide by 4) continue the last cell.
    missing = (max(0, y2 - top * CELL - fine.shape[0]), max(0, x2 - left * CELL - fine.shape[1]))
    fine = np.pad(fine, ((0, missing[0]), (0, missing[1])), mode="edge")
    full[y1:y2, x1:x2] = fine[y1 - top * CELL:y2 - top * CELL, x1 - left * CELL:x2 - left * CELL] > 0.5
    return full
