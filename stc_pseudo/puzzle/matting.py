"""Matting of mixed cells: at an object's border, pooling has averaged the object with its background."""

from __future__ import annotations

import cv2
import numpy as np

NEIGHBOURHOOD = 5  # cells, side of the window that pure object and pure background are taken from
RESIDUAL_WEIGHT = 4.0  # of the residual to the compositing line
THIN_WEIGHT = 1e-3  # of a mixed cell beside a pure one
PURITY = 16  # power of the share, as a cell's weight in the second round's means
ROUNDS = 2
KERNEL = np.ones((3, 3), np.uint8)


def matte(probability: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Coverage of each cell by the object, from its foreground probability.

    Within a cell of the object's border, the coverage is the position of the cell's features on the compositing line
    from the mean of the background nearby (0) to that of the object nearby (1), weighted by how much the two differ and
    by the residual to that line (a third surface, such as an occluder, is off the line); the rest is the foreground
    probability. Away from the border it is 0 or 1. The means are taken twice: over cells away from the border, then
    over all cells weighted by the purity of the first result.

    Args:
        probability: (h, w) float32 in 0..1, object above one half.
        features: (C, h, w) float32, scaled so that a difference of 1 is one standard deviation within an object.

    Returns:
        (h, w) float32 in 0..1.
    """
    inside = probability > 0.5
    pure = cv2.erode(inside.astype(np.uint8), KERNEL, borderType=cv2.BORDER_REPLICATE).astype(bool)
    reached = cv2.dilate(inside.astype(np.uint8), KERNEL).astype(bool)
    # An object too thin for pure cells uses its mixed ones.
    inner, outer = np.where(pure, 1, THIN_WEIGHT * inside), ~reached
    for _ in range(ROUNDS):
        foreground, near_object = local_means(features, inner)
        background, near_background = local_means(features, outer)
        contrast = foreground - background
        squared = np.square(contrast).sum(0)
        share = np.clip(((features - background) * contrast).sum(0) / np.maximum(squared, 1e-6), 0, 1)
        residual = np.square(features - background - share * contrast).sum(0)
        confidence = squared / (squared + 1 + RESIDUAL_WEIGHT * residual)
        mixed = reached & ~pure & near_object & near_background
        share = np.where(mixed, confidence * share + (1 - confidence) * probability, inside)
        inner, outer = share**PURITY, (1 - share) ** PURITY
    return share.astype(np.float32)


def local_means(features: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of each feature over the neighbourhood.

    Args:
        features: (C, h, w) float32.
        weight: (h, w), at least 0.

    Returns:
        (C, h, w), and (h, w) bool, where the weight is not negligible.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(
            values, -1, (NEIGHBOURHOOD, NEIGHBOURHOOD), normalize=False, borderType=cv2.BORDER_CONSTANT
        )

    weight = weight.astype(np.float32)
    count = total(weight)
    sums = np.stack([total(channel * weight) for channel in features]) if len(features) else np.zeros_like(features)
    return sums / np.maximum(count, THIN_WEIGHT / 10), count > THIN_WEIGHT / 10
