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
    return {frame.frame: sorted(obj.track_id for obj in frame.objects) for frame in result}


@pytest.mark.parametrize("step", [1, 5])
def test_a_walker_behind_a_pillar_keeps_its_id(step):
    walker = {t: tracked(1 if t < 10 else 2, 10 + 4 * t) for t in range(30) if not 10 <= t < 16}
    result = whole_sequence(frames(walker, step=step), step)
    assert ids(result) == {step * t: [1] for t in range(30)}
    hidden = [frame.objects[0] for frame in result if 10 * step <= frame.frame < 16 * step]
    assert not any(obj.detected for obj in hidden)
    np.testing.assert_allclose([obj.box[0] for obj in hidden], [10 + 4 * t for t in range(10, 16)])


@pytest.mark.parametrize(
    "later",
    [tracked(2, 250), tracked(2, 74, height=90), tracked(2, 74, class_id=2)],
    ids=["elsewhere", "of another shape", "of another class"],
)
def test_strangers_keep_theirs(later):
    before = {t: tracked(1, 10 + 4 * t) for t in range(10)}
    result = whole_sequence(frames(before, {16 + t: later for t in range(5)}))
    assert {track_id for found in ids(result).values() for track_id in found} == {1, 2}


def test_gaps_beyond_the_longest_stay():
    walker = {t: tracked(1, 10 + 4 * t) for t in range(30) if not 10 <= t < 16}
    assert 12 not in ids(whole_sequence(frames(walker), 1, OfflineSettings(max_gap=5)))


def test_short_tracks_are_left_out():
    result = whole_sequence(
        frames({t: tracked(1, 10) for t in range(9)}, {4: tracked(2, 200)}), 1, OfflineSettings(min_hits=2)
    )
    assert ids(result) == {t: [1] for t in range(9)}


def test_formats_mark_what_nobody_detected(tmp_path):
    """MOT-Challenge by the score 0, COCO and YouTube-VIS by a key, which are read back."""
    import json

    import numpy as np

    from stc_track.formats.base import Tracks
    from stc_track.formats.coco_tracks import parse_coco_tracks, write_coco_tracks
    from stc_track.formats.mot_boxes import write_mot
    from stc_track.formats.mots import MotsObject
    from stc_track.formats.youtube_vis import objects_of, read_annotations, read_results, videos_of
    from stc_track.formats.youtube_vis_writers import write_annotations, write_results
    from stc_track.masks import rle

    mask = np.zeros((20, 30), bool)
    mask[5:9, 6:12] = True
    objects = [MotsObject(t, 1001, 1, 20, 30, rle.encode(mask), 0.75, detected=t != 2) for t in (1, 2, 3)]
    write_mot(tmp_path / "mot.txt", objects)
    assert [line.split(",")[6] for line in (tmp_path / "mot.txt").read_text().splitlines()] == ["0.75", "0", "0.75"]
    coco = tmp_path / "coco.json"
    write_coco_tracks(coco, [Tracks("a", objects)], {1: "car"})
    content = json.loads(coco.read_text())
    assert ["detected" in annotation for annotation in content["annotations"]] == [False, True, False]
    assert [obj.detected for obj in parse_coco_tracks(content, coco).sequences["a"]] == [True, False, True]
    write_annotations(tmp_path / "vis.json", [Tracks("a", objects)], {1: "car"})
    write_results(tmp_path / "results.json", [Tracks("a", objects)])
    assert json.loads((tmp_path / "vis.json").read_text())["annotations"][0]["undetected"] == [2]
    assert json.loads((tmp_path / "results.json").read_text())[0]["undetected"] == [2]
    known = read_annotations(tmp_path / "vis.json")
    results = read_results(tmp_path / "results.json")
    for tracks, videos in ((known.tracks, known.videos), (results, videos_of(results))):
        found = [(obj.frame, obj.detected) for video in videos.values() for obj in objects_of(tracks, video)]
        assert found == [(1, True), (2, False), (3, True)]
