"""Bad input of `stc-track`: one line and exit code 2, nothing half-written."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from stc_track.commands.track import main
from tests.stc_track.commands.conftest import GOOD, HALF, MOT, drawn, invoke, write

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


@pytest.mark.parametrize("scores", [(0.9, 87.0), (87.0, 0.9)], ids=["percent later", "share later"])
def test_scores_of_two_scales_are_refused(folder, scores):
    write(folder / "0000.txt", [drawn(t, 1, 10 + t, 5, 12, scores[t >= 40]) for t in range(50)])
    done = invoke(folder, "--sequences", "0000")
    assert done.exit_code == 2
    assert "0000.txt: frame 40: expected scores of" in done.output
    assert not list((folder.parent / "results").glob("*"))


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


def test_two_files_for_one_sequence(boxes):
    (boxes / "left.txt").write_text(MOT)
    done = invoke(boxes, "--frame-size", "200x400", "--format", "mot")
    assert done.exit_code == 2
    assert "left.txt: expected one file a sequence, found left/gt/gt.txt as well" in done.output
    assert not list((boxes.parent / "results").glob("*"))


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
