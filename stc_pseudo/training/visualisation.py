"""Colour codes of inverse depth and flow, for pictures that people look at."""

from __future__ import annotations

import cv2
import numpy as np


def colour_inverse_depth(inverse_depth: np.ndarray) -> np.ndarray:
    """Near red, far blue, unknown black.

    Args:
        inverse_depth: (H, W) float, NaN where unknown; the colours end at its 2nd and 98th percentile.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    values = inverse_depth.astype(np.float32)
    valid = np.isfinite(values)
    low, high = np.percentile(values[valid], (2, 98)) if valid.any() else (0, 1)
    scaled = np.clip((np.where(valid, values, low) - low) / max(high - low, 1e-6), 0, 1)
    coloured = cv2.applyColorMap((scaled * 255).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return np.where(valid[..., None], coloured, np.uint8(0))


def colour_flow(flow: np.ndarray) -> np.ndarray:
    """Direction as hue, length as saturation up to its 98th percentile; no motion and unknown are white.

    Args:
        flow: (2, H, W) float, (dx, dy), NaN where unknown.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    dx, dy = np.nan_to_num(flow.astype(np.float32))
    length = np.hypot(dx, dy)
    hue = (np.degrees(np.arctan2(dy, dx)) % 360) / 2  # OpenCV's hue ends at 180
    saturation = np.clip(length / max(float(np.percentile(length, 98)), 1e-3), 0, 1) * 255
    hsv = np.stack([hue, saturation, np.full_like(hue, 255)], axis=-1).astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
