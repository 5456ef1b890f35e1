"""How good a mask looks without a true one.

A mask is right where its outline lies on the edges of something that was not asked for it as a whole: `edge_contrast`,
the mean difference in motion across the outline over that elsewhere in the box, both in units of the flow's own noise
around the box. That decides between candidates. The score of the mask that is kept adds how certain its cells are and
how far the candidates agree.
"""

from __future__ import annotations

import numpy as np

FLOOR = 1e-3  # of a difference, in units of noise
CERTAINTY_WEIGHT = 5.0
MIDDLE = 5.0  # of the sum: a score of one half


def edge_contrast(features: np.ndarray, mask: np.ndarray, inside: np.ndarray) -> float:
    """Logarithm of the mean difference across a mask's outline over the mean difference elsewhere, in the box.

    Args:
        features: (h, w, C) float32.
        mask, inside: (h, w) bool.

    Returns:
        0 where an outline lies as anywhere, or there is none; positive on edges.
    """
    across, along = [], []
    for axis in (0, 1):
        difference = np.linalg.norm(np.diff(features, axis=axis), axis=-1)
        counted = np.logical_and(*(np.delete(inside, end, axis) for end in (0, -1)))
        outline = np.diff(mask, axis=axis)
        across.append(difference[outline & counted])
        along.append(difference[~outline & counted])
    crossed, uncrossed = np.concatenate(across), np.concatenate(along)
    if not len(crossed) or not len(uncrossed):
        return 0.0
    return float(np.log((crossed.mean() + FLOOR) / (uncrossed.mean() + FLOOR)))


def certainty(probability: np.ndarray, inside: np.ndarray) -> float:
    """Mean of `|2p - 1|` over the box's cells: probability (h, w) in 0..1, inside (h, w) bool."""
    return float(np.abs(2 * np.clip(probability[inside], 0, 1) - 1).mean()) if inside.any() else 0.0


def agreement(mask: np.ndarray, other: np.ndarray) -> float:
    """IoU of two masks (h, w) bool; 1 where both are empty."""
    union = np.count_nonzero(mask | other)
    return np.count_nonzero(mask & other) / union if union else 1.0


def score(contrast: float, certain: float, agree: float) -> float:
    """Combine `edge_contrast`, `certainty` and `agreement` of a mask to one value in 0..1; higher is better."""
    return float(1 / (1 + np.exp(MIDDLE - contrast - CERTAINTY_WEIGHT * certain - agree)))
