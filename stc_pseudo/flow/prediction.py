"""Flow of frames from UPFlow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from stc_pseudo import weights
from stc_pseudo.datasets.base import Sequence
from stc_pseudo.devices import require_device
from stc_pseudo.flow.checkpoint import load_network
from stc_pseudo.flow.upflow import STRIDE, upsample_flow


class UpflowFlow:
    """A `FlowEstimator` by UPFlow; each pair of frames is estimated in one direction only.

    Frames are resized to the size that the network learnt from (for the published file, which tells none, their own),
    rounded to multiples of 64.

    Args:
        path: a checkpoint of `stc-pseudo train-flow`, or the authors' published file.
        device: `cpu`, `cuda`, ...
        batch_size: pairs of frames at a time.

    Raises:
        InputError: no such file, the weights of another network, or a device that is not there.
    """

    def __init__(self, path: Path, device: str = "cpu", batch_size: int = 4) -> None:
        self.device, self.batch_size = require_device(device), batch_size
        network, self.size = load_network(path, "--flow-weights")
        self.network = network.to(self.device).eval()
        self._fingerprint = f"upflow-{weights.fingerprint(path)}"

    def fingerprint(self, sequence: Sequence) -> str:
        """See `FlowEstimator.fingerprint`."""
        return self._fingerprint

    def flow(self, sequence: Sequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.flow`."""
        return self._pairs(frames[:-1], frames[1:])

    def last_flow(self, sequence: Sequence, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.last_flow`."""
        return -self._pairs(frames[1:], frames[:1])[0]

    @torch.inference_mode()
    def _pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow from each of `first` to its partner in `second`, both (n, H, W, 3) uint8: (n, 2, H, W) float32."""
        size = first.shape[1:3]
        parts = []
        for index in range(0, len(first), self.batch_size):
            batch = slice(index, index + self.batch_size)
            flow = self.network(self._prepare(first[batch]), self._prepare(second[batch]))[-1]
            parts.append(upsample_flow(flow, size).cpu().numpy())
        return np.concatenate(parts)

    def _prepare(self, frames: np.ndarray) -> Tensor:
        height, width = (max(STRIDE, round(side / STRIDE) * STRIDE) for side in self.size or frames.shape[1:3])
        # As in training: averaged when made smaller.
        resized = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
        return torch.from_numpy(np.stack(resized)).to(self.device).permute(0, 3, 1, 2).float() / 255
