"""`stc-track` from every input format to every output format."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stc_track.commands.convert import main as convert
from stc_track.commands.track import main
from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, read_mots, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = HEIGHT, WIDTH = 40, 120


def drawn_tracks():
    """Two cars apart and a pedestrian, each a rectangle."""
    for t in range(1, 7):
        for track_id, x, y, w, h in ((1001, 5 + 4 * t, 5, 14, 9), (1002, 80 - 4 * t, 20, 12, 8), (2001, 100, 3, 6, 15)):
            mask = np.zeros(SIZE, bool)
            mask[y : y + h, x : x + w] = True
            yield MotsObject(t, track_id, track_id // 1000, *SIZE, rle.encode(mask))


@pytest.fixture
def truth(tmp_path):
    write_mots(tmp_path / "truth" / "0000.txt", drawn_tracks())
    return tmp_path / "truth"


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output or done.exception


def tracks_of(path):
    """Frames by masks: which masks belong together, whatever the ids are called."""
    found = {}
    for frame, objects in read_mots(path).items():
        for obj in objects:
            found.setdefault(obj.track_id, set()).add((frame, obj.counts))
    return sorted(map(sorted, found.values()))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("detections", (), id="detections"),
        pytest.param("png", (), id="png"),
        pytest.param("mot", ("--frame-size", f"{HEIGHT}x{WIDTH}"), id="mot"),
        pytest.param("ytvis-results", ("--annotations",), id="ytvis-results"),
        pytest.param("ytvis", (), id="ytvis"),
        pytest.param("coco", (), id="coco"),
    ],
)
def test_every_input(truth, kind, options):
    folder = truth.parent
    source = folder / ("in.json" if kind in ("ytvis", "ytvis-results", "coco") else "in")
    if options == ("--annotations",):
        run(convert, truth, "--to", "ytvis", "--out", folder / "videos.json")
        options = ("--annotations", folder / "videos.json")
        run(convert, truth, "--to", kind, "--out", source, *options)
    else:
        run(convert, truth, "--to", kind, "--out", source)
    run(main, source, "--out", folder / "out", *options)
    found, true = (tracks_of(path / "0000.txt") for path in (folder / "out", truth))
    if kind == "mot":  # boxes without a class: one class, and the same rectangles
        assert all(obj.class_id == 2 for objects in read_mots(folder / "out" / "0000.txt").values() for obj in objects)
    assert found == true


@pytest.mark.parametrize("kind", ["mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "mot"])
def test_every_output_is_what_stc_convert_makes(truth, kind):
    folder = truth.parent
    run(convert, truth, "--to", "detections", "--out", folder / "in")
    run(main, folder / "in", "--out", folder / "mots")
    name = ".json" if kind in ("ytvis", "ytvis-results", "coco") else ""
    run(main, folder / "in", "--out", folder / f"tracked{name}", "--format", kind)
    run(convert, folder / "mots", "--to", kind, "--out", folder / f"converted{name}")
    if name:
        tracked, converted = (json.loads((folder / f"{name}.json").read_text()) for name in ("tracked", "converted"))
        if kind != "ytvis-results":
            converted["categories"] = [category for category in converted["categories"] if category["name"] != "ignore"]
        assert tracked == converted
        return
    files = sorted(path.relative_to(folder / "tracked") for path in (folder / "tracked").rglob("*") if path.is_file())
    assert files
    for file in files:
        assert (folder / "tracked" / file).read_bytes() == (folder / "converted" / file).read_bytes()


def test_scores_and_boxes_come_through(tmp_path):
    """The tracker's results carry what the detector said."""
    with DetectionWriter(tmp_path / "in" / "0000.txt") as writer:
        for t in range(1, 4):
            mask = np.zeros(SIZE, bool)
            mask[5:15, 10:20] = True
            writer.write(Detection(t, (9.5, 4, 21, 16), 0.5 + 0.1 * t, 1, *SIZE, rle.encode(mask)))
    run(main, tmp_path / "in", "--out", tmp_path / "out", "--format", "mot")
    assert (tmp_path / "out" / "0000.txt").read_text().splitlines()[0] == "1,1001,10.5,5,11.5,12,0.6,-1,-1,-1"
    run(main, tmp_path / "in", "--out", tmp_path / "out.json", "--format", "ytvis-results")
    (result,) = json.loads((tmp_path / "out.json").read_text())
    assert result["score"] == pytest.approx(0.7)


def test_frames_are_listed(truth):
    folder = truth.parent
    (folder / "frames" / "0000").mkdir(parents=True)
    for t in range(9):
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "frames" / "0000" / f"{t:06d}.png")
    run(convert, truth, "--to", "detections", "--out", folder / "in")
    run(main, folder / "in", "--out", folder / "out", "--format", "png", "--frames", folder / "frames")
    assert len(list((folder / "out" / "0000").iterdir())) == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            ("--format", "coco"),
            "expected a file .json, for coco, found another name (--out names it)",
            id="no file .json",
        ),
        pytest.param(("--format", "avi"), "'avi' is not one of", id="unknown format"),
        pytest.param(
            ("--frames", "nowhere", "--format", "png"), "nowhere: expected frames of sequence 0000", id="missing frames"
        ),
        pytest.param(
            ("--annotations", "nowhere.json"),
            "nowhere.json: expected YouTube-VIS JSON, found nothing",
            id="missing annotations",
        ),
    ],
)
def test_bad_options(truth, options, message):
    run(convert, truth, "--to", "detections", "--out", truth.parent / "in")
    done = CliRunner().invoke(main, [str(truth.parent / "in"), "--out", str(truth.parent / "out"), *options])
    assert done.exit_code == 2
    assert message in done.output
    assert not list(truth.parent.glob("out/*"))


def test_an_error_survives_another_process():
    import pickle

    error = InputError("0000.txt:3", expected="5 columns", found="2", hint="add them")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.exit_code, type(copy)) == (error.message, 2, InputError)
