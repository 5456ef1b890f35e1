"""UPFlow's unsupervised loss on pairs of frames (UPFlow, section 3.4; Jonschkowski et al., UFlow, 2020).

All functions take both directions in one batch: the forward flows of B pairs, then their backward flows, 2B in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stc_pseudo.flow.upflow import inside, pool_flow, upsample_flow
from stc_pseudo.nn.photometric import ssim_distance, warp
from stc_track.io.field_checks import NotNegative, check

CENSUS_RADIUS = 3  # 7x7 windows
CENSUS_SOFTNESS = 0.81  # of an intensity step, intensities in 0..255 (Meister et al., UnFlow, 2018)
CENSUS_TOLERANCE = 0.1  # of a difference between two signatures
ROBUST_OFFSET, ROBUST_POWER = 0.01, 0.4  # Liu et al., DDFlow, 2019
# Forward-backward check, |f + b| against RELATIVE * (|f| + |b|) + ABSOLUTE pixels (authors' settings).
OCCLUSION_RELATIVE, OCCLUSION_ABSOLUTE = 0.1, 0.5
# A check that calls more than this of a picture occluded tells of wrong flow, as early in training, not of occlusion.
# Without this limit the loss falls to a few pixels that happen to agree, and the network learns nothing from the rest.
OCCLUSION_LIMIT = 0.5
SMOOTHNESS_EDGE_WEIGHT = 150.0  # of image gradients in 0..1 (UFlow)


@dataclass(frozen=True)
class LossWeights:
    """The share of each term.

    Attributes:
        census: the photometric distance of census signatures, which changes of brightness leave alone.
        ssim: structural dissimilarity.
        absolute: absolute difference of colour.
        smoothness: edge-aware smoothness at 1/4 of the size; UFlow has 4 for the first order, 2 for the second.
        smoothness_order: 1 asks for constant flow, 2 for affine flow, which suits a driving camera.
        distillation: the finest flow as pseudo-label of the coarser levels.
    """

    census: NotNegative = 1.0
    ssim: NotNegative = 0.85
    absolute: NotNegative = 0.15
    smoothness: NotNegative = 2.0
    smoothness_order: Literal[1, 2] = 2
    distillation: NotNegative = 0.01

    def __post_init__(self) -> None:
        check(self)

    @staticmethod
    def of_order(order: int) -> LossWeights:
        """The weights for smoothness of first or second order."""
        return LossWeights(smoothness={1: 4.0, 2: 2.0}[order], smoothness_order=order)


def unsupervised_loss(
    flows: list[Tensor], frames: Tensor, origin: Tensor, terms: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of UPFlow's terms.

    Args:
        flows: of each level, coarsest first, the last at the crop's size: 2B x 2 x h x w, pixels of its own level.
        frames: (B, 2, 3, H, W) in 0..1, the frames that the crops were cut from.
        origin: (B, 2), on the CPU, (x, y) of each crop's first pixel: a crop's pixel that moves out of the crop is
            still found in the frame ("boundary dilated warping", Luo et al., 2020).
        terms: the weights.

    Returns:
        the loss, and each term's value.
    """
    finest = flows[-1]
    height, width = finest.shape[-2:]
    first, second = torch.cat([frames[:, 0], frames[:, 1]]), torch.cat([frames[:, 1], frames[:, 0]])
    origin = origin.repeat(2, 1)
    target = crop(first, origin, (height, width))
    placed = origin.to(frames.device, non_blocking=True)
    visibility = visible(finest.detach(), placed, first.shape[-2:])
    rebuilt = warp(second, finest, origin=placed)
    inner = slice(CENSUS_RADIUS, -CENSUS_RADIUS)
    values = {
        "census": masked_mean(robust(census_distance(target, rebuilt)), visibility[..., inner, inner]),
        "ssim": masked_mean(ssim_distance(target, rebuilt).mean(1, keepdim=True), visibility),
        "absolute": masked_mean(robust(target - rebuilt).mean(1, keepdim=True), visibility),
        "smoothness": smoothness(
            flows[-2], F.interpolate(target, flows[-2].shape[-2:], mode="area"), terms.smoothness_order
        ),
        "distillation": pyramid_distillation(flows[:-1], finest.detach(), visibility),
    }
    total = sum(getattr(terms, name) * value for name, value in values.items())
    return total, values | {"seen": visibility.mean()}


def crop(images: Tensor, origin: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut a window of `size` (height, width) from each of (B, C, H, W), at (x, y) of `origin` (B, 2), on the CPU."""
    height, width = size
    return torch.stack(
        [image[:, y : y + height, x : x + width] for image, (x, y) in zip(images, origin.tolist(), strict=True)]
    )


def robust(difference: Tensor) -> Tensor:
    """`(|d| + 0.01)^0.4`: a large difference, often an occlusion, counts for little more than a small one."""
    return (difference.abs() + ROBUST_OFFSET) ** ROBUST_POWER


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` where `mask` is 1; 0 where it is 0 everywhere."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def census_distance(x: Tensor, y: Tensor, radius: int = CENSUS_RADIUS) -> Tensor:
    """Soft Hamming distance of the ternary census signatures of two images (Meister et al., UnFlow, 2018).

    A pixel's signature is, for each neighbour in its window, whether it is darker, about equal, or brighter.

    Args:
        x, y: (B, 3, H, W) in 0..1.
        radius: of the window.

    Returns:
        (B, 1, H - 2 * radius, W - 2 * radius), for pixels whose window is inside the image: the number of
        neighbours, at most (2 * radius + 1)^2 - 1, whose comparison differs.
    """
    x, y = _grey(x), _grey(y)
    height, width = x.shape[-2:]
    rows, columns = height - 2 * radius, width - 2 * radius
    total = x.new_zeros(len(x), 1, rows, columns)
    # A pixel's comparison with its neighbour is the neighbour's with it, negated: half the window is enough.
    for dy, dx in ((dy, dx) for dy in range(radius + 1) for dx in range(-radius, radius + 1) if (dy, dx) > (0, 0)):
        top, left = radius - dy, radius - max(dx, 0)
        near = slice(top, top + rows + dy), slice(left, left + columns + abs(dx))
        far = slice(top + dy, top + rows + 2 * dy), slice(left + dx, left + dx + columns + abs(dx))
        differing = (_comparison(x, near, far) - _comparison(y, near, far)) ** 2
        differing = differing / (CENSUS_TOLERANCE + differing)
        before, after = max(dx, 0), max(-dx, 0)
        total = total + differing[..., dy:, before : before + columns] + differing[..., :rows, after : after + columns]
    return total


def _grey(image: Tensor) -> Tensor:
    """(B, 3, H, W) in 0..1 to (B, 1, H, W) in 0..255."""
    return (image * image.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True) * 255


def _comparison(grey: Tensor, near: tuple[slice, slice], far: tuple[slice, slice]) -> Tensor:
    step = grey[..., far[0], far[1]] - grey[..., near[0], near[1]]
    return step * torch.rsqrt(CENSUS_SOFTNESS + step**2)


def visible(flow: Tensor, origin: Tensor, size: tuple[int, int]) -> Tensor:
    """Where a pixel's counterpart can be seen: inside the frame, and not occluded.

    What leaves the crop cannot be checked for occlusion; it counts as visible while it stays in the frame. A picture of
    which more than `OCCLUSION_LIMIT` would be occluded is not checked.

    Args:
        flow: (2B, 2, h, w), the forward flows of B crops, then their backward flows.
        origin: (2B, 2), (x, y) of each crop's first pixel in its frame.
        size: the frame's (height, width).

    Returns:
        (2B, 1, h, w) float, 1 or 0.
    """
    trusted = consistent(flow) | ~inside(flow)
    doubtful = trusted.float().mean((1, 2, 3), keepdim=True) < 1 - OCCLUSION_LIMIT
    return (inside(flow, size, origin) & (trusted | doubtful)).to(flow.dtype)


def consistent(flow: Tensor) -> Tensor:
    """Forward-backward consistency of flow.

    Args:
        flow: (2B, 2, h, w), forward flows, then backward flows.

    Returns:
        (2B, 1, h, w) bool.
    """
    reverse = flow.roll(len(flow) // 2, 0)
    detour = (flow + warp(reverse, flow, "zeros")).abs().sum(1, keepdim=True)
    length = flow.abs().sum(1, keepdim=True) + reverse.abs().sum(1, keepdim=True)
    return detour < OCCLUSION_RELATIVE * length + OCCLUSION_ABSOLUTE


def smoothness(flow: Tensor, image: Tensor, order: int, edge_weight: float = SMOOTHNESS_EDGE_WEIGHT) -> Tensor:
    """Mean of `|d^order flow| * exp(-edge_weight * |d image|)` in x and y.

    Args:
        flow: (B, 2, H, W).
        image: (B, 3, H, W) in 0..1, whose edges excuse a change of flow.
        order: 1 or 2, of the flow's derivative.
        edge_weight: how steeply an image edge excuses.

    Returns:
        a scalar.
    """
    total = flow.new_zeros(())
    for dim in (2, 3):
        jump = flow.diff(n=order, dim=dim).abs()
        size = image.shape[dim] - order
        step = image.narrow(dim, order, size) - image.narrow(dim, 0, size)
        total = total + (jump * torch.exp(-edge_weight * step.abs().mean(1, keepdim=True))).mean() / 2
    return total


def pyramid_distillation(flows: list[Tensor], finest: Tensor, visibility: Tensor) -> Tensor:
    """Distance of each level's flow from the finest flow, downsampled, where that is visible (section 3.3).

    Args:
        flows: 2B x 2 x h x w of the levels to be taught, pixels of their own level.
        finest: (2B, 2, H, W), without gradient.
        seen: (2B, 1, H, W), 1 where `finest` can be trusted.

    Returns:
        a scalar, the sum over levels.
    """
    total = finest.new_zeros(())
    for flow in flows:
        label = upsample_flow(finest, flow.shape[-2:])
        mask = F.interpolate(visibility, flow.shape[-2:], mode="nearest")
        total = total + masked_mean(robust(flow - label).sum(1, keepdim=True), mask)
    return total


def mean_error(flow: Tensor, truth: Tensor) -> Tensor:
    """Mean end-point error of (B, 2, h, w) against `truth`, as in `true_flow_loss`, in pixels of the flow's size."""
    pooled = pool_flow(truth, flow.shape[-2:])
    return masked_mean(torch.linalg.vector_norm(flow - pooled[:, :2], dim=1, keepdim=True), pooled[:, 2:])


def true_flow_loss(flows: list[Tensor], truth: Tensor, robustly: bool = False) -> Tensor:
    """Distance of each level's flow from the truth.

    Args:
        flows: (B, 2, h, w) of each level, pixels of its own level.
        truth: (B, 3, H, W): (dx, dy) in pixels, and how far it is known, 0..1.
        robustly: `robust` of the error, as in PWC-Net's fine-tuning: a pixel far off, mostly a hidden one, counts for
            little more than one that is nearly right.

    Returns:
        the mean absolute error where the truth is known, summed over dx and dy and over levels.
    """
    total = truth.new_zeros(())
    for flow in flows:
        pooled = pool_flow(truth, flow.shape[-2:])
        error = (flow - pooled[:, :2]).abs().sum(1, keepdim=True)
        total = total + masked_mean(robust(error) if robustly else error, pooled[:, 2:])
    return total
