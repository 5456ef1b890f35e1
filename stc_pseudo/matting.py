"""Shares of mixed cells: at an object's border, pooling has averaged the object with what is behind it."""

from __future__ import annotations

import cv2
import numpy as np

NEIGHBOURHOOD = 5  # cells, side of the window that pure object and pure background are taken from
STRANGENESS_WEIGHT = 4.0
KERNEL = np.ones((3, 3), np.uint8)


def matte(claim: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Turn a claim into the share of each cell that the object covers.

    Within a cell of the claim's border, the share is where the cell's features lie on the line from the mean of the
    pure background nearby (0) to that of the pure object nearby (1), in so far as the two differ and the cell lies near
    that line (a third thing, as an occluder, does not); else it is the claim. Away from the border it is 0 or 1.

    Args:
        claim: (h, w) float32 in 0..1, object above one half.
        features: (C, h, w) float32, scaled so that a difference of 1 is one standard deviation within an object.

    Returns:
        (h, w) float32 in 0..1.
    """
    held = claim > 0.5
    pure = cv2.erode(held.astype(np.uint8), KERNEL, borderType=cv2.BORDER_REPLICATE).astype(bool)
    reached = cv2.dilate(held.astype(np.uint8), KERNEL).astype(bool)
    background, count_background = local_means(features, ~reached)
    inner, count_pure = local_means(features, pure)
    outer, count_held = local_means(features, held)
    # Where an object is too thin to have pure cells, its mixed ones must do.
    foreground = np.where(count_pure > 0, inner, outer)
    contrast = foreground - background
    squared = np.square(contrast).sum(0)
    share = np.clip(((features - background) * contrast).sum(0) / np.maximum(squared, 1e-6), 0, 1)
    strangeness = np.square(features - background - share * contrast).sum(0)
    trust = squared / (squared + 1 + STRANGENESS_WEIGHT * strangeness)
    known = reached & ~pure & (count_held > 0) & (count_background > 0)
    return np.where(known, trust * share + (1 - trust) * claim, held).astype(np.float32)


def local_means(features: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each feature over the marked cells of the neighbourhood.

    Args:
        features: (C, h, w) float32.
        where: (h, w) bool.

    Returns:
        (C, h, w), 0 where no cell is marked, and the (h, w) number of marked cells.
    """
    def total(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, -1, (NEIGHBOURHOOD, NEIGHBOURHOOD), normalize=False,
                             borderType=cv2.BORDER_CONSTANT)

    weight = where.astype(np.float32)
    count = total(weight).round()
    sums = np.stack([total(channel * weight) for channel in features]) if len(features) else np.zeros_like(features)
    return sums / np.maximum(count, 1), count
