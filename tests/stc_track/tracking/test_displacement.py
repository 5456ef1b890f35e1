"""Camera motion from the tracks alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stc_track.tracking.displacement import common_displacement, follow, median


def boxes(count, seed=0):
    random = np.random.default_rng(seed)
    low = random.uniform(0, 1500, (count, 2))
    return np.concatenate((low, low + random.uniform(30, 80, (count, 1)) * (1, 2.5)), axis=1)


@pytest.mark.parametrize("count", [5, 30, 120])
@pytest.mark.parametrize("shift", [(0, 0), (25, -10), (-40, 5)], ids=str)
def test_finds_what_most_follow(count, shift):
    """A third of the objects walks off on its own, a fifth is missed."""
    tracks, random = boxes(count), np.random.default_rng(1)
    detections = tracks + np.tile(shift, 2) + random.normal(0, 0.5, (count, 4))
    walkers = random.random(count) < 1 / 3
    detections[walkers] += np.tile(random.normal(0, 30, (walkers.sum(), 2)), 2)
    seen = detections[random.permutation(count)[: max(4, int(0.8 * count))]]
    ones = np.ones(count, int)
    found = common_displacement(tracks, seen, ones, ones[: len(seen)])
    np.testing.assert_allclose(found, shift, atol=2.5)


def test_few_tracks_tell_nothing():
    tracks = boxes(3)
    assert common_displacement(tracks, tracks + 20, np.ones(3, int), np.ones(3, int)).tolist() == [0, 0]


def test_classes_do_not_mix():
    tracks = boxes(6)
    assert common_displacement(tracks, tracks + 20, np.ones(6, int), np.full(6, 2)).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("off", "count", "expected"),
    [(0.0, 5, True), (0.05, 5, True), (0.2, 5, False), (0.0, 9, False), (0.2, 3, True)],
    ids=["in place", "nearly", "elsewhere", "half are lost", "too few to tell"],
)
def test_follow(off, count, expected):
    assert follow(np.full((5, 2), [30 * off, 40 * off]), np.full(5, 50.0), count) == expected


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=8))
def test_median_is_numpys(values):
    assert median(np.array(values)) == pytest.approx(np.median(values))
