"""DIS initialisation of UPFlow's decoder: OpenCV's DIS flow, where it is forward-backward consistent.

Not in the UPFlow paper. A network trained for minutes estimates long motions less exactly than dense inverse search,
but learns in minutes to correct it. Where a pixel is occluded, leaves the frame, or lies at an object's border, forward
and backward flow contradict each other, and the decoder continues from its own coarser level instead.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from stc_pseudo.nn.photometric import warp

STARTS = ("none", "dis")  # initialisations that `make_start` returns
# A pixel is consistent if forward plus backward flow is shorter than RELATIVE * the flow's length + ABSOLUTE pixels.
CONSISTENT_RELATIVE, CONSISTENT_ABSOLUTE = 0.05, 1.0
AGREEMENT = 2.0  # pixels


def make_start(name: str) -> Callable[[Tensor, Tensor, bool], Tensor] | None:
    """Return the function that computes an initialisation of `STARTS`, called as `dis_start`; None for `none`."""
    return {"none": None, "dis": dis_start}[name]


def dis_start(first: Tensor, second: Tensor, both: bool = False) -> Tensor:
    """Flow by OpenCV's DIS, with its forward-backward consistency.

    Args:
        first, second: (B, 3, H, W) RGB in 0..1.
        both: also the flow from `second` to `first`.

    Returns:
        (B, 3, H, W) float32 (2B with `both`: the forward flows, then the backward ones): (dx, dy) in pixels, and 1
        where it is consistent, else 0.
    """
    # Created per call: OpenCV's object can be neither pickled nor shared between threads.
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    pairs = list(zip(_grey(first), _grey(second), strict=True))
    forward = _flows(dis, pairs)
    backward = _flows(dis, [pair[::-1] for pair in pairs])
    flow, reverse = torch.cat([forward, backward]), torch.cat([backward, forward])
    flow = torch.cat([flow, consistency(flow, reverse)], 1).to(first.device)
    return flow if both else flow[: len(first)]


def blend(flow: Tensor, start: Tensor) -> Tensor:
    """Blend a refined flow with its initialisation where both agree.

    The network corrects the initialisation at 1/4 of its input's size; finer detail is better in the initialisation.

    Args:
        flow: (B, 2, H, W) pixels.
        start: (B, 3, H, W): (dx, dy) in the same pixels, and consistency in 0..1.

    Returns:
        (B, 2, H, W): `flow`, moved towards `start` by its consistency times `exp(-distance / AGREEMENT)`.
    """
    change = start[:, :2] - flow
    distance = torch.linalg.vector_norm(change, dim=1, keepdim=True)
    return flow + change * start[:, 2:] * torch.exp(-distance / AGREEMENT)


def consistency(flow: Tensor, reverse: Tensor) -> Tensor:
    """Forward-backward consistency of `flow` and `reverse` (B, 2, H, W): (B, 1, H, W), 1 where consistent, else 0."""
    back = warp(torch.cat([reverse, torch.ones_like(reverse[:, :1])], 1), flow, "zeros")
    deviation = torch.linalg.vector_norm(flow + back[:, :2], dim=1, keepdim=True)
    length = torch.linalg.vector_norm(flow, dim=1, keepdim=True)
    return ((deviation < CONSISTENT_RELATIVE * length + CONSISTENT_ABSOLUTE) & (back[:, 2:] > 0.99)).to(flow.dtype)


def _grey(frames: Tensor) -> list[np.ndarray]:
    pictures = (frames.detach().float() * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    return [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]


def _flows(dis: cv2.DISOpticalFlow, pairs: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    return torch.from_numpy(np.stack([dis.calc(*pair, None) for pair in pairs])).permute(0, 3, 1, 2)
