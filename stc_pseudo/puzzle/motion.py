"""Motion of what is in a box relative to its surroundings, in units of how well these move as one.

The flow around the box is fitted by an affine motion, robustly. What the fit leaves in the box is the object's own
motion or parallax; what it leaves around the box is the noise of the flow and of the fit. So the residual is measured
in that noise: no scale in pixels is set, and a camera that shakes or turns needs no other treatment than one that
stands still.
"""

from __future__ import annotations

import numpy as np

ROUNDS = 8  # of reweighting
RIDGE = 1e-9  # of the equations' trace: surroundings in one row leave a direction free
LEAST_NOISE = 1e-3  # pixels: exact flow around the box may leave nothing


def relative_motion(flow: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Flow less the surroundings' affine motion, over the median residual of the surroundings.

    Args:
        flow: (h, w, 2) float32, pixels.
        ring: (h, w), at least 0: weight of each cell as surroundings; positive somewhere.

    Returns:
        (h, w, 2) float32.
    """
    height, width = ring.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    basis = np.stack([np.ones_like(x), x, y], -1).reshape(-1, 3)
    target = flow.reshape(-1, 2).astype(np.float64)
    # Every second cell is fitted, as on a chessboard.
    chosen = np.flatnonzero((ring > 0) & (np.add.outer(np.arange(height), np.arange(width)) % 2 == 0))
    chosen = chosen if len(chosen) else np.flatnonzero(ring > 0)
    ring_weight, ring_basis, ring_flow = ring.ravel()[chosen].astype(np.float64), basis[chosen], target[chosen]
    weight = ring_weight
    for _ in range(ROUNDS):
        normal = (ring_basis * weight[:, None]).T
        system = normal @ ring_basis
        motion = np.linalg.solve(system + RIDGE * np.trace(system) * np.eye(3), normal @ ring_flow)
        length = np.linalg.norm(ring_flow - ring_basis @ motion, axis=1)
        noise = max(weighted_median(length, ring_weight), LEAST_NOISE)
        weight = ring_weight / (1 + np.square(length / noise))
    return ((target - basis @ motion) / noise).reshape(flow.shape).astype(np.float32)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Value (n,) at which half of the weights (n,) is reached."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(total, total[-1] / 2), len(values) - 1)])


def compress(motion: np.ndarray) -> np.ndarray:
    """Take the logarithm of the lengths of vectors (..., 2), `log(1 + length)`, and keep their directions."""
    length = np.linalg.norm(motion, axis=-1, keepdims=True)
    return motion * (np.log1p(length) / np.maximum(length, 1e-6))
