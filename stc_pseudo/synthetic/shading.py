"""Colour of what is seen: textures, sun and sky light, contact shadows, haze."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stc_pseudo.synthetic.camera import Camera, apply, inverse
from stc_pseudo.synthetic.primitives import END_HIGH, END_LOW, SIDE, Kind, Material
from stc_pseudo.synthetic.rasteriser import SKY, Stage, Surfaces
from stc_pseudo.synthetic.scene import LANE
from stc_pseudo.synthetic.textures import band, cell_value, fade, layered, noise, pulses

HAZE_DISTANCE = 450.0  # metres
SHADOW_RANGE = 90.0  # metres
NEAREST_GROUND = 2.0  # metres along the optical axis; the frame's lower edge sees none nearer
# Pixels shaded at a time: few enough that what is computed of them stays in the processor's cache.
CHUNK = 2**14
_GRAIN = ((1.0, 0.55), (2.3, 0.4), (5.1, 0.3))
_SLAB, _KERB, _PAINT, _PANE = np.array(
    [[0.55, 0.53, 0.50], [0.62, 0.61, 0.58], [0.85, 0.85, 0.82], [0.20, 0.25, 0.31]], np.float32
)
_ASPHALT = (
    (0.06, 0.5, 0.10),
    (0.35, 1.1, 0.12),
    (1.0, 6.0, 0.09),
    (3.1, 3.1, 0.14),
    (9.0, 9.0, 0.12),
    (24.0, 24.0, 0.10),
)
_VERGE = ((0.3, 0.5, 0.25), (1.2, 1.9, 0.25), (4.0, 4.0, 0.25), (11.0, 11.0, 0.2))
_WALL = ((0.35, 0.35, 0.30), (1.0, 1.0, 0.40), (2.7, 2.7, 0.35), (7.0, 7.0, 0.30))
_REFLECTION = ((0.8, 0.8, 0.35), (2.0, 2.0, 0.25))


@dataclass(frozen=True, eq=False)
class _Pixels:
    """The n pixels that show one material.

    Attributes:
        seen, face: (n,) as in `Surfaces`.
        point: x, y and z of the surface point in the world, (n,) each.
        ray: x, y and z of the pixel's direction in the world, (n,) each; its length along the optical axis is 1.
        size: (n,) metres across a pixel at that depth.
    """

    seen: np.ndarray
    face: np.ndarray
    point: list[np.ndarray]
    ray: list[np.ndarray]
    size: np.ndarray


def shade(
    stage: Stage, surfaces: Surfaces, camera: Camera, eye: np.ndarray, poses: np.ndarray, time: float
) -> np.ndarray:
    """The picture of `surfaces`, (H, W, 3) float32 in 0..1, without sensor noise.

    Args:
        stage, surfaces, camera, eye, poses: as in `Stage.look`.
        time: seconds, for the places of contact shadows.
    """
    x, y = camera.rays()
    rotation = eye[:, :3].astype(np.float32)
    direction = [(rotation[i, 1] * y + rotation[i, 2])[:, None] + (rotation[i, 0] * x)[None] for i in range(3)]
    dark = _contact_shadows(stage, camera, eye, time, direction).ravel()
    direction = [axis.ravel() for axis in direction]
    seen, face = surfaces.seen.ravel(), surfaces.face.ravel()
    inverse_depth = surfaces.inverse_depth.ravel()
    picture = np.empty((seen.size, 3), np.float32)
    material = stage.material[seen]
    light = _Light(stage)
    for name, paint in ((Material.GROUND, _ground), (Material.FACADE, _facade), (Material.PLAIN, _plain)):
        for at in _chunks(np.flatnonzero(material == name)):
            depth = 1 / inverse_depth[at]
            ray = [axis[at] for axis in direction]
            point = [np.float32(eye[i, 3]) + ray[i] * depth for i in range(3)]
            size = depth / np.float32(camera.focal)
            colour = paint(stage, light, poses, _Pixels(seen[at], face[at], point, ray, size))
            if name == Material.GROUND:
                colour *= (1 - dark[at])[:, None]
            haze = np.exp(depth * np.float32(-1 / HAZE_DISTANCE))[:, None]
            picture[at] = light.horizon + (colour - light.horizon) * haze
    for at in _chunks(np.flatnonzero(seen == SKY)):
        picture[at] = _sky(light, [axis[at] for axis in direction], camera.focal)
    return picture.reshape(*surfaces.seen.shape, 3)


def _chunks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), CHUNK):
        yield pixels[start : start + CHUNK]


class _Light:
    """The scene's light: brightness by normal, and the sky's colours."""

    def __init__(self, stage: Stage) -> None:
        self.sun, (self.ambient, self.direct) = stage.scene.sun, stage.scene.light
        self.horizon, self.zenith = stage.scene.sky.astype(np.float32)

    def on(self, normals: np.ndarray) -> np.ndarray:
        """Brightness (...,) of unit normals (..., 3): the sky from above, the sun from its side."""
        return (
            self.ambient * (0.78 - 0.22 * normals[..., 1]) + self.direct * np.maximum(0, normals @ self.sun)
        ).astype(np.float32)


def _sky(light: _Light, ray: list[np.ndarray], focal: float) -> np.ndarray:
    norm = np.sqrt(ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2)
    rise = np.clip(-ray[1] / norm, 0, 1)
    reach = 2.5 / (rise + 0.12)
    u, v = ray[0] / norm * reach, ray[2] / norm * reach
    size = reach * reach / (2.5 * np.float32(focal))
    cloud = np.clip(layered(u, v, size, size, ((0.5, 0.5, 0.7), (1.3, 1.3, 0.4), (3.1, 3.1, 0.2))), 0, 1)
    blend = np.sqrt(rise)[:, None]
    colour = light.horizon + (light.zenith - light.horizon) * blend
    return colour + (np.float32(0.97) - colour) * (0.7 * cloud)[:, None]


def _ground(stage: Stage, light: _Light, poses: np.ndarray, pixels: _Pixels) -> np.ndarray:
    road, point, ray, size = stage.scene.road, pixels.point, pixels.ray, pixels.size
    along, across = road.locate(point[0], point[2])
    angle = np.float32(road.curvature) * along
    sin, cos = np.sin(angle), np.cos(angle)
    # How far a pixel's footprint is drawn out along each axis by the grazing view.
    size_along = size * np.sqrt(1 + ((sin * ray[0] + cos * ray[2]) / ray[1]) ** 2)
    size_across = size * np.sqrt(1 + ((cos * ray[0] - sin * ray[2]) / ray[1]) ** 2)
    kerb, outer = road.half_width, road.half_width + road.sidewalk
    street = band(across, -kerb, kerb, size_across)
    plots = 1 - band(across, -outer, outer, size_across)
    marks = (
        band(np.abs(across), 0, 0.07, size_across) * pulses(along, 9.0, 1 / 3, size_along)
        + band(np.abs(across), 2 * LANE - 0.06, 2 * LANE + 0.06, size_across) * road.parking
    )
    edge = band(np.abs(across), kerb, kerb + 0.16, size_across)
    if road.crossing is not None:
        half = road.side_half_width
        side = band(along, road.crossing - half, road.crossing + half, size_along)
        before = road.crossing - half - 1.2
        zebra = band(along, before - 3, before, size_along) * pulses(across, 1.0, 0.5, size_across) * street
        stop = band(along, before - 4.4, before - 4, size_along) * band(across, 0, kerb, size_across)
        near = band(along, before - 5, road.crossing + half, size_along)
        marks = marks * (1 - near) + np.maximum(zebra, stop)
        street, edge, plots = street + (1 - street) * side, edge * (1 - side), plots * (1 - side)
    marks = np.clip(marks, 0, 1) * street * (0.9 + 0.3 * noise(along * 1.3, across * 3.1) * fade(size_along * 1.3))
    slabs = np.maximum(pulses(along, 0.8, 0.04, size_along), pulses(np.abs(across) - kerb, 0.6, 0.05, size_across))
    grain = layered(along, across, size_along, size_across, _ASPHALT)
    colour = _mix(_SLAB * (1 - 0.35 * slabs)[:, None], np.array(road.asphalt, np.float32), street)
    colour *= (1 + grain)[:, None]
    colour = _mix(colour, _KERB * (1 + grain)[:, None], edge * (1 - street))
    some = np.flatnonzero(plots > 0)
    if some.size:
        rough = layered(along[some], across[some], size_along[some], size_across[some], _VERGE)
        colour[some] = _mix(colour[some], np.array(road.verge, np.float32) * (1 + rough)[:, None], plots[some])
    colour = _mix(colour, _PAINT, marks * 0.85)
    return colour * light.on(np.array([0, -1.0, 0]))


def _mix(under: np.ndarray, over: np.ndarray, share: np.ndarray) -> np.ndarray:
    return under + (over - under) * share[:, None]


def _contact_shadows(
    stage: Stage, camera: Camera, eye: np.ndarray, time: float, direction: list[np.ndarray]
) -> np.ndarray:
    """How much darker (H, W) the ground is: a soft patch under each body, drawn a little away from the sun."""
    dark = np.zeros((camera.height, camera.width), np.float32)
    view = inverse(eye)
    for actor in stage.scene.actors:
        if not actor.body.shadow:
            continue
        pose = actor.pose(time)
        if not -actor.body.size[2] < view[2, :3] @ pose[:, 3] + view[2, 3] < SHADOW_RANGE:
            continue
        height, width, length = actor.body.size
        half = np.array([width / 2, length / 2])
        drift = -(pose[:, :3].T @ stage.scene.sun)[[0, 2]] * min(height, 2.0) * 0.22
        soft = 0.16 + 0.1 * half.min()
        reach = half + np.abs(drift) + 2 * soft
        corners = np.array([[sx * reach[0], 0, sz * reach[1]] for sx in (-1, 1) for sz in (-1, 1)])
        bounds = camera.bounds(apply(view, apply(pose, corners)), NEAREST_GROUND)
        if bounds is None:
            continue
        low, high = (np.clip(bound, 0, (camera.width, camera.height)).astype(int) for bound in bounds)
        window = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
        # Where the pixel's ray meets the ground; above the horizon there is none to darken.
        ray = [axis[window] for axis in direction]
        depth = np.float32(-eye[1, 3]) / np.maximum(ray[1], np.float32(1e-3))
        x, z = (ray[axis] * depth + np.float32(eye[axis, 3] - pose[axis, 3]) for axis in (0, 2))
        patch = np.float32(actor.body.shadow)
        for k, axis in enumerate((0, 2)):
            offset = np.float32(pose[0, axis]) * x + np.float32(pose[2, axis]) * z - np.float32(drift[k] / 2)
            edge = np.float32(half[k] + abs(drift[k]) / 2 + soft)
            patch = patch * np.clip((edge - np.abs(offset)) / np.float32(2 * soft), 0, 1)
        np.maximum(dark[window], patch, out=dark[window])
    return dark


def _facade(stage: Stage, light: _Light, poses: np.ndarray, pixels: _Pixels) -> np.ndarray:
    seen, face, point, ray, size = pixels.seen, pixels.face, pixels.point, pixels.ray, pixels.size
    # The wall's horizontal axis: z of the building for its sides, x for its ends.
    axis = np.where(face < 2, 2, 0)
    pose = poses.astype(np.float32)
    ax, az = pose[seen, 0, axis], pose[seen, 2, axis]
    u = ax * (point[0] - pose[seen, 0, 3]) + az * (point[2] - pose[seen, 2, 3]) + 40
    v = -point[1]
    facing = az * ray[0] - ax * ray[2]
    facing = np.where(np.abs(facing) < 1e-4, np.float32(1e-4), facing)
    size_u = size * np.sqrt(1 + ((ax * ray[0] + az * ray[2]) / facing) ** 2)
    size_v = size * np.sqrt(1 + (ray[1] / facing) ** 2)
    shift = (seen * 31 % 97).astype(np.float32)
    wall = layered(u + shift, v + shift, size_u, size_v, _WALL) * stage.grain[seen]
    # Each house has its own storey height and window spacing.
    storey = np.float32(2.7) + 0.12 * (seen % 7).astype(np.float32)
    bay = np.float32(1.9) + 0.23 * (seen % 6).astype(np.float32)
    # Shares of a bay and of a storey.
    windows = pulses(u, bay, 0.5, size_u) * pulses(v - 0.3 * storey, storey, 0.52, size_v)
    frames = pulses(u + 0.08 * bay, bay, 0.58, size_u) * pulses(v - 0.27 * storey, storey, 0.58, size_v) - windows
    mullion = pulses(u - 0.235 * bay, bay, 0.03, size_u) * windows
    ledge = pulses(v + 0.1, storey, 0.05, size_v)
    mortar = np.maximum(pulses(v, 0.22, 0.12, size_v), 0.7 * pulses(u + 0.17 * np.floor(v / 0.22), 0.42, 0.08, size_u))
    base = band(v, -0.1, 0.55, size_v)
    colour = stage.colour[seen] * (1 + wall - 0.16 * mortar - 0.25 * base)[:, None]
    colour = _mix(colour, colour * 0.55 + 0.3, np.maximum(ledge, frames))
    lit = cell_value(u / bay + shift, (v - 0.3 * storey) / storey)
    reflection = layered(u + 2 * shift, v, size_u, size_v, _REFLECTION)
    colour = _mix(colour, _PANE * (1 + 0.5 * lit + reflection)[:, None], windows - mullion)
    normals = pose[seen, :, np.where(face < 2, 0, 2)] * np.where(face % 2, np.float32(1), np.float32(-1))[:, None]
    return colour * light.on(normals)[:, None]


def _plain(stage: Stage, light: _Light, poses: np.ndarray, pixels: _Pixels) -> np.ndarray:
    seen, face, point = pixels.seen, pixels.face, pixels.point
    shown = np.flatnonzero(np.bincount(seen))
    row = np.searchsorted(shown, np.arange(len(poses)))[seen]
    local = inverse(poses[shown])
    scale = 1 / stage.grain_size[shown]
    to_pattern = (local * scale[:, None, None]).astype(np.float32)[row]
    shift = (seen * 37 % 89).astype(np.float32)
    a, b, c = (
        to_pattern[:, i, 0] * point[0]
        + to_pattern[:, i, 1] * point[1]
        + to_pattern[:, i, 2] * point[2]
        + to_pattern[:, i, 3]
        for i in range(3)
    )
    spread = np.float32(1.7) * pixels.size * scale[row]
    # Each octave looks along another oblique direction, so that no face shows streaks in all of them.
    grain = sum(
        layered(u + 0.31 * v + 0.57 * w + shift, w - 0.43 * v + shift, spread, spread, ((rate, rate, amplitude),))
        for (u, v, w), (rate, amplitude) in zip(((a, b, c), (b, c, a), (c, a, b)), _GRAIN, strict=True)
    )
    normals = stage.planes[shown, :, :3] @ np.swapaxes(poses[shown, :, :3], 1, 2)
    bright = light.on(normals)[row, np.minimum(face, 5)]
    curved = np.flatnonzero(face >= SIDE)
    if curved.size:
        to_unit = (local / stage.half[shown, :, None]).astype(np.float32)[row[curved]]
        here = np.stack([*(axis[curved] for axis in point), np.ones(curved.size, np.float32)], axis=1)
        unit = np.einsum("nij,nj->ni", to_unit, here)
        bright[curved] = light.on(_curved_normals(stage, to_unit, unit, seen[curved], face[curved]))
    return stage.colour[seen] * ((1 + grain * stage.grain[seen]) * bright)[:, None]


def _curved_normals(
    stage: Stage, to_unit: np.ndarray, unit: np.ndarray, seen: np.ndarray, face: np.ndarray
) -> np.ndarray:
    """Unit normals (n, 3) in the world on ellipsoids and cones.

    Args:
        stage: the solids.
        to_unit: (n, 3, 4), from the world to the frame where the point's solid is unit-sized.
        unit: (n, 3) the point in that frame.
        seen, face: (n,) as in `Surfaces`.
    """
    taper = stage.taper[seen].astype(np.float32)
    slope = np.where(stage.kind[seen] == Kind.CONE, -taper * (1 + taper * unit[:, 1]), unit[:, 1])
    slope = np.where(face == END_LOW, -1, np.where(face == END_HIGH, 1, slope))
    flat = (face == SIDE).astype(np.float32)
    gradient = np.stack([unit[:, 0] * flat, slope, unit[:, 2] * flat], axis=1)
    normals = np.einsum("nij,ni->nj", to_unit[:, :, :3], gradient)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
