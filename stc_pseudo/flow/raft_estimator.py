"""Flow of frames from torchvision's RAFT (Teed and Deng, ECCV 2020), with weights from a file of this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stc_pseudo.flow.network_pairs import NetworkPairs
from stc_pseudo.nn import weights
from stc_pseudo.nn.devices import require_device
from stc_track.io.errors import InputError

STRIDE, LEAST = 8, 128  # pixels: sides are multiples of the one and at least the other
FIRST = "feature_encoder.convnormrelu.0.weight"  # its channels tell raft_large from raft_small
FLAG = "`flow_weights=`"


class RaftFlow(NetworkPairs):
    """A `FlowEstimator` by torchvision's `raft_large` or `raft_small`, whichever the weights are of.

    Args:
        path: a state dict of either, as torchvision publishes them (`raft_large_C_T_SKHT_V2-ff5fadd5.pth`).
        device: `cpu`, `cuda`, ...
        batch_size: pairs of frames at a time.

    Raises:
        InputError: no such file, the weights of another network, or a device that is not there.
    """

    def __init__(self, path: Path, device: str = "cpu", batch_size: int = 2) -> None:
        from torchvision.models.optical_flow import raft_large, raft_small

        self.device, self.batch_size = require_device(device), batch_size
        state = weights.load(path, FLAG)
        first = state.get(FIRST)
        if not isinstance(first, Tensor) or first.ndim != 4 or first.shape[0] not in (32, 64):
            raise InputError(
                path, expected="weights of torchvision's raft_large or raft_small", found="others", hint=FLAG
            )
        network = raft_large() if first.shape[0] == 64 else raft_small()
        weights.load_state(network, state, path, FLAG, "torchvision's RAFT")
        self.network = network.to(self.device).eval()
        self._fingerprint = f"raft-{weights.fingerprint(path)}"

    @torch.inference_mode()
    def _pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """See `NetworkPairs`."""
        height, width = first.shape[1:3]
        parts = []
        for index in range(0, len(first), self.batch_size):
            batch = slice(index, index + self.batch_size)
            flow = self.network(*(self._prepare(pictures[batch]) for pictures in (first, second)))[-1]
            parts.append(flow[..., :height, :width].cpu().numpy())
        return np.concatenate(parts)

    def _prepare(self, frames: np.ndarray) -> Tensor:
        """(n, 3, H', W') float32 in -1..1, the frame's last rows and columns repeated up to a size that RAFT takes."""
        tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 127.5 - 1
        more = [max(-(-side // STRIDE) * STRIDE, LEAST) - side for side in tensor.shape[-2:]]
        return F.pad(tensor, (0, more[1], 0, more[0]), mode="replicate").to(self.device)
