"""Moving maps between grids: one formula for the training targets and for the predicted masks.

Positions are continuous: cell k of a grid covers k..k+1 and its centre is k + 0.5. A map is moved axis by axis, with
`target = scale * source + shift`; a negative scale mirrors.
"""

from __future__ import annotations

import numpy as np


def source_positions(source: int, target: int, scale: float, shift: float = 0.0) -> np.ndarray:
    """Where the centre of each target cell lies in the source, kept within its outermost centres.

    Args:
        source, target: cells along the axis.
        scale: target cells per source cell; negative mirrors.
        shift: target position of the source's 0.

    Returns:
        (target,) float64 in 0.5..source - 0.5.
    """
    return ((np.arange(target) + 0.5 - shift) / scale).clip(0.5, source - 0.5)


def axis_weights(source: int, target: int, scale: float, shift: float = 0.0) -> np.ndarray:
    """Linear map from source cells to target cells: area average when it shrinks, linear interpolation when it grows.

    Both are the overlap of source cells with an interval around the target's centre, as wide as the target cell but at
    least one source cell.

    Returns:
        (target, source) float32, each row adding up to 1; beyond the source its last cell is repeated.

    Examples:
        >>> axis_weights(4, 2, 0.5)
        array([[0.5, 0.5, 0. , 0. ],
               [0. , 0. , 0.5, 0.5]], dtype=float32)
    """
    centre = source_positions(source, target, scale, shift)[:, None]
    half = max(1.0, 1 / abs(scale)) / 2
    left = np.arange(source)
    overlap = (np.minimum(left + 1, centre + half) - np.maximum(left, centre - half)).clip(0)
    return (overlap / overlap.sum(1, keepdims=True)).astype(np.float32)


def nearest(source: int, target: int, scale: float, shift: float = 0.0) -> np.ndarray:
    """The source cell that holds each target cell's centre: (target,) int64."""
    return source_positions(source, target, scale, shift).astype(np.int64).clip(0, source - 1)
