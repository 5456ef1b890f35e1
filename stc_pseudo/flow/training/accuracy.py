"""Accuracy of flow: end-point error and F1."""

from __future__ import annotations

import numpy as np

# KITTI 2015's rule: an error counts as an outlier beyond both.
OUTLIER_PIXELS, OUTLIER_SHARE = 3, 0.05


def end_point_error(flow: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean end-point error, and the share of outliers (F1), over pixels whose truth is known.

    Args:
        flow: (2, H, W) in pixels, finite where the truth is.
        truth: (2, H, W) in pixels, NaN where unknown.

    Returns:
        EPE in pixels; and the share of pixels that are wrong by more than 3 pixels and 5 % of the true length.
    """
    valid = np.isfinite(truth[0])
    error, length = np.hypot(*(flow - truth))[valid], np.hypot(*truth)[valid]
    outlier = (error > OUTLIER_PIXELS) & (error > OUTLIER_SHARE * length)
    return float(error.mean()), float(outlier.mean())
