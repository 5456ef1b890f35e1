"""`stc-track` from files to files, and every kind of bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.commands.convert import main as convert
from stc_track.commands.track import main
from stc_track.formats.mots import Detection, DetectionWriter, read_mots
from stc_track.masks import rle
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings

HEIGHT, WIDTH = 40, 120


def drawn(frame, class_id, x, y, side, score=0.9):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + side, x : x + side] = True
    return Detection(frame, (x, y, x + side, y + side), score, class_id, HEIGHT, WIDTH, rle.encode(mask))


def drawn_sequence():
    """A car that drives before another for two frames, and a pedestrian; frame 5 is empty."""
    for t in (0, 1, 2, 3, 4, 6, 7):
        yield drawn(t, 1, 10 + 4 * t, 5, 12)
        yield drawn(t, 1, 70 - 4 * t, 7, 12, 0.8)
        yield drawn(t, 2, 90, 25, 8, 0.6 if t != 3 else 0.2)
        yield drawn(t, 2, 50, 30, 6, 0.05)


def write(path, detections):
    with DetectionWriter(path) as writer:
        for detection in detections:
            writer.write(detection)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "predictions" / "0000.txt", drawn_sequence())
    write(tmp_path / "predictions" / "0001.txt", [drawn(3, 2, 20, 20, 9)])
    return tmp_path / "predictions"


def invoke(folder, *options):
    return CliRunner().invoke(main, [str(folder), "--out", str(folder.parent / "results"), *options])


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


GOOD = "3 1 2 9 9 0.9 1 2 2 "
HALF = rle.encode(np.arange(4).reshape(2, 2) < 2).decode()
RESULT = {"image_id": 3, "category_id": 1, "score": 0.5, "segmentation": {"size": [2, 2], "counts": HALF}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("3 1 2 9 9 0.9 1 2 2\n", "0002.txt:1: expected 10 columns", id="few columns"),
        pytest.param(f"3 1 2 9 9 1 2 2 {HALF}\n", "0002.txt:1: expected 10 columns", id="no score"),
        pytest.param(
            f"3 1 2 nan 9 0.9 1 2 2 {HALF}\n", "0002.txt:1: expected x2, a finite number, found 'nan'", id="nan"
        ),
        pytest.param(
            f"{GOOD}{HALF[:-1]}\n",
            "0002.txt:1: expected an RLE string of 2 x 2 = 4 pixels, found one of 3",
            id="short RLE",
        ),
        pytest.param(
            f"{GOOD}{HALF}\n2{GOOD[1:]}{HALF}\n",
            "0002.txt:2: expected frames in increasing order, after 3, found 2",
            id="frames backwards",
        ),
        pytest.param(
            f"{GOOD}{HALF}\n3 1 2 9 9 0.9 1 4 1 {HALF}\n",
            "0002.txt:2: expected 2 x 2 pixels as in the lines before",
            id="other size",
        ),
        pytest.param("\x00\x01", "0002.txt:1: expected 10 columns", id="binary"),
        pytest.param("{", "0002.json: expected COCO result JSON", id="half JSON"),
        pytest.param("[" * 100_000, "0002.json: expected COCO result JSON", id="deep JSON"),
        pytest.param({"annotations": []}, "0002.json: expected a JSON list of results, found a dict", id="annotations"),
        pytest.param([RESULT, 5], "0002.json: result 1: expected an object, found a int", id="no object"),
        pytest.param(
            [RESULT | {"image_id": True}],
            "result 0: expected image_id, a whole number of at least 0, found True",
            id="boolean frame",
        ),
        pytest.param(
            [RESULT | {"score": float("nan")}], "result 0: expected score, 1 finite number, found [nan]", id="nan score"
        ),
        pytest.param(
            [RESULT | {"bbox": [1, 2, 3]}], "result 0: expected bbox, 4 finite numbers, found [1, 2, 3]", id="short box"
        ),
        pytest.param(
            [RESULT | {"bbox": [1, 2, 0, 3]}],
            "result 0: expected bbox of positive width and height, found 0 3",
            id="thin box",
        ),
        pytest.param(
            [RESULT | {"segmentation": [[1, 2, 3, 4]]}],
            "result 0: expected segmentation, RLE with size and counts",
            id="polygon",
        ),
        pytest.param(
            [RESULT | {"segmentation": {"size": [2, 2], "counts": [1, 2]}}],
            "expected counts of 2 x 2 = 4 pixels, found 3",
            id="short counts",
        ),
        pytest.param(
            [RESULT | {"segmentation": {"size": [2, 2], "counts": "µ"}}],
            "expected an RLE string of the characters",
            id="other characters",
        ),
        pytest.param(
            [RESULT, RESULT | {"segmentation": {"size": [4, 1], "counts": HALF}}],
            "expected 2 x 2 pixels as in the results",
            id="other size of results",
        ),
    ],
)
def test_bad_files(folder, content, message):
    is_json = not isinstance(content, str) or content[0] in "{["
    path = folder / ("0002.json" if is_json else "0002.txt")
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    done = invoke(folder, "--sequences", "0002")
    assert done.exit_code == 2
    assert message in done.output
    assert not list((folder.parent / "results").glob("*"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param((), "expected files {sequence}.txt or {sequence}.json, found none", id="none"),
        pytest.param(("...txt",), "found none", id="only dots"),
        pytest.param(("a..b.txt",), "expected a plain name, one file a sequence, found 'a..b'", id="dots inside"),
        pytest.param(
            ("0000.json", "0000.txt"),
            "0000.txt: expected a plain name, one file a sequence, found 0000.json as well",
            id="text and JSON",
        ),
    ],
)
def test_bad_names(tmp_path, names, message):
    (tmp_path / "predictions").mkdir()
    for name in names:
        (tmp_path / "predictions" / name).touch()
    done = invoke(tmp_path / "predictions")
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(("--sequences", "0000,../0001"), "expected ../0001.txt, found none", id="missing sequence"),
        pytest.param(
            ("--low-score", "0.7"),
            "lifecycle.low_score: expected at most high_score, 0.45, found 0.7",
            id="low above high",
        ),
        pytest.param(("--matching", "best"), "'best' is not one of", id="unknown matching"),
        pytest.param(("--high-score", "nan"), "no number", id="nan"),
        pytest.param(("--sequences", ","), "',' names no sequence", id="empty list"),
        pytest.param(
            ("--cues", "nowhere"), "nowhere: expected a store with a manifest.json, found none", id="missing store"
        ),
    ],
)
def test_bad_options(folder, options, message):
    done = invoke(folder, *options)
    assert done.exit_code == 2
    assert message in done.output
    assert not (folder.parent / "results").exists()


def test_results_never_replace_predictions(folder):
    done = CliRunner().invoke(main, [str(folder), "--out", str(folder)])
    assert done.exit_code == 2
    assert "expected a folder other than PREDICTIONS" in done.output


def test_missing_folder(tmp_path):
    done = invoke(tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "nowhere: expected a folder of files {sequence}.txt or {sequence}.json, found nothing" in done.output


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


@settings(max_examples=80)
@given(st.binary(max_size=80), st.integers(0, 40))
def test_fuzzed_files_end_in_a_result_or_a_message(tmp_path_factory, garbage, position):
    folder = Path(tmp_path_factory.mktemp("fuzz"))
    good = f"{GOOD}{HALF}\n4{GOOD[1:]}{HALF}\n".encode()
    (folder / "predictions").mkdir()
    (folder / "predictions" / "0000.txt").write_bytes(good[:position] + garbage + good[position:])
    done = invoke(folder / "predictions")
    assert done.exit_code in (0, 2), done.exception
    assert (folder / "results" / "0000.txt").exists() == (done.exit_code == 0)


def test_help_names_the_defaults_of_the_settings():
    text = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    defaults = TrackerSettings()
    for value in (defaults.lifecycle.high_score, defaults.lifecycle.max_gap):
        assert f"[default: {value}]" in text
    assert f"{defaults.mask_costs.max_cost:g} for masks, {defaults.box_costs.max_cost:g} for boxes" in text


def test_a_printed_config_gives_the_same_run(folder):
    flags = ("--high-score", "0.7", "--gap-weight", "2", "--cascade", "--max-gap", "3", "--fill-gaps", "1")
    printed = invoke(folder, *flags, "--print-config")
    assert printed.exit_code == 0
    assert not (folder.parent / "results").exists()
    (folder.parent / "run.toml").write_text(printed.output)
    assert invoke(folder, *flags).exit_code == 0
    expected = (folder.parent / "results" / "0000.txt").read_bytes()
    assert invoke(folder).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() != expected
    done = invoke(folder, "--config", str(folder.parent / "run.toml"))
    assert done.exit_code == 0, done.output
    assert (folder.parent / "results" / "0000.txt").read_bytes() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[lifecycle]\nmax_gaps = 3\n", "lifecycle.max_gaps: expected one of the keys high_score"),
        ("[lifecycle]\nmax_gap = 1.5\n", "lifecycle.max_gap: expected a whole number"),
        ("[box_costs]\ngate = -1\n", "box_costs.gate: expected a number of at least 0, found -1"),
        ("[costs]\ngate = 1\n", "costs: expected one of the keys"),
        ("gate = 1\n", "gate: expected one of the keys"),
        ("[lifecycle\n", "expected a settings file (TOML)"),
    ],
    ids=["unknown key", "wrong type", "out of range", "unknown table", "unknown flag", "no TOML"],
)
def test_bad_config(folder, text, message):
    (folder.parent / "run.toml").write_text(text)
    done = invoke(folder, "--config", str(folder.parent / "run.toml"))
    assert done.exit_code == 2
    assert "run.toml: " in done.output
    assert message in done.output
    assert not (folder.parent / "results").exists()


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


@pytest.mark.parametrize("scores", [(0.9, 87.0), (87.0, 0.9)], ids=["percent later", "share later"])
def test_scores_of_two_scales_are_refused(folder, scores):
    write(folder / "0000.txt", [drawn(t, 1, 10 + t, 5, 12, scores[t >= 40]) for t in range(50)])
    done = invoke(folder, "--sequences", "0000")
    assert done.exit_code == 2
    assert "0000.txt: frame 40: expected scores of" in done.output
    assert not list((folder.parent / "results").glob("*"))


MOT = "".join(f"{t},-1,{10 + 3 * t},20,30,60,0.9\n" for t in range(1, 9) if t != 5)


@pytest.fixture
def boxes(tmp_path):
    (tmp_path / "predictions" / "left" / "det").mkdir(parents=True)
    (tmp_path / "predictions" / "left" / "det" / "det.txt").write_text(MOT)
    (tmp_path / "predictions" / "left" / "gt").mkdir()
    (tmp_path / "predictions" / "left" / "gt" / "gt.txt").write_text("1,7,1,1,9,9,1,1,1\n")
    info = "[Sequence]\nimHeight=200\nimWidth=400\nframeRate=2\n"
    (tmp_path / "predictions" / "left" / "seqinfo.ini").write_text(info)
    return tmp_path / "predictions"


def test_boxes_stay_boxes_and_no_mask_is_made(boxes, monkeypatch):
    monkeypatch.setattr("stc_track.formats.mot_boxes.filled", None)
    monkeypatch.setattr("stc_track.tracking.output.filled", None)
    done = invoke(boxes, "--format", "mot", "--predict-missing", "0")
    assert done.exit_code == 0, done.output
    lines = (boxes.parent / "results" / "left.txt").read_text().splitlines()
    assert lines == [f"{t},2001,{10 + 3 * t},20,30,60,0.9,-1,-1,-1" for t in range(1, 9) if t != 5]


def test_boxes_become_masks_where_they_are_asked_for(boxes):
    assert invoke(boxes).exit_code == 0
    found = read_mots(boxes.parent / "results" / "left.txt")
    assert rle.area(found[1][0].counts, 200, 400) == 30 * 60


def test_offline_fills_gaps_and_counts_them_in_seconds(boxes):
    for gap, filled in (("0.2s", False), ("0.5s", True), ("1", True), ("0", False)):
        done = invoke(boxes, "--format", "mot", "--offline", "--predict-missing", "0", "--max-gap", gap)
        assert done.exit_code == 0, done.output
        lines = (boxes.parent / "results" / "left.txt").read_text().splitlines()
        assert any(line.startswith("5,2001,25,20,30,60") for line in lines) == filled, gap


def test_seconds_without_a_frame_rate(folder):
    done = invoke(folder, "--max-gap", "1s")
    assert done.exit_code == 2
    assert "0000.txt: expected a frame rate, for --max-gap in seconds, found none (--frame-rate says it)" in done.output


def test_the_paper_is_a_preset(folder):
    assert invoke(folder, "--preset", "paper").exit_code == 0
    printed = invoke(folder, "--preset", "paper", "--print-config").output
    assert 'matching = "bi-greedy"' in printed
    assert "overlap_weight = 0.0" in printed


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--matching", "hungarian"], "--matching: expected bi-greedy, as --preset paper has it, found hungarian"),
        (["--overlap-weight", "2"], "--overlap-weight: expected 0.0, as --preset paper has it, found 2.0"),
        (["--single-threshold"], "--single-threshold: expected 0, as --preset paper has it, found 1"),
        (["--offline"], "--offline: expected 0, as --preset paper has it, found 1"),
    ],
    ids=["matching", "a cost", "one threshold", "not online"],
)
def test_what_contradicts_the_paper_is_refused(folder, flags, words):
    done = invoke(folder, "--preset", "paper", *flags)
    assert done.exit_code == 2
    assert words in done.output
    assert not (folder.parent / "results").exists()


def test_table_viii_s_rows_are_open_and_recorded_beside_the_tracks(folder):
    done = invoke(folder, "--preset", "paper", "--motion", "center", "--cue-terms", "none")
    assert done.exit_code == 0, done.output
    tracks = (folder.parent / "results" / "0000.txt").read_bytes()
    record = folder.parent / "results.toml"
    assert 'preset = "paper"' in record.read_text()
    again = record.rename(folder.parent / "settings.toml")
    assert invoke(folder, "--config", str(again)).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() == tracks
    assert record.read_text() == again.read_text()


def write_config(folder, text):
    (folder.parent / "run.toml").write_text(text)
    return "--config", str(folder.parent / "run.toml")


@pytest.mark.parametrize("name", ["2", "pedestrian"])
def test_a_class_has_settings_of_its_own(folder, name):
    config = write_config(folder, f"[classes.{name}.lifecycle]\nhigh_score = 0.95\n")
    assert invoke(folder).exit_code == 0
    before = (folder.parent / "results" / "0000.txt").read_text().splitlines()
    done = invoke(folder, *config)
    assert done.exit_code == 0, done.output
    lines = (folder.parent / "results" / "0000.txt").read_text().splitlines()
    assert {line.split()[2] for line in before} == {"1", "2"}
    assert lines == [line for line in before if line.split()[2] == "1"]
    printed = invoke(folder, *config, "--print-config").output
    assert f"[classes.{name}.lifecycle]\nhigh_score = 0.95" in printed
    assert invoke(folder, *write_config(folder, printed)).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes.tree.lifecycle]\nmax_gap = 3\n", "classes.tree: expected a class's number, or its name (car, ped"),
        ("[classes.2.lifecycle]\n[classes.pedestrian.output]\n", "classes.pedestrian: expected one table for class 2"),
        ("[classes.2]\nmax_gap = 3\n", "classes.2.max_gap: expected tables of motion, association"),
        ("[classes.2.lifecycle]\nmax_gap = -3\n", "classes.2.lifecycle.max_gap: expected a whole number"),
        ("[classes.2.lifecycle]\nmax = 3\n", "classes.2.lifecycle.max: expected one of the keys high_score"),
        (
            "[classes.2.lifecycle]\nlow_score = 0.9\n",
            "classes.2.lifecycle.low_score: expected at most high_score, 0.45",
        ),
        ("[classes]\n2 = 3\n", "classes.2: expected a table such as [classes.2.lifecycle], found 3"),
    ],
    ids=["unknown class", "one class twice", "no group", "out of range", "unknown key", "against another", "no table"],
)
def test_bad_settings_of_a_class(folder, text, message):
    done = invoke(folder, *write_config(folder, text))
    assert done.exit_code == 2
    assert f"run.toml: {message}" in done.output
    assert not (folder.parent / "results").exists()


def test_seconds_stay_seconds_in_a_printed_config(boxes):
    printed = invoke(boxes, "--max-gap", "1.5s", "--print-config").output
    assert 'max_gap = "1.5s"' in printed
    assert "max_gap = 7\n" in invoke(boxes, "--max-gap", "7", "--print-config").output
    assert invoke(boxes, *write_config(boxes, printed)).exit_code == 0


def test_the_end_says_what_was_written(folder):
    done = invoke(folder)
    assert done.output.splitlines() == [f"2 sequences, 8 frames, 4 tracks in {folder.parent / 'results'}"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("-1,-1,10,20,30,60,0.9\n", "det.txt:1: expected a frame"),
        ("1.5,-1,10,20,30,60,0.9\n", "det.txt:1: expected a frame"),
        ("1,-1,10,20,0,60,0.9\n", "det.txt:1: expected a box of positive width and height, found 0 60"),
        ("1,-1,10,20,30,60,0.9\n2,-1,10,20,30,60,90\n", "det.txt: frame 1: expected scores of 1 to 100"),
        ("1,-1,10,20,30\n", "det.txt:1: expected at least 6 columns"),
        ("1,-1,10,20,30,60,high\n", "det.txt:1: expected a score"),
    ],
    ids=["frame below 0", "part of a frame", "no area", "two scales", "too few columns", "no score"],
)
def test_bad_boxes(boxes, lines, message):
    (boxes / "left" / "det" / "det.txt").write_text(lines)
    done = invoke(boxes, "--format", "mot")
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not list((boxes.parent / "results").glob("*"))


def test_boxes_out_of_order_give_the_same(boxes):
    assert invoke(boxes, "--format", "mot").exit_code == 0
    expected = (boxes.parent / "results" / "left.txt").read_text()
    (boxes / "left" / "det" / "det.txt").write_text("".join(reversed(MOT.splitlines(keepends=True))))
    assert invoke(boxes, "--format", "mot").exit_code == 0
    assert (boxes.parent / "results" / "left.txt").read_text() == expected


def test_500_boxes_on_a_frame_and_a_class_that_appears_once(boxes):
    rows = [(t, 4 + 15 * (k % 25), 2 + 9 * (k // 25), 0) for t in (1, 2, 3) for k in range(500)]
    rows.insert(700, (2, 100, 100, 14))
    (boxes / "left" / "det" / "det.txt").write_text("".join(f"{t},-1,{x},{y},9,6,0.9,{c},1\n" for t, x, y, c in rows))
    done = invoke(boxes, "--format", "mot")
    assert done.exit_code == 0, done.output
    found = [line.split(",") for line in (boxes.parent / "results" / "left.txt").read_text().splitlines()]
    assert [sum(row[0] == t for row in found) for t in "123"] == [500, 501, 500]
    places = {(row[1], row[2], row[3]) for row in found}
    assert len(places) == len({row[1] for row in found}) == 501


def test_two_files_for_one_sequence(boxes):
    (boxes / "left.txt").write_text(MOT)
    done = invoke(boxes, "--frame-size", "200x400", "--format", "mot")
    assert done.exit_code == 2
    assert "left.txt: expected one file a sequence, found left/gt/gt.txt as well" in done.output
    assert not list((boxes.parent / "results").glob("*"))


def test_what_was_filled_in_is_still_known_when_it_is_read_again(boxes):
    assert invoke(boxes, "--format", "mot", "--offline").exit_code == 0
    results = boxes.parent / "results"
    (results / "seqinfo.ini").write_text((boxes / "left" / "seqinfo.ini").read_text())
    done = CliRunner().invoke(convert, [str(results), "--to", "coco", "--out", str(boxes.parent / "coco.json")])
    assert done.exit_code == 0, done.output
    content = json.loads((boxes.parent / "coco.json").read_text())
    frames = {image["id"]: image["frame"] for image in content["images"]}
    undetected = [
        frames[annotation["image_id"]] for annotation in content["annotations"] if annotation.get("detected") is False
    ]
    assert undetected == [5]
