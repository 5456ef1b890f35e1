"""Eq. 9 as printed: a weighted sum of plain Euclidean distances, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from stc_track.tracking import costs
from stc_track.tracking.kalman import KalmanState, points_of
from stc_track.tracking.settings import PRESETS
from stc_track.tracking.track_table import TrackTable
from stc_track.tracking.types import Detections

TRACK = np.array([[10.0, 20, 50, 100]])
DETECTION = np.array([[13.0, 24, 50, 112]])
# inverse depth and flow (dx, dy) at both corners
TRACK_CUES = np.array([[[1.0, 4.0, 0.0], [2.0, 1.0, 1.0]]])
DETECTION_CUES = np.array([[[4.0, 1.0, 4.0], [6.0, 1.0, 1.0]]])


def detections(boxes, cues):
    return Detections(0, boxes, np.full(1, 0.3), np.ones(1, np.int64), cues=cues)


@pytest.mark.parametrize(
    ("points", "terms", "expected"),
    [
        ("diagonal", "none", 0.7 * 13),  # sqrt(3^2 + 4^2 + 0 + 12^2)
        ("center", "none", 0.7 * np.hypot(1.5, 8)),
        ("diagonal", "both", 0.7 * 13 + 0.2 * 5 + 0.1 * 5),
        ("diagonal", "depth", 0.7 * 13 + 0.2 * 5),
        ("diagonal", "flow", 0.7 * 13 + 0.1 * 5),
    ],
    ids=["DP", "CP", "DP+SD", "depth alone", "flow alone"],
)
def test_the_cost_is_eq_9(points, terms, expected):
    settings = PRESETS["paper"].changed(points=points, cue_terms=terms)
    table = TrackTable.start(detections(TRACK, TRACK_CUES), np.array([0]), np.array([1]))
    table.missing[:] = 3  # counts for nothing, as the score does
    state = KalmanState.start(points_of(TRACK, points), settings.motion, 1.0)
    ((cost, _, _),) = costs.pairs(table, state, detections(DETECTION, DETECTION_CUES), settings)
    assert cost + settings.box_costs.max_cost == pytest.approx(expected, abs=1e-6)


def test_an_unknown_corner_counts_nothing():
    settings = PRESETS["paper"]
    cues = DETECTION_CUES.copy()
    cues[0, 0] = np.nan
    table = TrackTable.start(detections(TRACK, TRACK_CUES), np.array([0]), np.array([1]))
    state = KalmanState.start(points_of(TRACK, "diagonal"), settings.motion, 1.0)
    ((cost, _, _),) = costs.pairs(table, state, detections(DETECTION, cues), settings)
    assert cost + settings.box_costs.max_cost == pytest.approx(0.7 * 13 + 0.2 * 4, abs=1e-6)
