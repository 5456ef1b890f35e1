"""One-to-one pairs of tracks and detections from the pairs that are possible, each with its cost (III-C2)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    """The least sum of costs, where going without a partner costs 0; arguments and result as `bi_greedy`.

    Shortest augmenting paths (Jonker and Volgenant, Computing 1987) over the possible pairs alone: tracks come one
    after the other, and whom one displaces looks for the next best, or goes without.
    """
    if len({pair[1] for pair in pairs}) == len({pair[2] for pair in pairs}) == len(pairs):  # nobody has a choice
        return {detection: track for cost, track, detection in pairs if cost < 0}
    search = _Search()
    for cost, track, detection in pairs:
        if cost < 0:
            search.choices.setdefault(track, []).append((cost, detection))
    chosen: dict[int, int] = {}  # track to detection
    for track in search.choices:
        free, loser = search.from_track(track)
        end = free if free is not None else None if loser == track else chosen.pop(loser)
        while end is not None:
            row = search.parents[end]
            search.partners[end], chosen[row], end = row, end, chosen.get(row)
    return search.partners


@dataclass(slots=True)
class _Search:
    """Shortest paths over reduced costs.

    Attributes:
        choices: (cost, detection) of each track.
        partners: the track of each detection that has one.
        values, prices: dual variables of tracks and detections.
        parents: of the last path, the track that each detection was reached from.
    """

    choices: dict[int, list[tuple[float, int]]] = field(default_factory=dict)
    partners: Partners = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    prices: dict[int, float] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)

    def from_track(self, track: int) -> tuple[int | None, int]:
        """Where the cheapest way to place a track ends: a free detection, or none and the track that goes without."""
        self.values[track], self.parents = 0.0, {}
        ahead: list[tuple[float, int]] = []  # detections that may be reached, by distance
        shortest: dict[int, float] = {}
        reached: dict[int, float] = {}
        row, distance, least, loser, free = track, 0.0, math.inf, track, None
        while True:
            so_far = distance - self.values[row]
            if so_far < least:  # `row` goes without
                least, loser = so_far, row
            for cost, detection in self.choices[row]:
                length = so_far + cost - self.prices.get(detection, 0.0)
                if detection not in reached and length < shortest.get(detection, math.inf):
                    shortest[detection], self.parents[detection] = length, row
                    heapq.heappush(ahead, (length, detection))
            while ahead and ahead[0][1] in reached:
                heapq.heappop(ahead)
            if not ahead or ahead[0][0] >= least:
                break
            distance, detection = heapq.heappop(ahead)
            if detection not in self.partners:
                least, free = distance, detection
                break
            reached[detection] = distance
            row = self.partners[detection]
        self.values[track] = least
        for detection, length in reached.items():
            self.values[self.partners[detection]] += least - length
            self.prices[detection] = self.prices.get(detection, 0.0) - (least - length)
        return free, loser


MATCHERS = {"bi-greedy": bi_greedy, "hungarian": hungarian, "greedy": greedy}


def left_over(pairs: Iterable[tuple[float, int, int]], partners: Partners) -> Pairs:
    """The pairs of which neither side has a partner."""
    taken = set(partners.values())
    return [pair for pair in pairs if pair[2] not in partners and pair[1] not in taken]
