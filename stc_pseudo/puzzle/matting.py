"""Shares of mixed cells: at an object's border, pooling has averaged the object with what is behind it."""

from __future__ import annotations

import cv2
import numpy as np

NEIGHBOURHOOD = 5  # cells, side of the window that pure object and pure background are taken from
STRANGENESS_WEIGHT = 4.0
THIN_WEIGHT = 1e-3  # of a mixed cell beside a pure one
PURITY = 16  # power of the share, as a cell's weight in the second round's means
ROUNDS = 2
KERNEL = np.ones((3, 3), np.uint8)


def matte(claim: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Turn a claim into the share of each cell that the object covers.

    Within a cell of the claim's border, the share is where the cell's features lie on the line from the mean of the
    background nearby (0) to that of the object nearby (1), in so far as the two differ and the cell lies near that line
    (a third thing, as an occluder, does not); else it is the claim. Away from the border it is 0 or 1. The means are
    taken twice: over cells away from the border, then over cells by how pure the first result makes them.

    Args:
        claim: (h, w) float32 in 0..1, object above one half.
        features: (C, h, w) float32, scaled so that a difference of 1 is one standard deviation within an object.

    Returns:
        (h, w) float32 in 0..1.
    """
    held = claim > 0.5
    pure = cv2.erode(held.astype(np.uint8), KERNEL, borderType=cv2.BORDER_REPLICATE).astype(bool)
    reached = cv2.dilate(held.astype(np.uint8), KERNEL).astype(bool)
    # Where an object is too thin to have pure cells, its mixed ones must do.
    inner, outer = np.where(pure, 1, THIN_WEIGHT * held), ~reached
    for _ in range(ROUNDS):
        foreground, near_object = local_means(features, inner)
        background, near_background = local_means(features, outer)
        contrast = foreground - background
        squared = np.square(contrast).sum(0)
        share = np.clip(((features - background) * contrast).sum(0) / np.maximum(squared, 1e-6), 0, 1)
        compositing_residual = np.square(features - background - share * contrast).sum(0)
        trust = squared / (squared + 1 + STRANGENESS_WEIGHT * compositing_residual)
        mixed = reached & ~pure & near_object & near_background
        share = np.where(mixed, trust * share + (1 - trust) * claim, held)
        inner, outer = share**PURITY, (1 - share) ** PURITY
    return share.astype(np.float32)


def local_means(features: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of each feature over the neighbourhood.

    Args:
        features: (C, h, w) float32.
        weight: (h, w), at least 0.

    Returns:
        (C, h, w), and (h, w) bool, where there is any weight to speak of.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(
            values, -1, (NEIGHBOURHOOD, NEIGHBOURHOOD), normalize=False, borderType=cv2.BORDER_CONSTANT
        )

    weight = weight.astype(np.float32)
    count = total(weight)
    sums = np.stack([total(channel * weight) for channel in features]) if len(features) else np.zeros_like(features)
    return sums / np.maximum(count, THIN_WEIGHT / 10), count > THIN_WEIGHT / 10
