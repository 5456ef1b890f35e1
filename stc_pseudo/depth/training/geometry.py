"""Rigid motion and pinhole projection. Pixel centres are at whole numbers: (0, 0) is the first pixel's centre."""

from __future__ import annotations

import torch
from torch import Tensor

# Nearer than this, or behind the camera, a point projects nowhere useful.
MIN_PROJECTED_DEPTH = 1e-3


def rigid_transform(axis_angle: Tensor, translation: Tensor) -> Tensor:
    """Return the (B, 4, 4) matrices that rotate by `axis_angle` (Rodrigues), then translate.

    Args:
        axis_angle: (B, 3), the axis times the angle in radians.
        translation: (B, 3).
    """
    zero = torch.zeros_like(axis_angle[:, 0])
    x, y, z = axis_angle.unbind(1)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    top = torch.cat([torch.linalg.matrix_exp(skew), translation[:, :, None]], 2)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(top), 1, 4)
    return torch.cat([top, bottom], 1)


def invert_rigid(transform: Tensor) -> Tensor:
    """Return the inverses of (B, 4, 4) rigid transforms."""
    rotation = transform[:, :3, :3].transpose(1, 2)
    top = torch.cat([rotation, -rotation @ transform[:, :3, 3:]], 2)
    return torch.cat([top, transform[:, 3:]], 1)


def rigid_flow(depth: Tensor, intrinsics: Tensor, transform: Tensor) -> Tensor:
    """Where a still scene's pixels appear in another camera, as displacements.

    Args:
        depth: (B, 1, H, W), positive, of the first camera's pixels.
        intrinsics: (B, 3, 3), of both cameras, in pixels of this resolution.
        transform: (B, 4, 4), from the first camera's coordinates to the second's, in depth's unit.

    Returns:
        (B, 2, H, W) (dx, dy) in pixels, from the first view to the second.
    """
    _, _, height, width = depth.shape
    ys, xs = torch.meshgrid(
        torch.arange(height, device=depth.device, dtype=depth.dtype),
        torch.arange(width, device=depth.device, dtype=depth.dtype),
        indexing="ij",
    )
    pixels = torch.stack([xs, ys, torch.ones_like(xs)]).view(1, 3, -1)
    # One 3x3 matrix carries a homogeneous pixel all the way: K R K^-1, and K t / depth is added.
    homography = intrinsics @ transform[:, :3, :3] @ torch.linalg.inv(intrinsics)
    points = depth.flatten(2) * (homography @ pixels) + intrinsics @ transform[:, :3, 3:]
    projected = points[:, :2] / points[:, 2:].clamp(min=MIN_PROJECTED_DEPTH)
    return (projected - pixels[:, :2]).view(-1, 2, height, width)


def resized_intrinsics(intrinsics: Tensor, original: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return a (3, 3) camera matrix for frames of `original` (height, width), after resizing them to `size`."""
    (height, width), (new_height, new_width) = original, size
    sy, sx = new_height / height, new_width / width
    # Edges of the picture map to edges, and pixel centres are half a pixel inside them.
    resize = intrinsics.new_tensor([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
    return resize @ intrinsics


def cropped_intrinsics(intrinsics: Tensor, window: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (B, 3, 3) camera matrices after a window of each picture was enlarged to the whole picture's size.

    Args:
        intrinsics: (B, 3, 3), pixels of the whole picture at `size`.
        window: (B, 4), left, top, width and height of the window as shares of the whole picture.
        size: (height, width).
    """
    whole = window.new_tensor([size[1], size[0]])
    corner, share = window[:, :2], window[:, 2:]
    cropped = intrinsics.clone()
    cropped[:, :2] /= share[:, :, None]
    # Pixel centres are half a pixel inside the edges, before as after.
    cropped[:, :2, 2] += (0.5 - corner * whole) / share - 0.5
    return cropped


def flipped_intrinsics(intrinsics: Tensor, width: int) -> Tensor:
    """Return (B, 3, 3) camera matrices after their pictures, `width` wide, were mirrored left to right."""
    flipped = intrinsics.clone()
    flipped[:, 0, 2] = width - 1 - intrinsics[:, 0, 2]
    return flipped
