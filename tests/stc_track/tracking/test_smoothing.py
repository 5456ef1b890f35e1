"""What delay allows, and masks of tracks that nobody detected."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from stc_track.formats.mots import Detection
from stc_track.masks import rle
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.smoothing import SmoothingSettings, smoothed

SIZE = 60, 200
SETTINGS = TrackerSettings().changed(confirm_score=0.0)


def car(frame, x, score=0.9, width=20):
    mask = np.zeros(SIZE, bool)
    mask[20:35, x : x + width] = True
    return Detection(frame, (float(x), 20.0, float(x + width), 35.0), score, 1, *SIZE, rle.encode(mask))


def columns(objects):
    """First and last column of each object, by frame and id."""
    found = {}
    for obj in objects:
        x1, _, x2, _ = rle.tight_box(obj.counts, obj.height, obj.width)
        found[obj.frame, obj.track_id] = int(x1), int(x2)
    return found


@pytest.mark.parametrize(
    ("longest", "filled"),
    [(0, False), (2, False), (3, True), (9, True)],
    ids=["none", "gap too long", "just long enough", "longer"],
)
def test_gaps_are_filled_along_the_boxes(longest, filled):
    seen = [car(t, 10 + 4 * t) for t in range(12) if t not in (5, 6, 7)]
    found = columns(link(seen, SETTINGS, delayed=partial(smoothed, settings=SmoothingSettings(fill_gap=longest))))
    expected = {(t, 1001): (10 + 4 * t, 30 + 4 * t) for t in range(12) if filled or t not in (5, 6, 7)}
    assert found == expected


def test_frames_come_in_order_also_those_without_detections():
    seen = [detection for t in range(0, 40, 2) for detection in (car(t, 10), car(t, 100))]
    frames = [
        obj.frame
        for obj in link(seen, SETTINGS, delayed=partial(smoothed, settings=SmoothingSettings(fill_gap=1)), frame_step=1)
    ]
    assert frames == sorted([t for t in range(39) for _ in (0, 1)])


def test_tracks_of_few_hits_are_left_out():
    seen = sorted([*(car(t, 10) for t in range(6)), car(3, 120)], key=lambda detection: detection.frame)
    assert {key[1] for key in columns(link(seen, SETTINGS))} == {1001, 1002}
    found = columns(link(seen, SETTINGS, delayed=partial(smoothed, settings=SmoothingSettings(min_hits=2))))
    assert list(found) == [(t, 1001) for t in range(6)]


def test_a_birth_is_known_from_before_it_was_confirmed():
    seen = [car(t, 10, score=0.6) for t in range(4)]
    settings = SETTINGS.changed(confirm_score=0.9)
    assert list(columns(link(seen, settings))) == [(t, 1001) for t in (1, 2, 3)]
    assert list(columns(link(seen, settings, delayed=partial(smoothed, settings=SmoothingSettings())))) == [
        (t, 1001) for t in range(4)
    ]


def test_a_missing_track_is_predicted_where_nothing_hides_it():
    parked = [car(t, 150) for t in range(12)]
    moving = [car(t, 10 + 4 * t) for t in range(10)]
    seen = sorted([*parked, *moving], key=lambda detection: (detection.frame, detection.box))
    settings = SETTINGS.changed(predict_missing_masks=0)
    found = columns(link(seen, SETTINGS))
    assert found.keys() - columns(link(seen, settings)).keys() == {(10, 1001)}
    assert np.allclose(found[10, 1001], (50, 70), atol=2)
    behind = sorted([*seen, car(10, 44, width=30)], key=lambda detection: (detection.frame, detection.box))
    behind = [
        replace(detection, class_id=2) if detection.box[2] - detection.box[0] == 30 else detection
        for detection in behind
    ]
    assert (10, 1001) not in columns(link(behind, SETTINGS))


def test_a_predicted_mask_keeps_its_size_within_the_detectors_box():
    """Boxes that a detector draws around more than the mask move the mask, and do not stretch it."""
    wide = [replace(car(t, 60), box=(50.0, 10.0, 90.0, 45.0)) for t in range(8)]
    other = [car(t, 120) for t in range(9)]
    found = columns(link(sorted([*wide, *other], key=lambda detection: (detection.frame, detection.box)), SETTINGS))
    assert np.allclose(found[8, 1001], (60, 80), atol=1)


def test_a_predicted_object_has_the_score_of_its_last_detection():
    seen = [car(t, 60, score=0.7) for t in range(8)] + [car(t, 120) for t in range(9)]
    last = [obj for obj in link(sorted(seen, key=lambda obj: (obj.frame, obj.box)), SETTINGS) if obj.frame == 8]
    assert sorted(obj.score for obj in last) == [0.7, 0.9]


def test_a_track_at_the_border_has_left():
    other = [car(t, 100) for t in range(9)]
    leaving = [car(t, max(0, 30 - 5 * t)) for t in range(7)]
    seen = sorted([*other, *leaving], key=lambda detection: (detection.frame, detection.box))
    assert not {key for key in columns(link(seen, SETTINGS.changed(predict_missing_masks=2))) if key[0] > 6} - {
        (7, 1002),
        (8, 1002),
    }
