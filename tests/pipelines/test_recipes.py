"""The recipes of both benchmarks and the paper's rows, dry-run on a drawn video of two frames in each layout."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from pipelines import kitti_mots, ytvis
from pipelines.paper.data import BUDGETS, Data
from pipelines.paper.rows import Row
from pipelines.paper.run import Experiment
from pipelines.reporting.commands import Stages
from stc_track.formats.mots import read_mots
from stc_track.masks import rle


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Run the commands without starting Python again; the networks see no detection at once, so every score counts."""
    from stc_pseudo.cli import main as stc_pseudo
    from stc_track.commands.evaluate import main as evaluate
    from stc_track.commands.track import main as track
    from stc_train.commands.predict import main as predict
    from stc_train.commands.train import main as train

    commands = {"stc-pseudo": stc_pseudo, "stc-train": train, "stc-predict": predict, "stc-track": track}
    commands["stc-eval"] = evaluate

    def run(self, command, *arguments, threads=None, figures=True):
        words = [str(argument) for argument in arguments]
        if command == "stc-predict":
            words += ["--score-threshold", "0", "--max-detections", "3"]
        if command == "stc-track":
            words += ["--high-score", "0", "--low-score", "0", "--gate", "100"]
        commands[command].main(words, standalone_mode=False)
        self.seconds[f"{command} {words[0]}"] = 0.0

    monkeypatch.setattr(Stages, "run", run)


@pytest.fixture
def root(drawn_root, tmp_path) -> Path:
    """Two drawn sequences in KITTI MOTS's layout."""
    root = tmp_path / "kitti"
    shutil.copytree(drawn_root, root)
    for kind in ("image_02", "depth", "flow"):
        shutil.copytree(root / "training" / kind / "0000", root / "training" / kind / "0002")
    shutil.copy(root / "instances_txt" / "0000.txt", root / "instances_txt" / "0002.txt")
    return root


def signals(root: Path) -> str:
    flags = (f"--{kind} precomputed --{kind}-dir {root / 'training' / kind}" for kind in ("depth", "flow"))
    return f"{' '.join(flags)} --detail 4"


def test_kitti_trains_on_one_part_and_writes_the_benchmark_s_archive_of_the_other(root, tmp_path):
    out = tmp_path / "out"
    arguments = ["--root", root, "--out", out, "--train-sequences", "0000", "--val-sequences", "0002", "--max-iters", 1]
    arguments += ["--signals", signals(root), "--workers", 1, "--preset", "paper", "--init-backbone", "scratch"]
    done = CliRunner().invoke(kitti_mots.main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out / "archive.zip") as packed:
        assert packed.namelist() == ["0002.txt"]
        assert packed.read("0002.txt") == (out / "results" / "0002.txt").read_bytes()
    assert "car" in json.loads((out / "scores.json").read_text())["combined"]
    assert 'preset = "paper"' in (out / "results.toml").read_text()


def test_kitti_names_the_missing_sequence_of_the_official_split(root, tmp_path):
    done = CliRunner().invoke(kitti_mots.main, ["--root", str(root), "--out", str(tmp_path / "out")])
    assert done.exit_code != 0
    assert "expected sequence '0001'" in str(done.output) + str(done.exception)


def youtube_vis(root: Path, folder: Path) -> Path:
    """The drawn sequence 0000 in YouTube-VIS's layout."""
    shutil.copytree(root / "training" / "image_02" / "0000", folder / "JPEGImages" / "0000")
    names = sorted(path.name for path in (folder / "JPEGImages" / "0000").iterdir())
    height, width = cv2.imread(str(folder / "JPEGImages" / "0000" / names[0])).shape[:2]
    video = {"id": 1, "width": width, "height": height, "length": 2, "file_names": [f"0000/{name}" for name in names]}
    tracks: dict[int, list] = {}
    for frame, objects in read_mots(root / "instances_txt" / "0000.txt").items():
        for obj in objects:
            shape = {"size": [height, width], "counts": obj.counts.decode()}
            x1, y1, x2, y2 = (float(side) for side in rle.tight_box(obj.counts, height, width))
            tracks.setdefault(obj.track_id, [None, None])[frame] = (shape, [x1, y1, x2 - x1, y2 - y1])
    annotations = [
        {
            "id": k,
            "video_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "segmentations": [drawn and drawn[0] for drawn in frames],
            "bboxes": [drawn and drawn[1] for drawn in frames],
            "areas": [drawn and drawn[1][2] * drawn[1][3] for drawn in frames],
        }
        for k, frames in enumerate(tracks.values(), 1)
    ]
    content = {"videos": [video], "categories": [{"id": 1, "name": "car"}], "annotations": annotations}
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def test_youtube_vis_writes_what_the_server_takes(root, tmp_path):
    videos, out = youtube_vis(root, tmp_path / "ytvis"), tmp_path / "out"
    arguments = ["--root", videos, "--val-root", videos, "--out", out, "--config", "condinst_r18_demo", "--workers", 1]
    arguments += ["--max-iters", 1, "--signals", signals(root), "--init-backbone", "scratch"]
    done = CliRunner().invoke(ytvis.main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out / "archive.zip") as packed:
        assert packed.namelist() == ["results.json"]
        results = json.loads(packed.read("results.json"))
    assert isinstance(results, list)
    assert all(set(result) >= {"video_id", "category_id", "score", "segmentations"} for result in results)
    assert (out / "scores.json").is_file()


def experiment(root: Path, out: Path, start: int) -> Experiment:
    """One frame's worth of every step, on the drawn sequences with their exact maps as the predicted ones."""
    maps = {
        (kind, source): (f"--{kind}", "precomputed", f"--{kind}-dir", root / "training" / kind)
        for kind in ("depth", "flow")
        for source in ("predicted", "true")
    }
    data = Data("kitti", root, root, ("0000",), ("0002",), root / "instances_txt", root, signals=maps)
    return Experiment(out, data, "kitti", replace(BUDGETS["smoke"], steps=1, start=start))


ROW = Row(train=("model.mask_head.loss_mask.boundary=none",), track=("--motion", "center", "--cue-terms", "none"))


def test_a_row_of_the_paper_is_done_once(root, tmp_path, monkeypatch):
    """Build, train, predict, track and evaluate; another call finds it done."""
    first = experiment(root, tmp_path, start=0).run("IV", "L'_dice", ROW, 0)
    assert first["settings"]["row"]["preset"] == "paper"
    assert first["figures"].keys() >= {"IoU", "AP", "HOTA", "MOTSA", "MOTSP"}
    assert first["commit"]

    def refuse(*_arguments):
        raise AssertionError("what is done was done again")

    monkeypatch.setattr(Experiment, "call", refuse)
    assert experiment(root, tmp_path, start=0).run("IV", "L'_dice", ROW, 0) == first


@pytest.mark.slow
def test_a_row_reaches_its_figures_again_from_a_fresh_store(root, tmp_path):
    first, again = (experiment(root, tmp_path / name, start=1).run("IV", "L'_dice", ROW, 0) for name in ("one", "two"))
    assert again["figures"] == first["figures"]
    models = [next((tmp_path / name).glob("work/train_*/predictions/0002.txt")).read_bytes() for name in ("one", "two")]
    assert models[0] == models[1]


def test_true_signals_that_nobody_named_are_asked_for(tmp_path):
    from stc_track.io.errors import InputError

    data = Data("kitti", tmp_path, tmp_path, None, None, tmp_path, tmp_path)
    with pytest.raises(InputError, match="--true-depth: expected where true depth comes from, found nothing"):
        data.signal("depth", "true")


@pytest.mark.slow
def test_predicted_boxes_take_the_place_of_drawn_ones(tmp_path, monkeypatch):
    """The loop on tiny scenes: detections of one network are boxes of the next."""
    from pipelines import pseudo_boxes

    monkeypatch.setattr(pseudo_boxes, "call", _seeing_everything(pseudo_boxes.call))
    arguments = ["--out", tmp_path, "--train-scenes", 2, "--test-scenes", 1, "--frames", 2, "--steps", 1]
    done = CliRunner().invoke(pseudo_boxes.main, [str(argument) for argument in [*arguments, "--min-score", 0]])
    assert done.exit_code == 0, done.output
    assert "half of the boxes, and predicted ones for the rest" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "boxes_pseudo" / "0001.txt").read_bytes() == (
        tmp_path / "half" / "predictions" / "0001.txt"
    ).read_bytes()


def _seeing_everything(call):
    """A network of one step is sure of nothing: every score counts."""

    def wrapped(command, *arguments):
        more = ("--score-threshold", 0, "--max-detections", 3) if "predict" in command.callback.__module__ else ()
        call(command, *arguments, *more)

    return wrapped
