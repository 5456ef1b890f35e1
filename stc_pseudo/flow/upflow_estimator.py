"""Flow of frames from UPFlow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from stc_pseudo.flow.checkpoint import load_network
from stc_pseudo.flow.dis_init import blend, make_start
from stc_pseudo.flow.network_pairs import NetworkPairs
from stc_pseudo.flow.upflow import STRIDE, upsample_flow
from stc_pseudo.nn import weights
from stc_pseudo.nn.devices import require_device


class UpflowFlow(NetworkPairs):
    """A `FlowEstimator` by UPFlow; each pair of frames is estimated in one direction only.

    Frames are resized to the size that the network learnt from (for the published file, which records none, their own),
    rounded to multiples of 64. DIS initialisation, if the network was trained with it, is computed at the frames' own
    size.

    Args:
        path: a checkpoint of `stc-pseudo train-flow`, or the authors' published file.
        device: `cpu`, `cuda`, ...
        batch_size: pairs of frames at a time.

    Raises:
        InputError: no such file, the weights of another network, or a device that is not there.
    """

    def __init__(self, path: Path, device: str = "cpu", batch_size: int = 4) -> None:
        self.device, self.batch_size = require_device(device), batch_size
        network, self.size, start = load_network(path, "`flow_weights=`")
        self.network, self.start = network.to(self.device).eval(), make_start(start)
        method = f"-{start}-opencv-{cv2.__version__}" if self.start else ""  # the start is not among the weights
        self._fingerprint = f"upflow-{weights.fingerprint(path)}{method}"

    @torch.inference_mode()
    def _pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See `NetworkPairs`."""
        size = first.shape[1:3]
        parts = []
        for index in range(0, len(first), self.batch_size):
            batch = slice(index, index + self.batch_size)
            own, other = first[batch], second[batch]
            start = self.start(as_tensor(own), as_tensor(other)).to(self.device) if self.start else None
            flow = self.network(self._prepare(own), self._prepare(other), start=start)[-1]
            flow = upsample_flow(flow, size)
            parts.append((flow if start is None else blend(flow, start)).cpu().numpy())
        return np.concatenate(parts)

    def _prepare(self, frames: np.ndarray) -> Tensor:
        height, width = (max(STRIDE, round(side / STRIDE) * STRIDE) for side in self.size or frames.shape[1:3])
        # As in training: averaged when made smaller.
        resized = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        return as_tensor(np.stack(resized)).to(self.device)


def as_tensor(frames: np.ndarray) -> Tensor:
    """(n, H, W, 3) uint8 frames as (n, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
