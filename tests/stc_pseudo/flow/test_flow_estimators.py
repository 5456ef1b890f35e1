from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.flow_maps import write_flo, write_kitti_flow
from stc_pseudo.flow import FLOW_METHODS, make_flow_estimator
from stc_pseudo.flow.checkpoint import describe
from stc_pseudo.flow.dis import DisFlow
from stc_pseudo.flow.precomputed import PrecomputedFlow
from stc_pseudo.flow.upflow import UPFlow
from stc_pseudo.flow.upflow_estimator import UpflowFlow
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError


def sequence_of(size, count=3):
    return VideoSequence("0000", size, tuple(Path(f"{i:06d}.jpg") for i in range(count)), tuple(range(count)))


def moving_texture(dx, dy, size, count):
    """(count, H, W, 3) uint8 frames of a texture that moves by (dx, dy) a frame."""
    noise = np.random.default_rng(0).integers(0, 256, (size[0] + 80, size[1] + 80, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return np.stack(
        [scene[40 - i * dy : 40 - i * dy + size[0], 40 - i * dx : 40 - i * dx + size[1]] for i in range(count)]
    )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "flow.pth"
    weights.save(path, describe((96, 130)) | {"state": UPFlow().state_dict()})
    return path


@pytest.mark.parametrize(("dx", "dy"), [(5, -2), (-7, 3)], ids=["right and up", "left and down"])
def test_dis_finds_a_translation_there_and_back(dx, dy):
    frames, sequence = moving_texture(dx, dy, (90, 130), 3), sequence_of((90, 130))
    flow = DisFlow().flow(sequence, 0, frames)
    assert flow.shape == (2, 2, 90, 130)
    assert flow.dtype == np.float32
    last = DisFlow().last_flow(sequence, frames[-2:])
    backward = DisFlow().backward_flow(sequence, 0, frames)
    np.testing.assert_array_equal(backward[-1], -last)
    for field in (*flow, last, *-backward):
        assert np.abs(field[:, 10:-10, 10:-10] - np.array([dx, dy])[:, None, None]).mean() < 0.1


class Everywhere(torch.nn.Module):
    """Stands for a network that sees the same flow everywhere, and notes the sizes that it was given."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, first, second, start=None):
        assert first.shape == second.shape
        assert 0 <= first.min() <= first.max() <= 1
        self.sizes.append(tuple(first.shape))
        direction = torch.sign((second - first).mean((1, 2, 3)))
        return [
            None,
            torch.tensor([2.0, 1.0])[None, :, None, None].repeat(len(first), 1, *first.shape[-2:])
            * direction[:, None, None, None],
        ]


def test_upflow_gives_pixels_of_the_original_frame(checkpoint):
    estimator = UpflowFlow(checkpoint, batch_size=2)
    estimator.network = Everywhere()
    frames = np.stack([np.full((75, 512, 3), level, np.uint8) for level in (10, 20, 30, 40)])  # brighter with time
    flow = estimator.flow(sequence_of((75, 512), 4), 0, frames)
    # Learnt from 96x130, that is 128x128 in multiples of 64.
    assert estimator.network.sizes == [(2, 3, 128, 128), (1, 3, 128, 128)]
    assert flow.shape == (3, 2, 75, 512)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(flow[:, 0], 2 * 512 / 128, rtol=1e-5)
    np.testing.assert_allclose(flow[:, 1], 1 * 75 / 128, rtol=1e-5)
    # Backward, the network saw the frames get darker.
    backward = estimator.backward_flow(sequence_of((75, 512), 4), 0, frames)
    np.testing.assert_allclose(backward, -flow, rtol=1e-5)
    # The last frame's is that to the frame before it, negated.
    last = estimator.last_flow(sequence_of((75, 512), 4), frames[-2:])
    np.testing.assert_allclose(last, flow[0], rtol=1e-5)


@pytest.mark.parametrize("start", ["none", "dis"])
def test_upflow_starts_as_its_checkpoint_says(tmp_path, start):
    """An untrained network corrects nothing: it gives zero, or what it starts from."""
    torch.manual_seed(0)
    path = tmp_path / "flow.pth"
    weights.save(path, describe((64, 128), start) | {"state": UPFlow().state_dict()})
    estimator, sequence = UpflowFlow(path), sequence_of((96, 192), 3)
    frames = moving_texture(6, -3, (96, 192), 3)
    found = {1: estimator.flow(sequence, 0, frames), -1: estimator.backward_flow(sequence, 0, frames)}
    for sign, flow in found.items():
        assert flow.shape == (2, 2, 96, 192)
        expected = sign * np.array([6, -3] if start == "dis" else [0, 0])[:, None, None]
        assert np.abs(flow[..., 16:-16, 16:-16] - expected).mean() < 0.5
    assert ("-dis-opencv-" in estimator.fingerprint(sequence)) == (start == "dis")


def test_upflow_does_not_depend_on_the_batch(checkpoint):
    frames, sequence = moving_texture(3, 1, (64, 128), 4), sequence_of((64, 128), 4)
    alone = UpflowFlow(checkpoint, batch_size=1).flow(sequence, 0, frames)
    together = UpflowFlow(checkpoint, batch_size=3).flow(sequence, 0, frames)
    np.testing.assert_allclose(alone, together, atol=1e-3)


def write_flows(folder, writers):
    """A map of flow (index, 10) for frame `index`, written by `writers[index]`; a folder of sequence 0000."""
    (folder / "0000").mkdir()
    for index, (suffix, write) in enumerate(writers):
        flow = np.zeros((2, 4, 6), np.float32)
        flow[0], flow[1] = index, 10
        write(folder / "0000" / f"{index:06d}{suffix}", flow)
    return folder


PNG, FLO, NPY = (".png", write_kitti_flow), (".flo", write_flo), (".npy", np.save)


def test_precomputed_reads_each_format(tmp_path):
    estimator = PrecomputedFlow(write_flows(tmp_path, [PNG, FLO, NPY]))
    flow = estimator.flow(sequence_of((4, 6), 4), 0, np.zeros((4, 4, 6, 3), np.uint8))
    assert flow.dtype == np.float32
    np.testing.assert_array_equal(flow[:, 0, 0, 0], [0, 1, 2])
    assert (flow[:, 1] == 10).all()
    later = estimator.flow(sequence_of((4, 6), 4), 1, np.zeros((2, 4, 6, 3), np.uint8))
    np.testing.assert_array_equal(later[:, 0, 0, 0], [1])


@pytest.mark.parametrize(("count", "known"), [(3, True), (4, False)], ids=["with its file", "without"])
def test_precomputed_last_flow(tmp_path, count, known):
    estimator = PrecomputedFlow(write_flows(tmp_path, [PNG] * 3))
    last = estimator.last_flow(sequence_of((4, 6), count), np.zeros((2, 4, 6, 3), np.uint8))
    assert last.shape == (2, 4, 6)
    assert (last[0] == 2).all() if known else np.isnan(last).all()


def test_precomputed_backward_flow_is_nan_where_there_is_no_file(tmp_path):
    estimator = PrecomputedFlow(write_flows(tmp_path, [PNG] * 3))
    alone = estimator.fingerprint(sequence_of((4, 6)))
    (tmp_path / "0000" / "backward").mkdir()
    write_flo(tmp_path / "0000" / "backward" / "000002.flo", np.full((2, 4, 6), -7, np.float32))
    backward = estimator.backward_flow(sequence_of((4, 6)), 0, np.zeros((3, 4, 6, 3), np.uint8))
    assert backward.shape == (2, 2, 4, 6)
    assert np.isnan(backward[0]).all()
    assert (backward[1] == -7).all()
    assert estimator.fingerprint(sequence_of((4, 6))) != alone


def test_precomputed_fingerprint_follows_the_maps_not_the_path(tmp_path):
    prints, sequence = [], VideoSequence("0000", (1, 1), (), ())
    for name, writers in {"a": [PNG] * 2, "b": [PNG] * 2, "c": [PNG] * 3}.items():
        (tmp_path / name).mkdir()
        prints.append(PrecomputedFlow(write_flows(tmp_path / name, writers)).fingerprint(sequence))
    write_kitti_flow(tmp_path / "a" / "0000" / "000000.png", np.full((2, 4, 6), 7.5))
    prints.append(PrecomputedFlow(tmp_path / "a").fingerprint(sequence))
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


@pytest.mark.parametrize(
    ("writers", "size", "told"),
    [
        ([PNG], (4, 6), "000001.png: expected a flow map of every frame but the last .*found no file.*--flow-dir"),
        ([PNG, PNG], (4, 8), "000000.png: expected 8x4 pixels as the frames, found 6x4.*--flow-dir"),
    ],
    ids=["a missing map", "another size"],
)
def test_precomputed_says_what_is_wrong(tmp_path, writers, size, told):
    estimator = PrecomputedFlow(write_flows(tmp_path, writers), "--flow-dir names the folder")
    with pytest.raises(InputError, match=told):
        estimator.flow(sequence_of(size), 0, np.zeros((3, *size, 3), np.uint8))


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        pytest.param("precomputed", {}, "^flow_dir: expected a folder of flow maps", id="no folder named"),
        pytest.param("precomputed", {"folder": "nowhere"}, "nowhere.*`flow_dir=`", id="missing folder"),
        pytest.param("precomputed", {"folder": "."}, "found none.*`flow_dir=`", id="folder without maps"),
        pytest.param("upflow", {}, "^flow_weights: expected a file of network weights", id="no UPFlow weights"),
        pytest.param("upflow", {"weights": "nowhere.pth"}, "nowhere.pth.*`flow_weights=`", id="missing weights"),
        pytest.param("raft", {}, "^flow_weights: expected a file of network weights, for raft", id="no RAFT weights"),
        pytest.param("farneback", {}, "^flow: expected one of precomputed, upflow, raft, dis", id="unknown estimator"),
    ],
)
def test_factory_names_the_setting(tmp_path, name, given, told):
    paths = {key: tmp_path / value for key, value in given.items()}
    with pytest.raises(InputError, match=told):
        make_flow_estimator(name, **{"weights": None, "folder": None} | paths, device="cpu")


def test_factory_makes_each_method_with_its_own_fingerprint(tmp_path, checkpoint):
    folder = write_flows(tmp_path, [PNG])
    made = [
        make_flow_estimator(name, weights=checkpoint, folder=folder, device="cpu")
        for name in FLOW_METHODS
        if name != "raft"
    ]
    assert [type(estimator) for estimator in made] == [PrecomputedFlow, UpflowFlow, DisFlow]
    sequence = VideoSequence("0000", (4, 6), (), ())
    assert len({estimator.fingerprint(sequence) for estimator in made}) == 3
