"""Algorithm 1 worked by hand and against a plain reference; greedy and Hungarian against their definitions."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from stc_track.tracking.matching import MATCHERS, bi_greedy, greedy, hungarian, left_over

INF = np.inf
SHAPES = st.tuples(st.integers(0, 4), st.integers(0, 3))
COSTS = SHAPES.flatmap(lambda s: hnp.arrays(np.float64, s, elements=st.floats(0, 9) | st.just(INF), unique=False))


def listed(costs):
    """The possible pairs of a table of costs, by increasing cost."""
    return sorted((cost, row, column) for (row, column), cost in np.ndenumerate(costs) if np.isfinite(cost))


def algorithm_1(costs):
    """The paper's lines 1 to 14 with loops; gated pairs (inf) do not exist."""
    named = set()
    for track, row in enumerate(costs):
        if np.isfinite(row).any():
            named.add((track, int(np.argmin(row))))
    matched = {}
    for detection in range(costs.shape[1]):
        candidates = [track for track, nearest in sorted(named) if nearest == detection]
        if candidates:
            matched[detection] = min(candidates, key=lambda track: costs[track, detection])
    return matched


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        pytest.param([[1, 5], [5, 2]], {0: 0, 1: 1}, id="each its own"),
        pytest.param(
            [[2, 3], [1, 9]], {0: 1}, id="two tracks name one detection, the nearer has it, the other goes without"
        ),
        pytest.param([[4, 9, 9]], {0: 0}, id="detections that nobody names stay new"),
        pytest.param([[INF, INF], [INF, 3]], {1: 1}, id="a gated track names nobody"),
        pytest.param([[2, 2]], {0: 0}, id="of equal costs the first"),
    ],
)
def test_algorithm_1_by_hand(costs, expected):
    assert bi_greedy(listed(np.array(costs, float))) == expected


@given(COSTS)
def test_bi_greedy_is_algorithm_1(costs):
    assert bi_greedy(listed(costs)) == algorithm_1(costs)


@given(COSTS)
def test_greedy_takes_the_cheapest_of_what_is_left(costs):
    left, matched = costs.copy(), {}
    while np.isfinite(left).any():
        row, column = np.unravel_index(left.argmin(), left.shape)
        matched[int(column)] = int(row)
        left[row], left[:, column] = INF, INF
    assert greedy(listed(costs)) == matched


@given(COSTS)
def test_hungarian_has_the_least_sum_and_no_pair_that_is_worse_than_none(costs):
    costs = costs - 5
    found = hungarian(listed(costs))
    tracks, detections = costs.shape
    padded = np.pad(costs, ((0, detections), (0, 0)))  # a row of zeros a detection: no partner
    best = min(
        sum(padded[row, column] for column, row in enumerate(chosen))
        for chosen in permutations(range(tracks + detections), detections)
    )
    assert sum(costs[row, column] for column, row in found.items()) == pytest.approx(best)
    assert all(costs[row, column] < 0 for column, row in found.items())


@given(COSTS, st.sampled_from(sorted(MATCHERS)))
def test_pairs_are_one_to_one_and_possible(costs, name):
    partners = MATCHERS[name](listed(costs))
    assert len(set(partners.values())) == len(partners)
    assert all(np.isfinite(costs[row, column]) for column, row in partners.items())


def test_left_over():
    assert left_over([(1.0, 0, 0), (2.0, 1, 0), (3.0, 0, 1), (4.0, 1, 1)], {0: 0}) == [(4.0, 1, 1)]


@pytest.mark.parametrize("density", [0.1, 0.3, 1.0])
def test_hungarian_has_the_sum_of_scipys_in_crowds(density):
    random = np.random.default_rng(4)
    costs = np.where(random.random((60, 50)) < density, random.normal(-1, 1, (60, 50)), 0.0)
    pairs = sorted((float(costs[place]), *map(int, place)) for place in zip(*np.nonzero(costs), strict=True))
    found = hungarian(pairs)
    assert len(set(found.values())) == len(found)
    least = np.minimum(costs, 0)[linear_sum_assignment(np.minimum(costs, 0))].sum()
    assert sum(costs[track, detection] for detection, track in found.items()) == pytest.approx(least)
