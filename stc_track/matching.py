"""One-to-one pairs of tracks and detections from a matrix of costs (III-C2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

Matching = Literal["bi-greedy", "hungarian", "greedy"]


def bi_greedy(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1: each track names its nearest detection, each named detection takes the nearest of its candidates.

    Args:
        costs: (G, K) float64, tracks by detections; inf where a pair is out of the question.

    Returns:
        rows (P,), columns (P,) int64 of the pairs, by increasing column.

    Examples:
        Tracks 0 and 1 both name detection 0; track 1 is nearer, and track 0 stays without a partner.

        >>> bi_greedy(np.array([[2.0, 3.0], [1.0, 9.0]]))
        (array([1]), array([0]))
    """
    if not costs.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    tracks = np.arange(len(costs))
    nearest = costs.argmin(1)
    named = np.full(costs.shape, np.inf)
    named[tracks, nearest] = costs[tracks, nearest]
    best = named.argmin(0)
    columns = np.flatnonzero(named.min(0) < np.inf)
    return best[columns], columns


def greedy(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest pair first, then the cheapest of the rest, and so on; arguments and result as `bi_greedy`."""
    partner = np.full(costs.shape[1], -1)
    free = np.ones(len(costs), bool)
    rows, columns = np.nonzero(np.isfinite(costs))
    order = np.argsort(costs[rows, columns], kind="stable")
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if free[row] and partner[column] < 0:
            partner[column], free[row] = row, False
    columns = np.flatnonzero(partner >= 0)
    return partner[columns], columns


def hungarian(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most pairs, and of those the least sum of costs; arguments and result as `bi_greedy`."""
    possible = np.isfinite(costs)
    if not possible.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    forbidden = (costs[possible].max() - min(0.0, costs[possible].min()) + 1) * (min(costs.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(possible, costs, forbidden))
    kept = possible[rows, columns]
    order = np.argsort(columns[kept])
    return rows[kept][order], columns[kept][order]


MATCHERS = {"bi-greedy": bi_greedy, "hungarian": hungarian, "greedy": greedy}
