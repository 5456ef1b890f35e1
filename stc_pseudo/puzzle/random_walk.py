"""Random walks on the cells around a box: soft cuts in place of thresholds (Grady, PAMI 2006)."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

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
    if target.shape[1] > target.shape[0]:  # the shorter side first: the band of the system is as wide as a row
        return walk(features.transpose(0, 2, 1), target.T, pull.T).T
    height, width = target.shape
    down, right = conductance(features, 1), conductance(features, 2)
    # Lower diagonals of the symmetric system: itself, the cell beside it, the cell below it.
    bands = np.zeros((max(width, 2) + 1, height, width))
    bands[0] = pull
    for between, one, other in ((down, np.s_[:-1], np.s_[1:]), (right, np.s_[:, :-1], np.s_[:, 1:])):
        bands[0][one] += between
        bands[0][other] += between
    bands[1][:, :-1] = -right
    bands[width][:-1] -= down  # a single column has the cell below it beside it
    solved = solveh_banded(
        bands.reshape(len(bands), -1), (pull * target).ravel(), lower=True, overwrite_ab=True, check_finite=False
    )
    return solved.reshape(height, width)
