"""Tracks that continue each other, with the whole sequence known."""

import numpy as np
import pytest

from stc_track.tracking.offline import OfflineSettings, whole_sequence
from stc_track.tracking.output import OutputFrame, TrackedObject

SIZE = 200, 400


def tracked(track_id, x, y=20, height=40, class_id=1):
    box = np.array([x, y, x + 20, y + height], float)
    return TrackedObject(track_id, class_id, 0.9, box, confirmed=True, detection_box=tuple(box))


def frames(*tracks, step=1):
    """Output frames of tracks given as {frame: object}."""
    numbers = sorted({number for track in tracks for number in track})
    return [OutputFrame(step * t, *SIZE, [track[t] for track in tracks if t in track]) for t in numbers]


def ids(result):
    return {frame.frame: sorted(each.track_id for each in frame.objects) for frame in result}


@pytest.mark.parametrize("step", [1, 5])
def test_a_walker_behind_a_pillar_keeps_its_id(step):
    walker = {t: tracked(1 if t < 10 else 2, 10 + 4 * t) for t in range(30) if not 10 <= t < 16}
    result = whole_sequence(frames(walker, step=step), step)
    assert ids(result) == {step * t: [1] for t in range(30)}
    hidden = [frame.objects[0] for frame in result if 10 * step <= frame.frame < 16 * step]
    assert not any(each.detected for each in hidden)
    np.testing.assert_allclose([each.box[0] for each in hidden], [10 + 4 * t for t in range(10, 16)])


@pytest.mark.parametrize(
    "later",
    [tracked(2, 250), tracked(2, 74, height=90), tracked(2, 74, class_id=2)],
    ids=["elsewhere", "of another shape", "of another class"],
)
def test_strangers_keep_theirs(later):
    before = {t: tracked(1, 10 + 4 * t) for t in range(10)}
    result = whole_sequence(frames(before, {16 + t: later for t in range(5)}))
    assert {each for found in ids(result).values() for each in found} == {1, 2}


def test_gaps_beyond_the_longest_stay():
    walker = {t: tracked(1, 10 + 4 * t) for t in range(30) if not 10 <= t < 16}
    assert 12 not in ids(whole_sequence(frames(walker), 1, OfflineSettings(max_gap=5)))


def test_short_tracks_are_left_out():
    result = whole_sequence(
        frames({t: tracked(1, 10) for t in range(9)}, {4: tracked(2, 200)}), 1, OfflineSettings(min_hits=2)
    )
    assert ids(result) == {t: [1] for t in range(9)}
