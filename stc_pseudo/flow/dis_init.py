"""A classical start for UPFlow's decoder: OpenCV's DIS, where going there and back leads home.

Not in the UPFlow paper. A network that learnt for minutes finds long motions less exactly than dense inverse search,
but it can be taught in minutes to correct that. Where a pixel is hidden, leaves the frame, or lies at an object's
border, the two directions contradict each other, and the decoder goes on from its own coarser level instead.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from stc_pseudo.nn.photometric import warp

STARTS = ("none", "dis")  # what `make_start` knows
# Trusted is a pixel whose detour, there and back, is shorter than RELATIVE * its flow's length + ABSOLUTE pixels.
TRUST_RELATIVE, TRUST_ABSOLUTE = 0.05, 1.0
AGREEMENT = 2.0  # pixels


def make_start(name: str) -> Callable[[Tensor, Tensor, bool], Tensor] | None:
    """Return the function that finds a start of `STARTS`, called as `dis_start`; None for `none`."""
    return {"none": None, "dis": dis_start}[name]


def dis_start(first: Tensor, second: Tensor, both: bool = False) -> Tensor:
    """Flow by OpenCV's DIS, with the trust that the check of both directions gives it.

    Args:
        first, second: (B, 3, H, W) RGB in 0..1.
        both: also the flow from `second` to `first`.

    Returns:
        (B, 3, H, W) float32 (2B with `both`: the forward flows, then the backward ones): (dx, dy) in pixels, and 1
        where it is trusted, else 0.
    """
    # Made here, because OpenCV's object can be neither pickled nor shared between threads.
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    pairs = list(zip(_grey(first), _grey(second), strict=True))
    forward = _flows(dis, pairs)
    backward = _flows(dis, [pair[::-1] for pair in pairs])
    flow, reverse = torch.cat([forward, backward]), torch.cat([backward, forward])
    flow = torch.cat([flow, trust(flow, reverse)], 1).to(first.device)
    return flow if both else flow[: len(first)]


def blend(flow: Tensor, start: Tensor) -> Tensor:
    """Give a refined flow the start's precision where both agree.

    The network corrects the start at 1/4 of the size that it sees; what is finer, the start knows better.

    Args:
        flow: (B, 2, H, W) pixels.
        start: (B, 3, H, W): (dx, dy) in the same pixels, and trust in 0..1.

    Returns:
        (B, 2, H, W): `flow`, drawn to the start by its trust times `exp(-distance / AGREEMENT)`.
    """
    change = start[:, :2] - flow
    distance = torch.linalg.vector_norm(change, dim=1, keepdim=True)
    return flow + change * start[:, 2:] * torch.exp(-distance / AGREEMENT)


def trust(flow: Tensor, reverse: Tensor) -> Tensor:
    """1 where `flow` and then `reverse` (B, 2, H, W) lead home, and where they stay in the frame: (B, 1, H, W)."""
    back = warp(torch.cat([reverse, torch.ones_like(reverse[:, :1])], 1), flow, "zeros")
    detour = torch.linalg.vector_norm(flow + back[:, :2], dim=1, keepdim=True)
    length = torch.linalg.vector_norm(flow, dim=1, keepdim=True)
    return ((detour < TRUST_RELATIVE * length + TRUST_ABSOLUTE) & (back[:, 2:] > 0.99)).to(flow.dtype)


def _grey(frames: Tensor) -> list[np.ndarray]:
    pictures = (frames.detach().float() * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]


def _flows(dis: cv2.DISOpticalFlow, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack([dis.calc(*pair, None) for pair in pairs])).permute(0, 3, 1, 2)
