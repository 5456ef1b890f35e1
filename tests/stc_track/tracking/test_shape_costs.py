"""What a pair costs for the masks' overlap and sizes: numbers by hand."""

import numpy as np
import pytest

from stc_track.tracking.costs import pairs
from stc_track.tracking.kalman import KalmanState
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.track_table import TrackTable
from stc_track.tracking.types import Detections

ALONE = TrackerSettings().changed(  # nothing else costs anything
    alpha=(0.0, 0.0, 0.0), overlap_weight=0.0, size_weight=0.0, score_weight=0.0, new_track_penalty=0.0,
    gap_weight=0.0, speed_weight=0.0, max_cost=20.0,
)  # fmt: skip
BOX = 10.0, 20.0, 30.0, 40.0


def detection(frame, *columns):
    """One of a box that stays, whose mask has the columns from the first to before the last, each of 20 pixels."""
    mask = np.arange(*columns)[:, None] * 100 + np.array([20, 40])
    return Detections(frame, np.array([BOX]), np.ones(1), np.ones(1, int), (mask,), height=100)


def cost(views, last, **changes):
    """Of the pair of a track that had these masks, the oldest first, and a detection."""
    settings = ALONE.changed(**{f"mask_costs.{name}": value for name, value in changes.items()})
    first, *later = (detection(frame, *columns) for frame, columns in enumerate(views))
    table = TrackTable.start(first, np.array([0]), np.array([1]))
    for following in later:
        table.update(np.array([0]), following, np.array([0]))
    state = KalmanState.start(np.array([BOX]), settings.motion)
    ((found, *_),) = pairs(table, state, detection(9, *last), settings)
    return found + settings.mask_costs.max_cost


@pytest.mark.parametrize(
    ("views", "former_mask", "overlap"),
    [
        pytest.param([(10, 30)], 0.5, 1.0, id="one mask"),
        pytest.param([(10, 30), (10, 20)], 0.0, 0.5, id="the last alone"),
        pytest.param([(10, 30), (10, 20)], 0.5, 0.75, id="half of the former"),
        pytest.param([(10, 30), (10, 20)], 1.0, 1.0, id="the former as much"),
        # The one before takes nothing from it.
        pytest.param([(10, 20), (10, 30)], 0.5, 1.0, id="the last is better"),
        pytest.param([(10, 30), (10, 20), (10, 20)], 1.0, 0.5, id="two back is forgotten"),
    ],
)
def test_the_mask_before_the_last_counts_where_it_overlaps_better(views, former_mask, overlap):
    assert cost(views, (10, 30), overlap_weight=9.0, former_mask=former_mask) == pytest.approx(9 * (1 - overlap))


@pytest.mark.parametrize(
    ("last", "factor"), [((10, 30), 1), ((10, 20), 2), ((10, 15), 4)], ids=["the same", "half", "a quarter"]
)
def test_a_factor_between_the_sizes_costs_its_logarithm(last, factor):
    assert cost([(10, 30)], last, size_weight=0.5) == pytest.approx(0.5 * np.log(factor))
    assert cost([last], (10, 30), size_weight=0.5) == pytest.approx(0.5 * np.log(factor))
