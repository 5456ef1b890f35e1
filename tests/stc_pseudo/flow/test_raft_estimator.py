"""torchvision's RAFT as a source of flow, by weights from a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_small

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.flow import make_flow_estimator
from stc_track.io.errors import InputError, SettingError

SIZE = (70, 133)  # neither a multiple of 8 nor as large as RAFT wants


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("raft") / "raft_small.pth"
    torch.save(raft_small().state_dict(), path)
    return path


def test_flow_has_the_frames_size_and_is_the_network_s(weights):
    estimator = make_flow_estimator("raft", weights=weights, folder=None, device="cpu")
    frames = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), np.uint8)
    sequence = VideoSequence("a", SIZE, (), ())
    flow = estimator.flow(sequence, 0, frames)
    assert flow.shape == (2, 2, *SIZE)
    assert np.isfinite(flow).all()
    padded = np.pad(frames, ((0, 0), (0, 128 - SIZE[0]), (0, 136 - SIZE[1]), (0, 0)), mode="edge")
    pair = [torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1 for picture in padded[:2]]
    network = raft_small()
    network.load_state_dict(torch.load(weights))
    with torch.inference_mode():
        expected = network.eval()(*pair)[-1][0, :, : SIZE[0], : SIZE[1]].numpy()
    assert flow[0] == pytest.approx(expected, abs=1e-3)
    assert estimator.last_flow(sequence, frames[1:]).shape == (2, *SIZE)
    assert estimator.fingerprint(sequence).startswith("raft-")


def test_other_weights_and_none_are_refused(weights, tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="expected weights of torchvision's raft_large or raft_small"):
        make_flow_estimator("raft", weights=tmp_path / "other.pth", folder=None, device="cpu")
    with pytest.raises(SettingError, match="a file of network weights, for raft"):
        make_flow_estimator("raft", weights=None, folder=None, device="cpu")
