"""Mixtures of Gaussians with a least covariance, fitted to weighted samples by expectation maximisation."""

from __future__ import annotations

import numpy as np

SEEDING_ROUNDS = 4  # of k-means


def quadratic(samples: np.ndarray) -> np.ndarray:
    """Terms 1, x_i and x_i x_j (i <= j) of samples (n, D): a Gaussian's logarithm is linear in them.

    Returns:
        (n, 1 + D + D (D + 1) / 2), of the samples' type.
    """
    i, j = np.triu_indices(samples.shape[1])
    return np.concatenate([np.ones_like(samples[:, :1]), samples, samples[:, i] * samples[:, j]], 1)


class Mixture:
    """Gaussians whose covariance is the samples' plus one: a difference of 1 is the least that can tell.

    Args:
        samples: (n, D) float32, in units of their noise.
        terms: `quadratic` of them.
        weight: (n,), at least 0, positive somewhere.
        components: number of Gaussians.
        rng: of the seeding.
    """

    def __init__(
        self, samples: np.ndarray, terms: np.ndarray, weight: np.ndarray, components: int, rng: np.random.Generator
    ) -> None:
        self.dimensions = samples.shape[1]
        self._fit(terms, _seed(samples, weight, components, rng) * weight[:, None])

    def log_density(self, terms: np.ndarray) -> np.ndarray:
        """Logarithm of the density, (n,), of samples with these terms."""
        logs = terms @ self._linear
        largest = logs.max(1, keepdims=True)
        return largest[:, 0] + np.log(np.exp(logs - largest).sum(1))

    def improve(self, terms: np.ndarray, weight: np.ndarray) -> None:
        """One round of expectation maximisation on samples with these terms and weights (n,)."""
        logs = terms @ self._linear
        share = np.exp(logs - logs.max(1, keepdims=True))
        self._fit(terms, share * (weight / share.sum(1))[:, None])

    def _fit(self, terms: np.ndarray, share: np.ndarray) -> None:
        size = self.dimensions
        i, j = np.triu_indices(size)
        moments = (share.T @ terms).astype(np.float64)
        count = moments[:, 0] + 1e-6
        mean, second = moments[:, 1 : 1 + size] / count[:, None], np.empty((len(count), size, size))
        second[:, i, j] = second[:, j, i] = moments[:, 1 + size :] / count[:, None]
        precision = np.linalg.inv(second - mean[:, :, None] * mean[:, None] + np.eye(size) * (1 + 1e-3))
        pulled = np.einsum("kij,kj->ki", precision, mean)
        constant = np.log(count / count.sum()) + 0.5 * np.linalg.slogdet(precision)[1] - 0.5 * (pulled * mean).sum(1)
        crossed = -0.5 * precision[:, i, j] * np.where(i == j, 1, 2)
        self._linear = np.concatenate([constant[None], pulled.T, crossed.T]).astype(terms.dtype)


def _seed(samples: np.ndarray, weight: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    """Assign samples to components by k-means: (n, components), one 1 a row."""
    centres = samples[rng.choice(len(samples), components, p=weight / weight.sum(dtype=np.float64))]
    for _ in range(SEEDING_ROUNDS):
        distance = np.square(centres).sum(1) - 2 * samples @ centres.T
        share = np.eye(components, dtype=samples.dtype)[distance.argmin(1)]
        held = share * weight[:, None]
        count = held.sum(0)[:, None]
        centres = np.where(count > 1e-6, held.T @ samples / np.maximum(count, 1e-6), centres)
    return share
