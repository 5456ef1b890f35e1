import logging
import math

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.depth.monodepth2_estimator import Monodepth2Depth
from stc_pseudo.depth.training.supervised import DepthPictures, scale_invariant_error, train_supervised
from stc_pseudo.depth.training.trainer import DepthTraining
from stc_pseudo.training.settings import training_settings

SIZE = (64, 96)
TINY = {"height": 64, "width": 96, "channel_width": 0.125, "batch_size": 2}


class Walls:
    """Walls whose brightness tells how near they are: dark at 8 m on the left, bright at 2 m on the right."""

    def __init__(self, count=6):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image = np.full((*SIZE, 3), 40 + 5 * index, np.uint8)
        depth = np.full(SIZE, 8.0, np.float32)
        image[:, 48:] += 130
        depth[:, 48:] = 2.0
        depth[:4] = np.nan
        return image, depth

    def split(self):
        return list(range(self.count - 2)), [self.count - 2, self.count - 1]


def test_error_by_hand():
    truth = torch.tensor([[[[2.0, 4.0, math.nan, 200.0]]]])
    inverse = torch.tensor([[[[1 / 2, 1 / 8, 5.0, 5.0]]]])
    # Logarithms of the ratios: 0 and log 2; what is unknown or beyond 100 m does not count.
    expected = math.log(2) ** 2 / 2 - 0.5 * (math.log(2) / 2) ** 2
    assert scale_invariant_error(inverse, truth).item() == pytest.approx(expected, rel=1e-5)
    assert scale_invariant_error(inverse, torch.full_like(truth, math.nan)).item() == 0


def test_unknown_depth_gives_no_gradient():
    inverse = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    scale_invariant_error(inverse, torch.tensor([[[[1.0, math.nan], [1.0, 3.0]]]])).backward()
    assert torch.isfinite(inverse.grad).all()
    assert inverse.grad[0, 0, 0, 1] == 0


def test_pictures_and_depth_move_together():
    torch.manual_seed(0)
    pictures = DepthPictures(Walls(), SIZE, min_crop=0.4)
    flips = set()
    for _ in range(12):
        item = pictures[3]
        near = item["depth"][0] == 2.0
        bright = item["frames"][0].mean(0) > 0.5
        assert (near & ~bright).sum() <= SIZE[0]  # at most the column that resizing mixes
        assert set(item["depth"][~item["depth"].isnan()].tolist()) <= {2.0, 8.0}
        flips.add(bool(near[-1, 0]))
    assert flips == {True, False}
    plain = pictures.plain()[3]
    assert torch.equal(plain["frames"], plain["augmented"])


def test_training_learns_metres(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    settings = training_settings(
        DepthTraining, steps=30, learning_rate=3e-3, half=True, log_dir=tmp_path / "log", **TINY
    )
    train_supervised(Walls(), settings, tmp_path / "depth.pth")
    assert "abs_rel" in caplog.text
    frame, _ = Walls()[5]
    inverse = Monodepth2Depth(tmp_path / "depth.pth").inverse_depth(None, 0, frame[None])[0]
    for columns, metres in ((slice(8, 40), 8.0), (slice(56, 88), 2.0)):
        assert np.median(1 / inverse[10:, columns]) == pytest.approx(metres, rel=0.5)


def test_command_reads_the_published_layout(tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "nyu.mat", "w") as file:
        file["images"] = rng.integers(0, 256, (4, 3, 96, 64), np.uint8)
        file["depths"] = rng.uniform(1, 9, (4, 96, 64)).astype(np.float32)
        names = [
            file.create_dataset(f"#refs#/{k}", data=np.array([[ord(c)] for c in f"scene_{k % 2}"], np.uint16)).ref
            for k in range(4)
        ]
        file.create_dataset("scenes", data=np.array([names], h5py.ref_dtype), dtype=h5py.ref_dtype)
    flags = ["--height", "64", "--width", "96", "--channel-width", "0.125", "--batch-size", "2", "--steps", "1"]
    result = CliRunner().invoke(
        main, ["train-depth", "--nyu", str(tmp_path / "nyu.mat"), "--out", str(tmp_path / "depth.pth"), *flags]
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "depth_log" / "epoch_001.png").is_file()
    assert Monodepth2Depth(tmp_path / "depth.pth").metres_per_unit == 1.0
