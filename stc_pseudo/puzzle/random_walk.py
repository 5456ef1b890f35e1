"""Random walks on the cells around a box: soft cuts in place of thresholds (Grady, PAMI 2006)."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

LEAK = 1e-4  # conductance of the strongest cut; keeps the system well-posed


def conductance(features: np.ndarray, axis: int) -> np.ndarray:
    """How freely a walk passes between neighbours along an axis: `exp(-||difference||^2 / 2)`, plus `LEAK`.

    Args:
        features: (C, h, w), scaled so that a difference of 1 is one standard deviation within an object.
        axis: 1 for neighbours in a column, 2 in a row.

    Returns:
        (h - 1, w) or (h, w - 1).
    """
    return np.exp(-0.5 * np.square(np.diff(features, axis=axis)).sum(0)) + LEAK


def walk(features: np.ndarray, target: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Probability that a walk from each cell ends on the object.

    Minimises the sum of `conductance * (x_i - x_j)^2` over neighbours plus `pull * (x - target)^2` over cells.

    Args:
        features: (C, h, w), as for `conductance`.
        target: (h, w) in 0..1, what a cell is believed to be on its own.
        pull: (h, w), how strongly; positive somewhere.

    Returns:
        (h, w) in 0..1.
    """
    height, width = target.shape
    index = np.arange(target.size).reshape(height, width)
    down, right = conductance(features, 1).ravel(), conductance(features, 2).ravel()
    i = np.concatenate([index[:-1].ravel(), index[:, :-1].ravel()])
    j = np.concatenate([index[1:].ravel(), index[:, 1:].ravel()])
    weight = np.concatenate([down, right])
    degree = np.bincount(i, weight, target.size) + np.bincount(j, weight, target.size) + pull.ravel()
    diagonal = np.arange(target.size)
    system = sparse.csc_matrix(
        (
            np.concatenate([-weight, -weight, degree]),
            (np.concatenate([i, j, diagonal]), np.concatenate([j, i, diagonal])),
        )
    )
    # Symmetric and diagonally dominant: no pivoting, and an ordering for symmetric systems, a fifth faster.
    factors = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True})
    return factors.solve((pull * target).ravel()).reshape(height, width)
