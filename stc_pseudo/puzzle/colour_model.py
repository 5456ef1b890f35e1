"""Which colours are the object's and which its surroundings': histograms of each box's own window.

Edges of colour say where an object may end; how often a colour occurs in the box and around it says on which side of
the edge the object lies (as in GrabCut, Rother et al., SIGGRAPH 2004, with histograms for mixtures).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BINS = 8  # an axis
LEAST_RANGE = (20.0, 12.0, 12.0)  # CIELAB units that the bins span at the least: noise is no colour
SMOOTHING = 0.8  # bins
LARGEST = 2.0  # of the logarithm of a ratio: no colour alone decides


def log_likelihood_ratio(lab: np.ndarray, in_object: np.ndarray, in_background: np.ndarray) -> np.ndarray:
    """How much rather each cell's colour is met on the object than around it.

    Args:
        lab: (h, w, 3) float32, CIELAB.
        in_object, in_background: (h, w), at least 0: how much each cell counts as either.

    Returns:
        (h, w) float64 in -LARGEST..LARGEST, the logarithm of the ratio of both histograms.
    """
    flat = lab.reshape(-1, 3)
    low, high = flat.min(0), flat.max(0)
    bins = np.clip((flat - low) / np.maximum(high - low, LEAST_RANGE) * BINS, 0, BINS - 1).astype(np.intp)
    index = np.ravel_multi_index(bins.T, (BINS,) * 3)
    object_share, background_share = (_histogram(index, weight.ravel()) for weight in (in_object, in_background))
    return np.clip(np.log(object_share / background_share), -LARGEST, LARGEST)[index].reshape(lab.shape[:2])


def _histogram(index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    counts = np.bincount(index, weight, BINS**3).reshape((BINS,) * 3)
    counts = ndimage.gaussian_filter(counts, SMOOTHING, mode="nearest").ravel()
    return counts / max(counts.sum(), 1e-9) + 0.5 / BINS**3
