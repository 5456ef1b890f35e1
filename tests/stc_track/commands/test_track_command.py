"""`stc-track` from files to files."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.formats.mots import Detection, read_mots
from stc_track.masks import rle
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings
from tests.stc_track.commands.conftest import HEIGHT, WIDTH, drawn, drawn_sequence, invoke, write


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="defaults"),
        pytest.param(("--motion", "center"), id="centre"),
        pytest.param(("--matching", "hungarian"), id="hungarian"),
        pytest.param(("--matching", "greedy"), id="greedy"),
        pytest.param(("--cascade",), id="cascade"),
        pytest.param(("--no-cascade", "--overlap-weight", "0"), id="no overlap"),
    ],
)
def test_end_to_end(folder, options):
    done = invoke(folder, *options)
    assert done.exit_code == 0, done.output
    found = read_mots(folder.parent / "results" / "0000.txt")
    assert sorted(found) == [0, 1, 2, 3, 4, 6, 7]
    assert all({obj.track_id for obj in objects} == {1001, 1002, 2001} for objects in found.values())
    assert all(obj.class_id == obj.track_id // 1000 for objects in found.values() for obj in objects)
    for objects in found.values():
        masks = np.stack([rle.decode(obj.counts, HEIGHT, WIDTH) for obj in objects])
        assert masks.sum(0).max() == 1
        by_id = {obj.track_id: mask.sum() for obj, mask in zip(objects, masks, strict=True)}
        assert by_id[1001] == 144  # the higher score keeps all its pixels
    (alone,) = read_mots(folder.parent / "results" / "0001.txt")[3]
    assert alone.track_id == 2001
    assert sorted(path.name for path in (folder.parent / "results").iterdir()) == ["0000.txt", "0001.txt"]


def test_switches_change_the_result(folder):
    assert invoke(folder, "--single-threshold").exit_code == 0
    assert len(read_mots(folder.parent / "results" / "0000.txt")[3]) == 2  # the pedestrian's score fell to 0.2
    assert invoke(folder, "--max-gap", "0").exit_code == 0
    ids = {obj.track_id for objects in read_mots(folder.parent / "results" / "0000.txt").values() for obj in objects}
    assert {1003, 1004} < ids  # frame 5 ended every track


def test_coco_results_give_the_same(folder):
    assert invoke(folder).exit_code == 0
    expected = (folder.parent / "results" / "0000.txt").read_bytes()
    results = []
    for detection in drawn_sequence():
        x1, y1, x2, y2 = detection.box
        plain = rle.run_lengths(detection.counts, HEIGHT, WIDTH).tolist()
        counts = plain if detection.frame % 2 else detection.counts.decode()
        results.append(
            {
                "image_id": detection.frame,
                "category_id": detection.class_id,
                "score": detection.score,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts},
            }
        )
        if detection.frame % 3:
            results[-1]["bbox"] = [x1, y1, x2 - x1, y2 - y1]
    (folder / "0000.txt").unlink()
    (folder / "0000.json").write_text(json.dumps(results))
    assert invoke(folder).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() == expected


def test_a_sequence_without_detections_gives_an_empty_file(folder):
    (folder / "0000.txt").write_bytes(b"")
    assert invoke(folder).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() == b""


def test_cues_are_used(folder, store_of):
    store = folder.parent / "store"
    for name in ("0000", "0001"):
        # depth jumps everywhere from frame to frame by a factor that no gate of costs forbids: tracks must survive
        depth = np.ones((8, HEIGHT // 4, WIDTH // 4), np.float16) * (1 + np.arange(8) % 2)[:, None, None]
        flow = np.zeros((8, 2, HEIGHT // 4, WIDTH // 4), np.float16)
        store_of(store, name, list(range(8)), (HEIGHT, WIDTH), inverse_depth=depth.astype(np.float16), flow=flow)
    for terms in ("none", "depth", "flow", "both"):
        assert invoke(folder, "--cues", str(store), "--cue-terms", terms).exit_code == 0
        assert {obj.track_id for obj in read_mots(folder.parent / "results" / "0000.txt")[7]} == {1001, 1002, 2001}


def test_more_than_999_tracks_of_a_class_have_ids_of_their_own():
    detections = [drawn(40 * t, 1, 5, 5, 4) for t in range(1001)] + [drawn(40 * 1001, 2, 5, 5, 4)]
    ids = [obj.track_id for obj in link(detections, TrackerSettings(), frame_step=1)]
    assert ids[:999] == list(range(1001, 2000))
    assert ids[999:] == [1_001_000, 1_001_001, 2001]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(
    st.lists(st.lists(st.tuples(hnp.arrays(bool, (4, 5)), st.floats(0, 1), st.integers(1, 2)), max_size=4), max_size=5)
)
def test_no_pixel_has_two_owners(frames):
    detections = [
        Detection(t, (0, 0, 5, 4), score, class_id, 4, 5, rle.encode(mask))
        for t, frame in enumerate(frames)
        for mask, score, class_id in frame
    ]
    found = list(link(detections, TrackerSettings()))
    assert len({(obj.frame, obj.track_id) for obj in found}) == len(found)
    for t in range(len(frames)):
        masks = [rle.decode(obj.counts, 4, 5) for obj in found if obj.frame == t]
        assert not masks or np.sum(masks, 0).max() <= 1


def test_frame_numbers_that_step_are_a_frame_rate(folder):
    write(folder / "0000.txt", [drawn(5 * t, 1, 10 + t, 5, 12, 0.6) for t in range(12)])
    done = invoke(folder, "--sequences", "0000")
    assert done.exit_code == 0
    found = read_mots(folder.parent / "results" / "0000.txt")
    assert {obj.track_id for objects in found.values() for obj in objects} == {1001}
    assert sorted(found) == [5 * t for t in range(12)]


def test_scores_of_0_to_100_are_divided(folder):
    write(folder / "0000.txt", [drawn(t, 1, 10 + t, 5, 12, (90, 50)[t % 2]) for t in range(6)])
    assert invoke(folder, "--sequences", "0000").exit_code == 0
    found = read_mots(folder.parent / "results" / "0000.txt")
    assert [[obj.track_id for obj in found[t]] for t in range(6)] == [[1001]] * 6


def test_the_end_says_what_was_written(folder):
    done = invoke(folder)
    assert done.output.splitlines() == [f"2 sequences, 8 frames, 4 tracks in {folder.parent / 'results'}"]
