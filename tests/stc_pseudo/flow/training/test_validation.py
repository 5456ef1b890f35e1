import logging

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.datasets.flow_maps import write_kitti_flow
from stc_pseudo.flow.training.validation import FlowTruth, draw_flow
from stc_pseudo.training.clips import Clips
from stc_track.io.errors import InputError

SIZE = (64, 128)
FULL = (128, 256)  # of the frames on disk


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """Four frames whose true flow is eight pixels to the right, and the maps of the first and third."""
    root = tmp_path_factory.mktemp("street")
    (root / "frames" / "0000").mkdir(parents=True)
    (root / "truth" / "0000").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (FULL[0], FULL[1] + 32, 3), np.uint8)
    scene = cv2.GaussianBlur(noise, (0, 0), 3)
    for t in range(4):
        cv2.imwrite(str(root / "frames" / "0000" / f"{t:06d}.png"), scene[:, 32 - 8 * t : 32 - 8 * t + FULL[1]])
    flow = np.zeros((2, *FULL), np.float32)
    flow[0] = 8.0
    for t in (0, 2):
        write_kitti_flow(root / "truth" / "0000" / f"{t:06d}.png", flow)
    return root


def moves(pixels):
    """A prediction of so many pixels to the right, at the clips' size."""

    def predict(first, second):
        flow = torch.zeros(len(first), 2, *SIZE)
        flow[:, 0] = pixels
        return flow

    return predict


def clips(street):
    return Clips([sorted((street / "frames" / "0000").iterdir())], 2, SIZE)


def test_error_is_in_pixels_of_the_truth(street):
    exact = FlowTruth(street / "truth", clips(street), [0, 1, 2], moves(4.0), "cpu")
    assert exact(0) == pytest.approx({"epe": 0, "f1": 0}, abs=1e-5)
    assert exact(1) == {}
    still = FlowTruth(street / "truth", clips(street), [2], moves(0.0), "cpu")
    assert still(2) == pytest.approx({"epe": 8, "f1": 1})


def test_without_truth_of_held_out_frames(street):
    with pytest.raises(InputError, match=r"none of 1 held-out.*`truth=`"):
        FlowTruth(street / "truth", clips(street), [1], moves(0.0), "cpu")


def test_picture_shows_frame_and_flow(street):
    item = clips(street).plain()[0]
    picture = draw_flow(moves(3.0), {"frames": item["frames"][None]})
    assert picture.shape == (SIZE[0], 2 * SIZE[1], 3)
    assert np.array_equal(picture[:, : SIZE[1]], (item["frames"][0].permute(1, 2, 0) * 255).round().byte().numpy())
    red = picture[:, SIZE[1] :].reshape(-1, 3)  # motion to the right has hue 0
    assert (red == (255, 0, 0)).all()


def test_command_prints_the_error_of_held_out_frames(street, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    result = CliRunner().invoke(
        main,
        [
            "train-flow",
            "--frames",
            str(street / "frames"),
            "--out",
            str(tmp_path / "flow.pth"),
            "--height",
            "64",
            "--width",
            "128",
            "--batch-size",
            "1",
            "--steps",
            "1",
            "--validation-share",
            "0.4",
            "--truth",
            str(street / "truth"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "epe" in caplog.text
    assert (tmp_path / "flow_log" / "epoch_001.png").is_file()
