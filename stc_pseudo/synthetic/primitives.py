"""The solids that everything is built of, and where rays from the camera's centre meet them.

Every ray starts at the camera, so a surface is best described by *inverse depth*, which is linear in the pixel for a
plane: `n . p = d` and `p = z (x, y, 1)` give `1/z = n . (x, y, 1) / d`. A convex solid is then hit where the smallest
inverse depth of the planes that face the camera is above the largest of those that do not. No division, no root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from stc_pseudo.synthetic.camera import rigid


class Kind(IntEnum):
    """What a solid is, and so which intersection serves it."""

    CONVEX = 0
    ELLIPSOID = 1
    CONE = 2


class Material(IntEnum):
    """Which procedural texture a surface has."""

    SKY = 0
    GROUND = 1
    PLAIN = 2
    FACADE = 3


_ELLIPSOID = int(Kind.ELLIPSOID)
# Convex faces are 0..5 in the order of FACE_CORNERS; a curved side and a cone's two ends follow.
SIDE, END_LOW, END_HIGH = 6, 7, 8
# Corners of a hexahedron: bit 0 is x, bit 1 is y, bit 2 is z. Three corners a face, wound so that normals point out.
FACE_CORNERS = np.array([[0, 4, 2], [1, 3, 5], [0, 1, 4], [2, 6, 3], [0, 2, 1], [4, 5, 6]])


@dataclass(frozen=True, eq=False)
class Solid:
    """One primitive in its body's frame.

    Attributes:
        kind: which intersection.
        pose: (3, 4), from the solid's own frame to its body's.
        half: (3,) half extents of its bounding box about the solid's origin, metres; the radii of an ellipsoid; of a
            cone (axis y) the radii at mid-height in x and z and half the height in y.
        colour: (3,) RGB in 0..1.
        planes: (6, 4) outward unit normal and offset, `n . p <= d`; zeros for a curved solid.
        taper: of a cone, how much the radius grows from the middle to y = +half, as a share of the middle's.
        grain: amplitude of the texture's brightness, a share of the colour.
        grain_size: wavelength of the coarsest octave, metres.
        material: which texture.
    """

    kind: Kind
    pose: np.ndarray
    half: np.ndarray
    colour: np.ndarray
    planes: np.ndarray
    taper: float = 0.0
    grain: float = 0.1
    grain_size: float = 0.3
    material: Material = Material.PLAIN


def frustum(
    low: Sequence[float], high: Sequence[float], y: Sequence[float], colour: Sequence[float], **texture: float
) -> Solid:
    """A convex solid with six faces, standing: rectangle `high` (x0, x1, z0, z1) at y[0] and `low` at y[1] > y[0]."""
    corners = np.empty((8, 3))
    for corner in range(8):
        x0, x1, z0, z1 = low if corner & 2 else high
        corners[corner] = x1 if corner & 1 else x0, y[1] if corner & 2 else y[0], z1 if corner & 4 else z0
    middle = (corners.min(0) + corners.max(0)) / 2
    corners -= middle
    a, b, c = (corners[FACE_CORNERS[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    planes = np.concatenate([normals, (normals * a).sum(1, keepdims=True)], axis=1)
    return Solid(Kind.CONVEX, rigid(translation=middle), np.abs(corners).max(0), np.array(colour), planes, **texture)


def box(x: Sequence[float], y: Sequence[float], z: Sequence[float], colour: Sequence[float], **texture: float) -> Solid:
    """A box with sides along the axes."""
    return frustum((*x, *z), (*x, *z), y, colour, **texture)


def ellipsoid(centre: Sequence[float], radii: Sequence[float], colour: Sequence[float], **texture: float) -> Solid:
    """An ellipsoid with radii along the axes."""
    return Solid(
        Kind.ELLIPSOID, rigid(translation=centre), np.array(radii, float), np.array(colour), np.zeros((6, 4)), **texture
    )


def cone(
    centre: Sequence[float],
    radii: Sequence[float],
    colour: Sequence[float],
    taper: float = 0.0,
    rotation: np.ndarray | None = None,
    **texture: float,
) -> Solid:
    """A capped elliptic cylinder or truncated cone about y: radii (x, half height, z), turned by `rotation`."""
    return Solid(
        Kind.CONE, rigid(rotation, centre), np.array(radii, float), np.array(colour), np.zeros((6, 4)), taper, **texture
    )


def hit_convex(planes: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter a convex solid.

    Args:
        planes: (6, 4) in the camera's frame.
        x, y: slopes of the columns (w,) and rows (h,), float32.

    Returns:
        Inverse depth (h, w) float32, 0 where missed, and the face that was entered (h, w) uint8.
    """
    offset = planes[:, 3]
    scaled = (planes[:, :3] / np.where(offset == 0, 1e-9, offset)[:, None]).astype(np.float32)
    across, down = scaled[:, :1] * x, scaled[:, 1:2] * y + scaled[:, 2:]
    front, back = np.flatnonzero(offset < 0), np.flatnonzero(offset >= 0)
    face = np.full((len(y), len(x)), front[0] if front.size else 0, np.uint8)
    if not front.size:
        return np.zeros(face.shape, np.float32), face
    near = down[front[0]][:, None] + across[front[0]]
    for k in front[1:]:
        entry = down[k][:, None] + across[k]
        np.copyto(face, np.uint8(k), where=entry < near)
        np.minimum(near, entry, out=near)
    far = np.zeros_like(near)
    for k in back:
        np.maximum(far, down[k][:, None] + across[k], out=far)
    near *= near > far
    return near, face


def hit_curved(
    kind: int, to_unit: np.ndarray, taper: float, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where rays enter an ellipsoid or a capped cone; returns what `hit_convex` does.

    Args:
        kind: ELLIPSOID (unit sphere) or CONE (radius `1 + taper * y` over |y| <= 1).
        to_unit: (3, 4), from the camera's frame to the one where the solid is unit-sized.
        taper: of a cone.
        x, y: slopes of the columns (w,) and rows (h,).
    """
    ray = (
        to_unit[:, 0, None, None] * x.astype(np.float64)[None, None]
        + (to_unit[:, 1, None] * y.astype(np.float64) + to_unit[:, 2, None])[:, :, None]
    )
    start = to_unit[:, 3]
    face = np.full(ray.shape[1:], SIDE, np.uint8)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == _ELLIPSOID:
            a = (ray * ray).sum(0)
            half_b = np.tensordot(start, ray, 1)
            depth = (-half_b - np.sqrt(half_b * half_b - a * (start @ start - 1))) / a
        else:
            radius, slope = 1 + taper * start[1], taper * ray[1]
            a = ray[0] ** 2 + ray[2] ** 2 - slope * slope
            half_b = start[0] * ray[0] + start[2] * ray[2] - radius * slope
            root = np.sqrt(half_b * half_b - a * (start[0] ** 2 + start[2] ** 2 - radius * radius))
            depth = (-half_b - root) / a
            depth = np.where(np.abs(start[1] + depth * ray[1]) <= 1, depth, np.inf)
            for end, label in ((-1.0, END_LOW), (1.0, END_HIGH)):
                cap = (end - start[1]) / ray[1]
                inside = (start[0] + cap * ray[0]) ** 2 + (start[2] + cap * ray[2]) ** 2 <= (1 + taper * end) ** 2
                nearer = inside & (cap > 0) & ~(cap >= depth)
                depth = np.where(nearer, cap, depth)
                face[nearer] = label
        inverse_depth = np.where(depth > 0, 1 / depth, 0)
    return inverse_depth.astype(np.float32), face
