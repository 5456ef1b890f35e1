"""Settings by class."""

import numpy as np

from stc_track import ClassTrackers, Detections, Tracker, TrackerSettings

DEFAULT = TrackerSettings()


def frames(count, gap=range(0)):
    """Two classes that move apart from each other, in an order that changes; nothing in the gap."""
    random = np.random.default_rng(0)
    for frame in range(count):
        low = np.array([[20.0 + 3 * frame, 30], [400 - 2 * frame, 60], [20 + 3 * frame, 300]])
        order = random.permutation(3) if frame not in gap else np.zeros(0, int)
        boxes = np.concatenate((low, low + np.array([40, 90])), axis=1)[order]
        yield Detections(frame, boxes, np.full(len(order), 0.9), np.array([1, 2, 2])[order])


def test_a_class_bridges_a_gap_that_others_do_not():
    trackers = ClassTrackers({2: DEFAULT.changed(max_gap=2)}, DEFAULT)
    given = list(frames(12, range(5, 9)))
    found = [trackers.update(detections) for detections in given]
    before, after = (dict(zip(found[t].track_ids.tolist(), given[t].class_ids[found[t].indices].tolist(), strict=True))
                     for t in (4, 11))  # fmt: skip
    assert [track_id for track_id, kind in after.items() if kind == 1] == [
        track_id for track_id, kind in before.items() if kind == 1
    ]
    assert not {track_id for track_id, kind in after.items() if kind == 2} & set(before)
    assert (np.diff(found[-1].indices) > 0).all()
    assert len(found[6].missing_ids) == 3


def test_one_class_is_as_one_tracker():
    plain, trackers = Tracker(DEFAULT), ClassTrackers({7: DEFAULT})
    for one, other in zip(frames(9), frames(9), strict=True):
        expected, found = plain.update(one), trackers.update(other)
        for name in ("indices", "track_ids", "confirmed", "boxes"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_masks_follow_their_class_and_reset_begins_again():
    trackers = ClassTrackers({2: DEFAULT})
    for _ in range(2):
        for frame in range(4):
            masks = [np.array([[100 * k + frame, 100 * k + frame + 20]]) for k in (1, 2)]
            boxes = np.array([[k, frame, k + 1, frame + 20] for k in (1.0, 2.0)])
            tracks = trackers.update(Detections(frame, boxes, np.ones(2), np.array([1, 2]), masks, 100))
            assert tracks.track_ids.tolist() == [1, 2]
        trackers.reset()
