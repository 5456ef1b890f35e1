"""Monodepth2 as a source of depth: our checkpoints, and the published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from stc_pseudo import weights
from stc_pseudo.datasets.base import Sequence
from stc_pseudo.depth.monodepth2 import Monodepth2
from stc_pseudo.depth.training import NETWORK_NAME
from stc_pseudo.devices import require_device
from stc_track.formats.errors import InputError, require_file

FLAG = "--depth-weights"
# The published stereo models were trained with KITTI's baseline of 0.54 m as 0.1 units.
PUBLISHED_METRES_PER_UNIT = 5.4


class Monodepth2Depth:
    """A `DepthEstimator`: the network's inverse depth, 1/metre where it was trained with stereo.

    Args:
        path: a checkpoint of `stc-pseudo train-depth`, or a folder with the published `encoder.pth` and `depth.pth`.
        device: where the network runs.
        batch_size: frames in a forward pass.

    Raises:
        InputError: no such file, or weights of another network.
    """

    def __init__(self, path: Path, device: str = "cpu", batch_size: int = 8) -> None:
        read = _read_published if path.is_dir() else _read_own
        self.network, self.size, self.metres_per_unit = read(path)
        self.device, self.batch_size = require_device(device), batch_size
        self.network.eval().requires_grad_(False).to(self.device)
        files = [path / "encoder.pth", path / "depth.pth"] if path.is_dir() else [path]
        self._fingerprint = "-".join(["monodepth2", *map(weights.fingerprint, files)])

    @torch.inference_mode()
    def fingerprint(self, sequence: Sequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        return self._fingerprint

    def inverse_depth(self, sequence: Sequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        import cv2

        height, width = frames.shape[1:3]
        inverse = np.empty(frames.shape[:3], np.float32)
        for first in range(0, len(frames), self.batch_size):
            batch = frames[first:first + self.batch_size]
            small = np.stack([cv2.resize(frame, self.size[::-1], interpolation=cv2.INTER_AREA) for frame in batch])
            inputs = torch.from_numpy(small).to(self.device).permute(0, 3, 1, 2).float() / 255
            (predicted,) = self.network(inputs, scales=1)
            for offset, low in enumerate(predicted[:, 0].float().cpu().numpy()):
                inverse[first + offset] = cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)
        return inverse / self.metres_per_unit


def _read_own(path: Path) -> tuple[Monodepth2, tuple[int, int], float]:
    content = weights.load(path, FLAG)
    if content.get("network") != NETWORK_NAME:
        raise InputError(path, expected="a checkpoint of stc-pseudo train-depth",
                         found=f"network {content.get('network')!r}", mend=FLAG)
    encoder, channel_width, height, width, metres_per_unit, state = (
        _pop(content, key, path) for key in ("encoder", "channel_width", "height", "width", "metres_per_unit", "state"))
    network = Monodepth2(encoder, channel_width)
    state = {key.removeprefix("network."): value for key, value in state.items()
             if not key.startswith("pose_network.")}
    weights.load_state(network, state, path, FLAG, "Monodepth2")
    return network, (height, width), metres_per_unit or 1.0


def _read_published(folder: Path) -> tuple[Monodepth2, tuple[int, int], float]:
    encoder, decoder = (weights.load(require_file(folder / name, "Monodepth2's published weights", FLAG), FLAG)
                        for name in ("encoder.pth", "depth.pth"))
    path = folder / "encoder.pth"
    size = int(_pop(encoder, "height", path)), int(_pop(encoder, "width", path))
    stereo = bool(encoder.pop("use_stereo", False))
    # The classifier came along from ImageNet, and no part of Monodepth2 uses it.
    encoder = {key: value for key, value in encoder.items() if not key.startswith("encoder.fc.")}
    network = Monodepth2("resnet50" if "encoder.layer1.0.conv3.weight" in encoder else "resnet18")
    weights.load_state(network.encoder, encoder, path, FLAG, "Monodepth2's encoder")
    weights.load_state(network.depth, decoder, folder / "depth.pth", FLAG, "Monodepth2's decoder")
    return network, size, PUBLISHED_METRES_PER_UNIT if stereo else 1.0


def _pop(content: dict[str, Any], key: str, path: Path) -> Any:
    if key not in content:
        raise InputError(path, expected=f"weights of Monodepth2 with the entry '{key}'", found="no such entry",
                         mend=FLAG)
    return content.pop(key)
