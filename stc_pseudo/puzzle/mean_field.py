"""Mean-field inference of a two-label field whose neighbours agree the more, the more alike they are.

Krähenbühl and Koltun (NIPS 2011), with neighbours within two cells only.
"""

from __future__ import annotations

import numpy as np

RADIUS = 2  # cells
SPATIAL_SIGMA = 1.5  # cells
OFFSETS = tuple(
    (dy, dx) for dy in range(RADIUS + 1) for dx in range(-RADIUS, RADIUS + 1) if (dy, dx) > (0, 0)
)  # the other half are their opposites


class MeanField:
    """The affinities of the cells of one grid or several, for several inferences.

    Args:
        features: (..., h, w, C) float32, scaled so that a difference of 1 is one standard deviation within an object.
    """

    def __init__(self, features: np.ndarray) -> None:
        height, width = features.shape[-3:-1]
        spatial = [np.exp(-(dy * dy + dx * dx) / (2 * SPATIAL_SIGMA**2)) for dy, dx in OFFSETS]
        total = 2 * sum(spatial)  # each offset and its opposite
        channels = np.ascontiguousarray(np.moveaxis(features, -1, 0))
        self._pairs = []
        for (dy, dx), near in zip(OFFSETS, spatial, strict=True):
            one = ..., slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
            other = ..., slice(dy, height), slice(max(0, dx), width - max(0, -dx))
            apart = sum(np.square(channel[one] - channel[other]) for channel in channels)
            self._pairs.append((one, other, (near / total * np.exp(-0.5 * apart)).astype(np.float32)))

    def infer(self, unary: np.ndarray, smoothness: float, rounds: int, inside: np.ndarray) -> np.ndarray:
        """Probability of the foreground.

        Args:
            unary: (..., h, w) float32, log odds of each cell on its own.
            smoothness: log odds that all neighbours together give a cell that is as they are.
            rounds: of updates.
            inside: (..., h, w) in 0..1, what the probability is multiplied by.

        Returns:
            (..., h, w) float32.
        """
        belief = _sigmoid(unary) * inside
        for _ in range(rounds):
            leaning, message = 2 * belief - 1, np.zeros_like(unary)
            for one, other, affinity in self._pairs:
                message[one] += affinity * leaning[other]
                message[other] += affinity * leaning[one]
            belief = _sigmoid(unary + smoothness * message) * inside
        return belief


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))
