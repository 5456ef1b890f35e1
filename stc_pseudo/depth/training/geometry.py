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
    # sin(a) / a and (1 - cos(a)) / a^2, smooth at a = 0; no matrix_exp, which asks the device for the angle's size
    angle = torch.linalg.vector_norm(axis_angle, dim=1)[:, None, None] / torch.pi
    first, second = torch.sinc(angle), torch.sinc(angle / 2).square() / 2
    rotation = torch.eye(3, dtype=skew.dtype, device=skew.device) + first * skew + second * (skew @ skew)
    top = torch.cat([rotation, translation[:, :, None]], 2)
    bottom = torch.eye(4, dtype=top.dtype, device=top.device)[3:].expand(len(top), 1, 4)
    return torch.cat([top, bottom], 1)


def invert_rigid(transform: Tensor) -> Tensor:
    """Return the inverses of (B, 4, 4) rigid transforms."""
    rotation = transform[:, :3, :3].transpose(1, 2)
    top = torch.cat([rotation, -rotation @ transform[:, :3, 3:]], 2)
    return torch.cat([top, transform[:, 3:]], 1)


def plane_and_parallax(intrinsics: Tensor, transform: Tensor) -> tuple[Tensor, Tensor]:
    """What carries a pixel from one camera to another: of all depths the same, so found once.

    Args:
        intrinsics: (B, 3, 3), of both cameras.
        transform: (B, 4, 4), from the first camera's coordinates to the second's.

    Returns:
        K R K^-1 (B, 3, 3), which moves homogeneous pixels of points infinitely far away, and K t (B, 3, 1), which is
        added once per inverse depth.
    """
    inverse, _ = torch.linalg.inv_ex(intrinsics)  # a camera has an inverse: nothing waits for the check
    return intrinsics @ transform[:, :3, :3] @ inverse, intrinsics @ transform[:, :3, 3:]


def rigid_flow(depth: Tensor, homography: Tensor, parallax: Tensor) -> Tensor:
    """Where a still scene's pixels appear in another camera, as displacements.

    Args:
        depth: (B, 1, H, W), positive, of the first camera's pixels.
        homography, parallax: (B, 3, 3) and (B, 3, 1) as `plane_and_parallax` gives them, of cameras in pixels of this
            resolution and a transform in depth's unit.

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
    points = depth.flatten(2) * (homography @ pixels) + parallax
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
