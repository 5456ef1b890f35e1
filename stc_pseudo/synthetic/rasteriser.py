"""All of a scene's solids in flat arrays, and the z-buffer that finds which of them each pixel sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.synthetic.camera import Camera, compose, inverse
from stc_pseudo.synthetic.primitives import Kind, Material, hit_convex, hit_curved
from stc_pseudo.synthetic.scene import Scene

# What a pixel shows: the sky, the ground, or solid k as FIRST + k.
SKY, GROUND, FIRST = 0, 1, 2
NEAR = 0.05  # metres
THINNEST = 0.8  # pixels
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


@dataclass(frozen=True, eq=False)
class Surfaces:
    """What each pixel of one view sees.

    Attributes:
        inverse_depth: (H, W) float32, 1/metre along the optical axis; 0 is the sky.
        seen: (H, W) int32, SKY, GROUND, or FIRST + the solid's number.
        face: (H, W) uint8, which face of the solid.
        outlines: by actor's number, its outline before others hide it: (pixels, x1, y1, x2, y2), x2 and y2 exclusive;
            tracked actors in view only.
    """

    inverse_depth: np.ndarray
    seen: np.ndarray
    face: np.ndarray
    outlines: dict[int, tuple[int, int, int, int, int]]


class Stage:
    """A scene's solids in flat arrays; the first two rows of each stand for the sky and the ground.

    Attributes:
        scene: where they come from.
        kind, taper, half, planes, colour, grain, grain_size, material: as in `Solid`, one row a solid.
        actor: (FIRST + N,) number of the actor that a solid belongs to, -1 for sky and ground.
        moves: (FIRST + N,) whether it changes its place with time.
        track: (FIRST + N,) the object's id, class * 1000 + number, or 0.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        solids = [solid for actor in scene.actors for solid in actor.body.solids]
        counts = [len(actor.body.solids) for actor in scene.actors]
        self.rows = np.cumsum([FIRST, *counts])
        self.kind = _column([s.kind for s in solids], np.int8)
        self.taper = _column([s.taper for s in solids], np.float64)
        self.half = _column([s.half for s in solids], np.float64, 3)
        self.planes = _column([s.planes for s in solids], np.float64, 6, 4)
        self.colour = _column([s.colour for s in solids], np.float32, 3)
        self.grain = _column([s.grain for s in solids], np.float32)
        self.grain_size = _column([s.grain_size for s in solids], np.float32)
        self.material = _column([s.material for s in solids], np.int8)
        self.material[GROUND] = Material.GROUND
        self.actor = np.repeat(np.arange(-1, len(counts)), [FIRST, *counts])
        self.moves = np.array([a.moves for a in scene.actors] + [False])[self.actor]
        ids = [a.body.class_id * 1000 + a.track if a.track else 0 for a in scene.actors]
        self.track = np.array([*ids, 0])[self.actor]
        self._still = self._placed(0.0, [k for k, a in enumerate(scene.actors) if not a.moves])

    def poses(self, time: float) -> np.ndarray:
        """(FIRST + N, 3, 4): every solid's pose in the world at that time; identity for sky and ground."""
        return self._placed(time, [k for k, a in enumerate(self.scene.actors) if a.moves], self._still)

    def _placed(self, time: float, numbers: list[int], start: np.ndarray | None = None) -> np.ndarray:
        poses = np.zeros((self.rows[-1], 3, 4)) + np.eye(3, 4) if start is None else start.copy()
        for k in numbers:
            actor = self.scene.actors[k]
            poses[self.rows[k] : self.rows[k + 1]] = compose(actor.pose(time), actor.body.poses(actor.walked(time)))
        return poses

    def look(self, camera: Camera, eye: np.ndarray, poses: np.ndarray, outlines: bool = False) -> Surfaces:
        """What a camera at pose `eye` (3, 4) sees of the solids at `poses`.

        Args:
            camera: its intrinsics.
            eye: (3, 4), from the camera's frame to the world.
            poses: as `poses()` gives.
            outlines: also measure every tracked actor as if nothing hid it.
        """
        x, y = camera.rays()
        view = inverse(eye)
        local = compose(view, poses)
        # The ground y = 0 of the world: n . p = d with the camera above it.
        down, height = view[:, 1], -eye[1, 3]
        inverse_depth = ((down[1] * y + down[2])[:, None] + (down[0] * x)[None]) / height
        inverse_depth = np.maximum(0, inverse_depth).astype(np.float32)
        solid_of_pixel = np.where(inverse_depth > 0, GROUND, SKY).astype(np.int32)
        face = np.zeros(solid_of_pixel.shape, np.uint8)
        boxes, nearest = self._boxes(camera, local)
        planes = _move_planes(self.planes, local)
        to_unit = inverse(local) / np.where(self.half > 0, self.half, 1)[..., None]
        kinds, convex = self.kind.tolist(), int(Kind.CONVEX)
        scratch = np.zeros(solid_of_pixel.shape, bool)
        outlines_of_actors: dict[int, tuple[int, int, int, int, int]] = {}
        near_of_actor = np.full(len(self.rows) - 1, np.inf)
        np.minimum.at(near_of_actor, self.actor[FIRST:], nearest[FIRST:])
        for number in np.argsort(near_of_actor, kind="stable"):
            if not np.isfinite(near_of_actor[number]):
                break
            measured = outlines and self.scene.actors[number].track > 0
            hull = np.array([camera.width, camera.height, 0, 0])
            for k in range(self.rows[number], self.rows[number + 1]):
                x0, y0, x1, y1 = boxes[k]
                if x0 >= x1 or y0 >= y1:
                    continue
                window = np.s_[y0:y1, x0:x1]
                so_far = inverse_depth[window]
                if not measured and nearest[k] > NEAR and so_far.min() * nearest[k] >= 1:
                    continue
                if kinds[k] == convex:
                    depth, side = hit_convex(planes[k], x[x0:x1], y[y0:y1])
                else:
                    depth, side = hit_curved(kinds[k], to_unit[k], self.taper[k], x[x0:x1], y[y0:y1])
                if measured:
                    scratch[window] |= depth > 0
                    hull = np.concatenate([np.minimum(hull[:2], (x0, y0)), np.maximum(hull[2:], (x1, y1))])
                nearer = depth > so_far
                np.copyto(so_far, depth, where=nearer)
                np.copyto(solid_of_pixel[window], np.int32(k), where=nearer)
                np.copyto(face[window], side, where=nearer)
            if measured and hull[0] < hull[2]:
                outline = scratch[hull[1] : hull[3], hull[0] : hull[2]]
                if outline.any():
                    outlines_of_actors[int(number)] = _measure(outline, hull[0], hull[1])
                outline[:] = False
        return Surfaces(inverse_depth, solid_of_pixel, face, outlines_of_actors)

    def _boxes(self, camera: Camera, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixel boxes (K, 4) that enclose each solid's picture (empty: out of view), and its least depth (K,)."""
        reach = self.half * np.stack([1 + np.abs(self.taper), np.ones_like(self.taper), 1 + np.abs(self.taper)], axis=1)
        corners = np.einsum("kij,kcj->kci", local[:, :, :3], reach[:, None] * _CORNERS) + local[:, None, :, 3]
        z = corners[..., 2]
        nearest = z.min(1)
        pixels = camera.focal * corners[..., :2] / np.maximum(z, NEAR)[..., None] + [camera.centre_x, camera.centre_y]
        low, high = pixels.min(1), pixels.max(1)
        for k in np.flatnonzero((nearest < NEAR) & (z.max(1) > NEAR)):
            low[k], high[k] = camera.bounds(corners[k], NEAR)
            nearest[k] = NEAR
        size = (camera.width, camera.height)
        boxes = np.concatenate([np.floor(low), np.floor(high) + 1], axis=1).clip(0, np.tile(size, 2)).astype(int)
        boxes[nearest < NEAR] = 0
        boxes[:FIRST] = 0
        # What is thinner than a pixel would show as a row of dots that changes from frame to frame.
        boxes[(high - low).min(1) < THINNEST] = 0
        nearest[(boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3])] = np.inf
        return boxes, nearest


def _column(values: list, dtype: type, *shape: int) -> np.ndarray:
    """Values of that shape in an array, after FIRST rows of zeros."""
    return np.concatenate([np.zeros((FIRST, *shape), dtype), np.array(values, dtype).reshape(-1, *shape)])


def _move_planes(planes: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Planes (K, 6, 4) `n . p <= d` after the motions (K, 3, 4)."""
    normals = planes[..., :3] @ np.swapaxes(poses[:, :, :3], 1, 2)
    return np.concatenate([normals, planes[..., 3:] + normals @ poses[:, :, 3:]], axis=-1)


def _measure(outline: np.ndarray, x: int, y: int) -> tuple[int, int, int, int, int]:
    columns, rows = np.flatnonzero(outline.any(0)), np.flatnonzero(outline.any(1))
    return (
        int(np.count_nonzero(outline)),
        int(x + columns[0]),
        int(y + rows[0]),
        int(x + columns[-1] + 1),
        int(y + rows[-1] + 1),
    )
