"""Mixtures of Gaussians with a least covariance, fitted to weighted samples by expectation maximisation.

Many are fitted at once: every array may have leading axes, one for each stack of mixtures. Samples lie along the last
axis, so that sums over the few components and channels are sums of long rows.
"""

from __future__ import annotations

import numpy as np

SEEDING_ROUNDS = 4  # of k-means
LEAST_COUNT = 1e-6


def quadratic(samples: np.ndarray) -> np.ndarray:
    """Terms 1, x_i and x_i x_j (i <= j) of samples (..., D, n): a Gaussian's logarithm is linear in them.

    Returns:
        (..., 1 + D + D (D + 1) / 2, n), of the samples' type.
    """
    i, j = np.triu_indices(samples.shape[-2])
    return np.concatenate(
        [np.ones_like(samples[..., :1, :]), samples, samples[..., i, :] * samples[..., j, :]], axis=-2
    )


class Mixtures:
    """Gaussians whose covariance is the samples' plus one: a difference of 1 is the least that can tell.

    Args:
        samples: (..., D, n) float32, in units of their noise.
        terms: (..., T, n), `quadratic` of them.
        weight: (..., n), at least 0, positive somewhere.
        components: number of Gaussians of each mixture.
        draws: (components,) in 0..1: where the seeding looks among the samples, by their weight.
    """

    def __init__(
        self, samples: np.ndarray, terms: np.ndarray, weight: np.ndarray, components: int, draws: np.ndarray
    ) -> None:
        self.dimensions = samples.shape[-2]
        self._upper = np.triu_indices(self.dimensions)
        self._fit(terms, _seed(samples, weight, components, draws) * weight[..., None, :])

    def log_density(self, terms: np.ndarray) -> np.ndarray:
        """Logarithm of the density, (..., n), of samples with these terms."""
        logs = self._linear @ terms
        largest = logs.max(-2, keepdims=True)
        logs -= largest
        return largest[..., 0, :] + np.log(np.exp(logs, out=logs).sum(-2))

    def improve(self, terms: np.ndarray, weight: np.ndarray) -> None:
        """One round of expectation maximisation on samples with these terms and weights (..., n)."""
        share = self._linear @ terms
        share -= share.max(-2, keepdims=True)
        np.exp(share, out=share)
        share *= (weight / share.sum(-2))[..., None, :]
        self._fit(terms, share)

    def _fit(self, terms: np.ndarray, share: np.ndarray) -> None:
        size, (i, j) = self.dimensions, self._upper
        moments = (share @ terms.swapaxes(-1, -2)).astype(np.float64)
        count = moments[..., 0] + LEAST_COUNT
        mean = moments[..., 1 : 1 + size] / count[..., None]
        covariance = np.empty((*mean.shape, size))
        covariance[..., i, j] = covariance[..., j, i] = moments[..., 1 + size :] / count[..., None]
        covariance -= mean[..., :, None] * mean[..., None, :]
        covariance += np.eye(size) * (1 + 1e-3)
        precision = np.linalg.inv(covariance)
        pulled = (precision @ mean[..., None])[..., 0]
        constant = np.log(count / count.sum(-1, keepdims=True)) - 0.5 * np.linalg.slogdet(covariance)[1]
        constant -= 0.5 * (pulled * mean).sum(-1)
        crossed = precision[..., i, j] * np.where(i == j, -0.5, -1.0)
        self._linear = np.concatenate([constant[..., None], pulled, crossed], -1).astype(terms.dtype)


def _seed(samples: np.ndarray, weight: np.ndarray, components: int, draws: np.ndarray) -> np.ndarray:
    """Assign samples to components by k-means: (..., components, n), one 1 a sample."""
    total = np.cumsum(weight, -1, dtype=np.float64)
    drawn = (total[..., None, :] <= draws[:, None] * total[..., -1:, None]).sum(-1)  # (..., components)
    drawn = np.minimum(drawn, weight.shape[-1] - 1)
    centres = np.take_along_axis(samples, drawn[..., None, :], -1).swapaxes(-1, -2)
    for _ in range(SEEDING_ROUNDS):
        distance = np.square(centres).sum(-1)[..., None] - 2 * centres @ samples
        share = (distance.argmin(-2)[..., None, :] == np.arange(components)[:, None]).astype(samples.dtype)
        member_weight = share * weight[..., None, :]
        count = member_weight.sum(-1)[..., None]
        mean = member_weight @ samples.swapaxes(-1, -2) / np.maximum(count, LEAST_COUNT)
        centres = np.where(count > LEAST_COUNT, mean, centres)
    return share
