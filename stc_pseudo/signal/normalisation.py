"""The scale at which depth and flow enter the mini network, so that its thresholds mean something (Eq. 1, Eq. 2)."""

from __future__ import annotations

import numpy as np


def normalise_inverse_depth(inverse_depth: np.ndarray, gain: float) -> np.ndarray:
    """Divide each frame's inverse depth by its (lower) median, times a gain: any unit and scale gives the same.

    Args:
        inverse_depth: (n, h, w), at least 0.
        gain: what the median becomes.

    Returns:
        (n, h, w); all 0 where a frame's median is 0.
    """
    values = inverse_depth.reshape(len(inverse_depth), -1)
    middle = (values.shape[1] - 1) // 2
    median = np.partition(values, middle, axis=1)[:, middle, None, None]
    return inverse_depth * gain / np.maximum(median, 1e-6)


def normalise_flow(flow: np.ndarray, size: tuple[int, int], gain: float) -> np.ndarray:
    """Express flow as a share of the frame's width, times a gain: any resolution gives the same.

    Not by the frame's own motion: in a standing car's view that would blow up noise.

    Args:
        flow: (n, 2, h, w), pixels of the original frame.
        size: its (height, width).
        gain: what a flow as long as the frame is wide becomes.

    Returns:
        (n, 2, h, w).
    """
    return flow * (gain / size[1])
