"""One-to-one pairs of tracks and detections from the pairs that are possible, each with its cost (III-C2)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import linear_sum_assignment

Pairs = list[tuple[float, int, int]]  # cost (below 0: better than none), track, detection; by increasing cost
Partners = dict[int, int]  # detection to track


def bi_greedy(pairs: Pairs) -> Partners:
    """Algorithm 1: each track names its nearest detection, each named detection takes the nearest that named it.

    Args:
        pairs: (cost, track, detection) of the possible pairs, by increasing cost.

    Returns:
        the track of each detection that has found one.

    Examples:
        Tracks 0 and 1 both name detection 0; track 1 is nearer, and track 0 stays without a partner.

        >>> bi_greedy([(1.0, 1, 0), (2.0, 0, 0), (3.0, 0, 1), (9.0, 1, 1)])
        {0: 1}
    """
    partners: Partners = {}
    spoken = set()
    for _, track, detection in pairs:  # a track's first pair is its nearest detection
        if track not in spoken:
            spoken.add(track)
            partners.setdefault(detection, track)
    return partners


def greedy(pairs: Pairs) -> Partners:
    """The cheapest pair first, then the cheapest of the rest, and so on; arguments and result as `bi_greedy`."""
    partners: Partners = {}
    taken = set()
    for _, track, detection in pairs:
        if track not in taken and detection not in partners:
            taken.add(track)
            partners[detection] = track
    return partners


def hungarian(pairs: Pairs) -> Partners:
    """The least sum of costs, where going without a partner costs 0; arguments and result as `bi_greedy`."""
    if not pairs:
        return {}
    costs, tracks, detections = zip(*pairs, strict=True)
    rows, columns = (list(dict.fromkeys(each)) for each in (tracks, detections))
    if len(rows) == len(columns) == len(pairs):  # nobody has a choice
        return {detection: track for cost, track, detection in pairs if cost < 0}
    row_of, column_of = ({each: place for place, each in enumerate(known)} for known in (rows, columns))
    table = np.zeros((len(rows), len(columns)))
    table[[row_of[each] for each in tracks], [column_of[each] for each in detections]] = np.minimum(costs, 0)
    chosen = zip(*(each.tolist() for each in linear_sum_assignment(table)), strict=True)
    return {columns[j]: rows[i] for i, j in chosen if table[i, j] < 0}


MATCHERS = {"bi-greedy": bi_greedy, "hungarian": hungarian, "greedy": greedy}


def left_over(pairs: Iterable[tuple[float, int, int]], partners: Partners) -> Pairs:
    """The pairs of which neither side has a partner."""
    taken = set(partners.values())
    return [each for each in pairs if each[2] not in partners and each[1] not in taken]
