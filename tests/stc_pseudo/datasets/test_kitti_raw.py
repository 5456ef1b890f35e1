"""KITTI's raw recordings by lists of frames, as Eigen's and Zhou's splits are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.datasets.kitti_raw import read_listed
from stc_pseudo.depth.training.trainer import listed_clips
from stc_pseudo.training.clips import Clips
from stc_track.io.errors import InputError

DAY, SIZE = "2011_09_26", (66, 200)
LEFT, RIGHT = (f"P_rect_0{k}: 100 0 100 {shift} 0 100 33 0 0 0 1 0" for k, shift in ((2, 0), (3, -54)))


@pytest.fixture
def raw(tmp_path):
    """Two drives of six frames, the first with right frames."""
    random = np.random.default_rng(0)
    root = tmp_path / "raw"
    for drive, cameras in (("0001", ("image_02", "image_03")), ("0002", ("image_02",))):
        for camera in cameras:
            folder = root / DAY / f"{DAY}_drive_{drive}_sync" / camera / "data"
            folder.mkdir(parents=True)
            for t in range(6):
                cv2.imwrite(str(folder / f"{t:010d}.png"), random.integers(0, 256, (*SIZE, 3), np.uint8))
    (root / DAY / "calib_cam_to_cam.txt").write_text(f"calib_time: now\n{LEFT}\n{RIGHT}\n")
    return root


def line(drive: str, frame: int, camera: str) -> str:
    return f"{DAY}/{DAY}_drive_{drive}_sync {frame} {camera}\n"


@pytest.fixture
def splits(tmp_path):
    train, held = tmp_path / "train_files.txt", tmp_path / "val_files.txt"
    train.write_text(line("0001", 1, "l") + line("0002", 4, "l") + line("0001", 3, "r") + line("0001", 2, "l"))
    held.write_text(line("0001", 4, "l"))
    return train, held


def test_the_listed_frames_are_the_clips_middles(raw, splits):
    found = read_listed(raw, *splits)
    assert [video.name for video in found.videos] == [
        f"{DAY}_drive_0001_sync_l",
        f"{DAY}_drive_0002_sync_l",
        f"{DAY}_drive_0001_sync_r",
    ]
    assert (found.train, found.held) == ([{1, 2}, {4}, {3}], [{4}, set(), set()])
    assert [len(video.right) for video in found.videos] == [6, 0, 0]
    assert found.videos[0].calibration.baseline == pytest.approx(0.54)
    assert found.videos[2].calibration.baseline is None
    clips = Clips([video.frames for video in found.videos], 3, (64, 64))
    train = [clips.starts[index] for index in listed_clips(clips, found.train)]
    assert train == [(0, 0), (0, 1), (1, 3), (2, 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{DAY}/{DAY}_drive_0001_sync 1\n", "train_files.txt:1: expected `date/drive frame l` or `r`"),
        (line("0001", 5, "l"), "train_files.txt:1: expected a frame between 0 and 5, with both neighbours, found 5"),
        (line("0001", 1, "l") + line("0009", 1, "l"), "expected a folder of frames, found nothing"),
        ("../../x 1 l\n", "expected a drive below the root"),
    ],
    ids=["no camera", "no neighbour", "no such drive", "out of the root"],
)
def test_a_wrong_line_is_named(raw, splits, text, words):
    splits[0].write_text(text)
    with pytest.raises(InputError) as caught:
        read_listed(raw, splits[0])
    assert words in str(caught.value)


@pytest.mark.slow
def test_training_on_listed_frames(raw, splits, tmp_path):
    arguments = ["train-depth", "--kitti-raw", raw, "--split", splits[0], "--val-split", splits[1], "--height", 64]
    arguments += ["--width", 64, "--channel-width", 0.25, "--steps", 1, "--batch-size", 1, "--out", tmp_path / "d.pth"]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "d.pth").is_file()


def test_a_list_needs_the_recordings(splits, tmp_path):
    done = CliRunner().invoke(main, ["train-depth", "--split", str(splits[0]), "--out", str(tmp_path / "d.pth")])
    assert done.exit_code == 2
    assert "--split: expected --kitti-raw and --split together, found one of them" in done.output
