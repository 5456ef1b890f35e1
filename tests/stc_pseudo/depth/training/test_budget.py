"""A depth network trained on the frames of a build, within a time."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.training import budget
from stc_pseudo.depth.training.budget import Fit, input_size
from stc_track.io.errors import InputError

SIZE = (64, 128)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A textured wall before a camera that moves right by 4 pixels a frame."""
    root = tmp_path_factory.mktemp("wall")
    noise = np.random.default_rng(0).integers(0, 256, (16, 60, 3), np.uint8)
    wall = cv2.resize(noise, (240, SIZE[0]), interpolation=cv2.INTER_CUBIC)
    for t in range(8):
        cv2.imwrite(str(root / f"{t:06d}.png"), wall[:, 4 * t : 4 * t + SIZE[1]])
    return root


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(budget.INPUT_PIXELS, "cpu", 64 * 128)


def video_of(folder, count=8):
    paths = tuple(sorted(Path(folder).glob("*.png")))[:count]
    return VideoSequence("wall", SIZE, paths, tuple(range(len(paths))))


def test_is_trained_once(frames, tmp_path, small, monkeypatch):
    fit = Fit(tmp_path / "store.weights", minutes=0.02)
    weights = fit.run([video_of(frames)])
    record = json.loads((tmp_path / "store.weights" / budget.RECORD).read_text())
    assert record["complete"]
    assert record["frames"] == {"wall": 8}
    assert record["start"] == "shipped"
    assert torch.load(weights, weights_only=True)["step"] == record["training"]["steps"]
    monkeypatch.setattr(budget, "train_depth", None)
    assert fit.run([video_of(frames)]) == weights


def test_an_interrupted_training_goes_on_with_its_own_plan(frames, tmp_path, small, monkeypatch):
    fit = Fit(tmp_path / "store.weights", minutes=0.02)
    done, plain = [], budget.train_depth

    def interrupted(videos, settings, out):
        done.append(settings)
        if len(done) == 1:
            budget.state_path(out).write_bytes(b"state")
            raise KeyboardInterrupt
        assert settings.optimiser.resume
        plain(videos, replace(settings, optimiser=replace(settings.optimiser, resume=False)), out)

    monkeypatch.setattr(budget, "train_depth", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit.run([video_of(frames)])
    Fit(fit.folder, minutes=5.0).run([video_of(frames)])
    assert done[1].optimiser.steps == done[0].optimiser.steps


def test_too_few_frames_are_said(frames, tmp_path, small):
    with pytest.raises(InputError, match=r"at least 6 frames.*`depth_weights=`"):
        Fit(tmp_path, minutes=1.0).run([video_of(frames, 5)])


def test_a_foreign_record_is_refused(frames, tmp_path, small):
    (tmp_path / budget.RECORD).write_text('{"frames": 3}')
    with pytest.raises(InputError, match="the record of a depth training"):
        Fit(tmp_path, minutes=1.0).run([video_of(frames)])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param((375, 1242), (128, 416), id="KITTI"),
        pytest.param((480, 854), (160, 320), id="16:9"),
        pytest.param((1280, 720), (320, 160), id="upright"),
    ],
)
def test_input_keeps_the_proportions(size, expected):
    assert input_size([VideoSequence("a", size, (), ())], 128 * 416) == expected


def test_build_needs_no_flag_but_the_frames(frames, tmp_path, small):
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("".join(f"{t},1,40,16,48,32,1,1,1\n" for t in range(1, 9)))
    flags = ["build", "--frames", str(frames), "--boxes", str(boxes), "--boxes-format", "mot", "--fit-minutes", "0.02"]
    result = CliRunner().invoke(main, [*flags, "--class-names", "thing", "--out", str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "store.weights" / budget.WEIGHTS).is_file()


def test_the_shipped_network_serves_without_a_training(frames, tmp_path, monkeypatch):
    monkeypatch.setattr(budget, "train_depth", None)
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("1,1,40,16,48,32,1,1,1\n")
    flags = ["build", "--frames", str(frames), "--boxes", str(boxes), "--boxes-format", "mot", "--fit-minutes", "0"]
    result = CliRunner().invoke(main, [*flags, "--class-names", "thing", "--out", str(tmp_path / "store")])
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "store.weights").exists()
