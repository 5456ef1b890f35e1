"""Monodepth2's self-supervised loss (Godard et al., ICCV 2019, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stc_pseudo.depth.training.geometry import plane_and_parallax, rigid_flow
from stc_pseudo.nn.photometric import edge_aware_smoothness, photometric_distance, warp

SMOOTHNESS_WEIGHT = 1e-3
# A tie between "moved" and "did not move" must not always fall to the same side.
TIE_NOISE = 1e-5


@dataclass(frozen=True)
class View:
    """Another picture of the target's scene.

    Attributes:
        image: (B, 3, H, W) in 0..1.
        transform: (B, 4, 4), from the target camera's coordinates to this camera's.
        given: (B,) bool, which of the targets have this view at all; None is all. Each target needs one view.
    """

    image: Tensor
    transform: Tensor
    given: Tensor | None = None


def depth_loss(
    inverse_depths: list[Tensor], target: Tensor, views: list[View], intrinsics: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Minimum reprojection with auto-masking at every scale, plus smoothness.

    Args:
        inverse_depths: for scale s, (B, 1, H / 2**s, W / 2**s), of the target.
        target: (B, 3, H, W) in 0..1.
        views: the source views; one or more.
        intrinsics: (B, 3, 3), pixels of the target's resolution.

    Returns:
        the scalar loss, averaged over scales; and figures, scalars of the finest scale: `photometric` error and the
        share of pixels that are `moving` (kept by the auto-mask).
    """
    images = torch.stack([view.image for view in views])
    transforms = torch.cat([view.transform for view in views])
    cameras = intrinsics.repeat(len(views), 1, 1)
    homography, parallax = plane_and_parallax(cameras, transforms)
    everywhere = torch.ones(len(target), dtype=torch.bool, device=target.device)
    with_view = torch.stack([everywhere if view.given is None else view.given for view in views])[..., None, None, None]
    # An occluded pixel is judged by the view that sees it: the least distance over the views.
    still = photometric_distance(images, target).where(with_view, torch.inf).amin(0)
    total, figures = target.new_zeros(()), {}
    for scale, inverse_depth in enumerate(inverse_depths):
        full = F.interpolate(inverse_depth, target.shape[-2:], mode="bilinear", align_corners=False)
        flow = rigid_flow(1 / full.repeat(len(views), 1, 1, 1), homography, parallax)
        moved = warp(images.flatten(0, 1), flow).view_as(images)
        warped = photometric_distance(moved, target).where(with_view, torch.inf).amin(0)
        reprojection = minimum_reprojection(warped, still)
        # The mean over the picture is divided out: shrinking the depth must not buy smoothness.
        relative = inverse_depth / inverse_depth.mean((2, 3), keepdim=True)
        coloured = F.interpolate(target, inverse_depth.shape[-2:], mode="area")
        smoothness = edge_aware_smoothness(relative, coloured)
        total = total + reprojection.mean() + SMOOTHNESS_WEIGHT / 2**scale * smoothness
        if scale == 0:
            figures = {"photometric": warped.detach().mean(), "moving": (warped < still).float().mean()}
    return total / len(inverse_depths), figures


def minimum_reprojection(warped: Tensor, still: Tensor) -> Tensor:
    """The auto-mask (section 3.2): where not moving explains a pixel better, its error carries no gradient.

    Args:
        warped: (B, 1, H, W), each pixel's least photometric distance over the warped views (section 3.1).
        still: (B, 1, H, W), the same over the unwarped views.

    Returns:
        (B, 1, H, W), the smaller of the two.
    """
    return torch.minimum(warped, still + TIE_NOISE * torch.randn_like(still))
