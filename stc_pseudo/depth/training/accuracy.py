"""Accuracy of inverse depth against measured depth: AbsRel."""

from __future__ import annotations

import numpy as np

FARTHEST = 80.0  # metres; KITTI's depth benchmark ends here


def absolute_relative(inverse_depth: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Mean of |estimate - truth| / truth (AbsRel, Eigen et al., NeurIPS 2014) over pixels whose truth is known.

    Args:
        inverse_depth: (H, W), NaN where unknown, at least one pixel known where the truth is.
        truth: (H, W) metres, NaN where unknown.

    Returns:
        AbsRel after scaling the estimate by the ratio of medians; AbsRel without scaling; and the share of the truth's
        pixels that have an estimate.
    """
    valid = (truth < FARTHEST) & np.isfinite(inverse_depth)
    estimate = 1 / np.clip(inverse_depth[valid], 1 / FARTHEST, None)
    true = truth[valid]
    scaled = estimate * np.median(true) / np.median(estimate)
    share = valid.sum() / (truth < FARTHEST).sum()
    return float(np.mean(np.abs(scaled - true) / true)), float(np.mean(np.abs(estimate - true) / true)), float(share)
