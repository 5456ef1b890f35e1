"""Photometric similarity and sampling, shared by the self-supervised depth and flow losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Wang et al., "Image quality assessment", 2004, for intensities in 0..1.
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2


def ssim_distance(x: Tensor, y: Tensor) -> Tensor:
    """Structural dissimilarity `(1 - SSIM) / 2` over 3x3 windows, reflected at the borders.

    Args:
        x, y: (..., C, H, W) in 0..1, of shapes that broadcast: many views against one picture.

    Returns:
        (..., C, H, W) in 0..1; 0 where the windows are equal.
    """
    x, y = _reflect_border(x), _reflect_border(y)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    var_x = _window_mean(x * x) - mean_x**2
    var_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + SSIM_C1) * (2 * covariance + SSIM_C2)
    denominator = (mean_x**2 + mean_y**2 + SSIM_C1) * (var_x + var_y + SSIM_C2)
    return ((1 - numerator / denominator) / 2).clamp(0, 1)


def _reflect_border(image: Tensor) -> Tensor:
    """(..., H, W) to (..., H + 2, W + 2)."""
    padded = F.pad(image.flatten(0, -3), (1, 1, 1, 1), mode="reflect")
    return padded.view(*image.shape[:-2], *padded.shape[-2:])


def _window_mean(x: Tensor) -> Tensor:
    """Mean of each 3x3 window, (..., H + 2, W + 2) to (..., H, W); sums of slices outrun `avg_pool2d` on a CPU."""
    rows = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9


def photometric_distance(x: Tensor, y: Tensor, ssim_weight: float = 0.85) -> Tensor:
    """`ssim_weight * (1 - SSIM) / 2 + (1 - ssim_weight) * |x - y|`, averaged over colour (Monodepth2, Eq. 2).

    Args:
        x, y: (..., 3, H, W) in 0..1, of shapes that broadcast.
        ssim_weight: share of the structural term.

    Returns:
        (..., 1, H, W) in 0..1.
    """
    absolute = (x - y).abs().mean(-3, keepdim=True)
    return ssim_weight * ssim_distance(x, y).mean(-3, keepdim=True) + (1 - ssim_weight) * absolute


def edge_aware_smoothness(field: Tensor, image: Tensor, edge_weight: float = 1.0) -> Tensor:
    """Mean of `|d field| * exp(-edge_weight * |d image|)` in x and y (Monodepth2, Eq. 3).

    Args:
        field: (B, C, H, W), the map that should be smooth.
        image: (B, 3, H, W) in 0..1, whose edges excuse a jump.
        edge_weight: how steeply an image edge excuses.

    Returns:
        a scalar.
    """
    total = field.new_zeros(())
    for dim in (2, 3):
        jump = field.diff(dim=dim).abs()
        excuse = torch.exp(-edge_weight * image.diff(dim=dim).abs().mean(1, keepdim=True))
        total = total + (jump * excuse).mean()
    return total


def warp(image: Tensor, flow: Tensor, padding_mode: str = "border", origin: Tensor | None = None) -> Tensor:
    """Sample `image` at `position + flow`: what the first frame would look like, given the second and the flow.

    Args:
        image: (B, C, H, W), the second frame.
        flow: (B, 2, h, w) in pixels of this resolution, (dx, dy), from the first frame to the second; (h, w) is
            (H, W) unless `origin` is given.
        padding_mode: `border` or `zeros`, for positions outside.
        origin: (B, 2), where in the frame the flow's first pixel lies, (x, y): the flow is that of a crop, which may
            point outside the crop and yet inside the frame.

    Returns:
        (B, C, h, w).
    """
    height, width = flow.shape[-2:]
    if origin is not None:
        flow = flow + origin[:, :, None, None]
    ys = torch.arange(height, device=flow.device, dtype=flow.dtype)[None, :, None]
    xs = torch.arange(width, device=flow.device, dtype=flow.dtype)[None, None, :]
    # align_corners: -1 and 1 are the centres of the outermost pixels.
    grid_x = 2 * (xs + flow[:, 0]) / max(image.shape[-1] - 1, 1) - 1
    grid_y = 2 * (ys + flow[:, 1]) / max(image.shape[-2] - 1, 1) - 1
    grid = torch.stack([grid_x, grid_y], dim=-1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode=padding_mode, align_corners=True)
