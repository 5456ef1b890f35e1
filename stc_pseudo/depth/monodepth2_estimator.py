"""Monodepth2 as a source of depth: our checkpoints, and the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.checkpoint import read_checkpoint, read_published
from stc_pseudo.nn import weights
from stc_pseudo.nn.devices import require_device


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
        read = read_published if path.is_dir() else read_checkpoint
        content = read(path, "`depth_weights=`")
        self.network, self.size = content.network, content.size
        self.metres_per_unit = content.metres_per_unit or 1.0
        self.device, self.batch_size = require_device(device), batch_size
        self.network.eval().requires_grad_(False).to(self.device)
        files = [path / "encoder.pth", path / "depth.pth"] if path.is_dir() else [path]
        self._fingerprint = "-".join(["monodepth2", *map(weights.fingerprint, files)])

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        return self._fingerprint

    @torch.inference_mode()
    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        import cv2

        height, width = frames.shape[1:3]
        inverse = np.empty(frames.shape[:3], np.float32)
        for first in range(0, len(frames), self.batch_size):
            batch = frames[first : first + self.batch_size]
            small = np.stack([cv2.resize(frame, self.size[::-1], interpolation=cv2.INTER_AREA) for frame in batch])
            inputs = torch.from_numpy(small).to(self.device).permute(0, 3, 1, 2).float() / 255
            (predicted,) = self.network(inputs, scales=1)
            for offset, low in enumerate(predicted[:, 0].float().cpu().numpy()):
                inverse[first + offset] = cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR)
        return inverse / self.metres_per_unit
