"""Warm-up of UPFlow: frames warped by known flow.

From random weights the unsupervised loss alone finds motions of many pixels late or never: zero flow is a local
minimum. A frame warped by a chosen flow gives, without any label, a pair with known flow.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stc_pseudo.flow.training.losses import masked_mean, true_flow_loss
from stc_pseudo.nn.photometric import warp

LARGEST_SHIFT = 0.06  # of the frame's width, of the whole view; twice that for an object
LARGEST_STRETCH = 0.15  # of scale and shear, about a random centre, as a camera's forward motion shows it
OBJECTS = 6


def random_flow(count: int, size: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """Draw flows of a moving camera (affine) and of ellipses that move on their own.

    Args:
        count: how many.
        size: (height, width), pixels.
        device: where.

    Returns:
        (count, 2, height, width) float32, (dx, dy) in pixels.
    """
    height, width = size

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, device=device) * 2 - 1

    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height, device=device), torch.linspace(-1, 1, width, device=device), indexing="ij"
    )
    centre = uniform(2) / 2
    place = torch.stack([(x - centre[:, 0]) * width / 2, (y - centre[:, 1]) * height / 2], 1)
    stretch = uniform(1) * LARGEST_STRETCH + uniform(2) * LARGEST_STRETCH / 4
    flow = place * stretch + uniform(2) * LARGEST_SHIFT * width * uniform(1).abs()
    for _ in range(OBJECTS):
        middle, radius = uniform(2), 0.08 + 0.2 * uniform(2).abs()
        ellipse = (((x - middle[:, 0]) / radius[:, 0]) ** 2 + ((y - middle[:, 1]) / radius[:, 1]) ** 2 < 1)[:, None]
        flow = torch.where(ellipse, flow + uniform(2) * 2 * LARGEST_SHIFT * width * uniform(1).abs(), flow)
    return flow


def known_flow_loss(
    network: torch.nn.Module, frames: Tensor, start: Callable[[Tensor, Tensor], Tensor] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Warp frames by random flows, and compare the network's estimate with them.

    Args:
        network: UPFlow.
        frames: (B, 3, H, W) in 0..1.
        start: computes the initialisation between the warped frames and `frames`, where the network uses one.

    Returns:
        `true_flow_loss`; and the mean end-point error at full size, pixels; where the moved pixel was in the frame.
    """
    flow = random_flow(len(frames), frames.shape[-2:], frames.device)
    moved = warp(frames, flow, "zeros")
    valid = warp(torch.ones_like(frames[:, :1]), flow, "zeros") > 0.5
    flows = network(moved, frames) if start is None else network(moved, frames, start=start(moved, frames))
    end_point = torch.linalg.vector_norm(flows[-1].detach() - flow, dim=1, keepdim=True)
    truth = torch.cat([flow, valid.to(flow.dtype)], 1)
    return true_flow_loss(flows, truth), {"known_epe": masked_mean(end_point, valid)}
