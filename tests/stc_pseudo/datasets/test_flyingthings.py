"""FlyingThings3D's layout, in small files that the tests write byte by byte."""

import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.flow_maps import read_pfm_flow
from stc_pseudo.datasets.flyingthings import true_flow
from stc_track.io import progress
from stc_track.io.errors import InputError

H, W = 5, 7


def pfm(flow, order="<", kind="PF"):
    """PFM of (2, H, W): rows from the bottom, a negative scale for little-endian numbers."""
    channels = np.stack([*flow, np.zeros_like(flow[0])], -1)[::-1]
    head = f"{kind}\n{flow.shape[2]} {flow.shape[1]}\n{-1.0 if order == '<' else 1.0}\n".encode()
    return head + channels.astype(f"{order}f4").tobytes()


@pytest.fixture
def root(tmp_path):
    """Two scenes of three frames, both cameras; the flow's value names frame and camera."""
    for scene in ("A/0000", "B/0012"):
        for camera, value in (("left", 0), ("right", 0.5)):
            frames = tmp_path / "frames_cleanpass/TRAIN" / scene / camera
            flows = tmp_path / "optical_flow/TRAIN" / scene / "into_future" / camera
            frames.mkdir(parents=True)
            flows.mkdir(parents=True)
            for number in (6, 7, 8):
                cv2.imwrite(str(frames / f"{number:04d}.png"), np.full((H, W, 3), number, np.uint8))
                flow = np.full((2, H, W), number + value, np.float32)
                (flows / f"OpticalFlowIntoFuture_{number:04d}_{camera[0].upper()}.pfm").write_bytes(pfm(flow))
    return tmp_path


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_flow_is_read_top_row_first(tmp_path, order):
    flow = np.random.default_rng(0).normal(0, 40, (2, H, W)).astype(np.float32)
    (tmp_path / "a.pfm").write_bytes(pfm(flow, order))
    np.testing.assert_array_equal(read_pfm_flow(tmp_path / "a.pfm"), flow)
    flow[1, 2, 3] = np.inf
    (tmp_path / "a.pfm").write_bytes(pfm(flow, order))
    found = read_pfm_flow(tmp_path / "a.pfm")
    assert np.isnan(found[:, 2, 3]).all()
    assert np.isnan(found).sum() == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "found nothing"),
        (b"", "0 bytes that do not decode"),
        (b"PF\n7 5\n", "bytes that do not decode"),
        (pfm(np.zeros((2, H, W)))[:-4], "bytes that do not decode"),
        (cv2.imencode(".png", np.zeros((H, W, 3), np.uint8))[1].tobytes(), "bytes that do not decode"),
        (pfm(np.zeros((2, H, W)), kind="Pf"), "three channels"),
    ],
    ids=["absent", "empty", "head", "truncated", "PNG", "one channel"],
)
def test_other_files_are_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "a.pfm").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_pfm_flow(tmp_path / "a.pfm")


def test_frames_find_their_flow(root):
    videos = [sorted(folder.iterdir()) for folder in sorted(root.glob("frames_cleanpass/TRAIN/*/*/*"))]
    flows = true_flow(root, videos)
    assert list(flows) == [frame for video in videos for frame in video]
    for frame, flow in flows.items():
        np.testing.assert_array_equal(read_pfm_flow(flow), int(frame.stem) + 0.5 * (frame.parent.name == "right"))
    (root / "optical_flow/TRAIN/A/0000/into_future/right/OpticalFlowIntoFuture_0007_R.pfm").unlink()
    assert len(true_flow(root, videos)) == len(flows) - 1
    assert true_flow(root / "nowhere", videos) == {}
    assert true_flow(root, [[root / "0006.png"]]) == {}


def test_a_network_learns_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "LOG_INTERVAL", 0)  # its figures are printed at once
    monkeypatch.setattr(progress, "START", 0)
    """`train-flow` on the frames and the flow, as the README's line for YouTube-VIS has it."""
    from click.testing import CliRunner

    from stc_pseudo.cli import main

    noise = np.random.default_rng(0).integers(0, 256, (64, 140, 3), np.uint8)
    for t in range(4):
        frame = tmp_path / f"frames_cleanpass/TRAIN/A/0000/left/{t:04d}.png"
        flow = tmp_path / f"optical_flow/TRAIN/A/0000/into_future/left/OpticalFlowIntoFuture_{t:04d}_L.pfm"
        frame.parent.mkdir(parents=True, exist_ok=True)
        flow.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(frame), noise[:, 12 - 4 * t : 140 - 4 * t])
        flow.write_bytes(pfm(np.stack([np.full((64, 128), 4.0), np.zeros((64, 128))])))
    result = CliRunner().invoke(
        main,
        [
            "train-flow",
            "--frames",
            str(tmp_path / "frames_cleanpass/TRAIN"),
            "--true-flow",
            str(tmp_path),
            "--out",
            str(tmp_path / "a.pth"),
            "--height",
            "64",
            "--width",
            "128",
            "--steps",
            "1",
            "--batch-size",
            "1",
            "--no-log",
        ],
    )
    assert result.exit_code == 0, result.output
    assert "true_epe" in result.output
