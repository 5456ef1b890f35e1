"""`Tracker.update` with what has the attributes of `supervision.Detections`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from stc_track import Detections, Tracker, TrackerSettings


@dataclass
class Columns:
    """A stand-in with the package's attributes."""

    xyxy: np.ndarray
    confidence: np.ndarray | None = None
    class_id: np.ndarray | None = None
    tracker_id: np.ndarray | None = None
    mask: np.ndarray | None = None


def moving(frame, count=3):
    """Boxes (count, 4) far from each other that drift to the right."""
    low = np.array([[20.0 + 200 * k + 3 * frame, 30.0] for k in range(count)])
    return np.concatenate((low, low + np.array([40, 90])), axis=1)


def same_as(kind):
    """Track some frames both ways and compare; the order of rows changes from frame to frame."""
    tracker, plain = Tracker(), Tracker()
    random = np.random.default_rng(0)
    for frame in range(8):
        order = random.permutation(3)
        boxes, scores, classes = moving(frame)[order], np.array([0.9, 0.3, 0.8])[order], np.array([1, 1, 2])[order]
        given = kind(xyxy=boxes.astype(np.float32), confidence=scores, class_id=classes)
        found = tracker.update(given)
        tracks = plain.update(Detections(frame, boxes.copy(), scores.copy(), classes.copy()))
        expected = np.full(3, -1)
        expected[tracks.indices[tracks.confirmed]] = tracks.track_ids[tracks.confirmed]
        assert isinstance(found, kind)
        assert found is not given
        assert given.tracker_id is None
        np.testing.assert_array_equal(found.tracker_id, expected)
        np.testing.assert_array_equal(found.xyxy, given.xyxy.copy())
        given.xyxy[:] = 0  # still the caller's own, and nothing of it is remembered
    assert sorted(found.tracker_id.tolist()) == [-1, 1, 2]  # a score of 0.3 begins no track


def test_a_copy_with_ids_comes_back():
    same_as(Columns)


def test_the_package_itself():
    same_as(pytest.importorskip("supervision").Detections)


def test_empty_frames_and_missing_columns():
    tracker = Tracker()
    for frame in range(3):
        first = tracker.update(Columns(moving(frame)))
    assert tracker.update(Columns(np.zeros((0, 4)))).tracker_id.shape == (0,)
    again = tracker.update(Columns(moving(4)))
    np.testing.assert_array_equal(again.tracker_id, first.tracker_id)
    assert tracker.frame == 4
    tracker.reset()
    assert tracker.update(Columns(moving(0))).tracker_id.tolist() == [1, 2, 3]


def test_masks_count_and_what_shows_nothing_has_no_track():
    tracker = Tracker()
    for frame in range(3):
        boxes = moving(frame, 2)
        boxes = np.concatenate((boxes, [[5.0, 5, 5, 9]], boxes[:1]))
        masks = np.zeros((4, 200, 400), bool)
        for mask, (x1, y1, x2, y2) in zip(masks[:2], boxes[:2].astype(int), strict=True):
            mask[y1:y2, x1:x2] = True
        found = tracker.update(Columns(boxes, mask=masks))
        assert found.tracker_id.tolist() == [1, 2, -1, -1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param(Columns(np.zeros((2, 3))), r"xyxy must have the shape \(N, 4\)", id="3 columns"),
        pytest.param(Columns(moving(0), np.ones(2)), r"confidence must have the shape \(3,\)", id="few scores"),
        pytest.param(
            Columns(moving(0), class_id=np.ones((3, 1))), "class_id must have the shape", id="class_id of two axes"
        ),
        pytest.param(Columns(moving(0) * np.nan), "xyxy must be finite", id="nan boxes"),
        pytest.param(Columns(moving(0), np.array([0.5, np.inf, 1])), "confidence must be finite", id="infinite score"),
        pytest.param(
            Columns(moving(0), np.array([50.0, 90, 10])),
            r"confidence must be at most 1, as the thresholds are\. Got 90",
            id="percent",
        ),
        pytest.param(Columns(moving(0), mask=np.ones((2, 9, 9))), "mask must have the shape", id="few masks"),
    ],
)
def test_wrong_columns_are_told(columns, message):
    with pytest.raises(ValueError, match=message):
        Tracker().update(columns)


def test_scores_above_one_suit_thresholds_above_one():
    tracker = Tracker(TrackerSettings().changed(high_score=30.0, low_score=10.0, confirm_score=40.0))
    assert tracker.update(Columns(moving(0), np.array([50.0, 90, 20]))).tracker_id.tolist() == [1, 2, -1]


def test_something_else_is_no_detections():
    with pytest.raises(TypeError, match=r"attributes of supervision's\. Got list"):
        Tracker().update([[1, 2, 3, 4]])
