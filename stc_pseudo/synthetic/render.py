"""One frame of synthetic video with everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.synthetic.camera import Camera, apply, compose, inverse, rigid
from stc_pseudo.synthetic.rasteriser import NEAR, Stage, Surfaces
from stc_pseudo.synthetic.scene import FRAME_RATE
from stc_pseudo.synthetic.shading import shade

SENSOR_NOISE = 1.6 / 255
# Share of each direct neighbour in the lens's blur: it softens the stairs of silhouettes.
BLUR = 0.14
_TWO_BYTES = np.sqrt(2 * (256**2 - 1) / 12)  # standard deviation of the sum of two random bytes


@dataclass(frozen=True, eq=False)
class ObjectBox:
    """One tracked object in one frame, as a KITTI tracking label tells it.

    Attributes:
        object_id: class * 1000 + the object's number.
        box: (x1, y1, x2, y2) pixels, x2 and y2 exclusive: around its outline as if nothing hid it, inside the frame.
        truncated: share of its 3D box's picture outside the frame, 0..1.
        hidden: share of its outline that others hide, 0..1.
        size: (height, width, length), metres.
        location: (3,) middle of its underside in the camera's frame, metres.
        heading: radians about the camera's y axis, 0 facing along x (KITTI's rotation_y).
    """

    object_id: int
    box: tuple[int, int, int, int]
    truncated: float
    hidden: float
    size: tuple[float, float, float]
    location: np.ndarray
    heading: float


@dataclass(frozen=True, eq=False)
class Frame:
    """A rendered frame.

    Attributes:
        image: (H, W, 3) uint8 RGB, left camera.
        right: (H, W, 3) uint8 RGB, right camera; None without stereo.
        depth: (H, W) float32, metres along the optical axis; inf is the sky.
        flow: (2, H, W) float32, (dx, dy) in pixels to the next frame, exact where the point is hidden there too; NaN
            where it goes behind the camera.
        instances: (H, W) uint16, class * 1000 + number of the object; 0 elsewhere.
        pose: (3, 4) float64, from the left camera's frame to the world.
        objects: every tracked object in view, hidden or not.
    """

    image: np.ndarray
    right: np.ndarray | None
    depth: np.ndarray
    flow: np.ndarray
    instances: np.ndarray
    pose: np.ndarray
    objects: tuple[ObjectBox, ...]


def render_frame(
    stage: Stage, camera: Camera, number: int, *, stereo: bool = True, noise: np.random.Generator | None = None
) -> Frame:
    """Render frame `number` of a scene.

    Args:
        stage: the scene's solids.
        camera: the left camera and its partner's distance.
        number: frame, from 0, at FRAME_RATE a second.
        stereo: render the right camera as well.
        noise: draws the sensor's noise; None leaves noise and blur of the lens out.
    """
    time = number / FRAME_RATE
    eye, poses = stage.scene.camera(time), stage.poses(time)
    surfaces = stage.look(camera, eye, poses, outlines=True)
    image = _expose(shade(stage, surfaces, camera, eye, poses, time), noise)
    right = None
    if stereo:
        right_eye = compose(eye, rigid(translation=(camera.baseline, 0, 0)))
        right_view = stage.look(camera, right_eye, poses)
        right = _expose(shade(stage, right_view, camera, right_eye, poses, time), noise)
    with np.errstate(divide="ignore"):
        depth = 1 / surfaces.inverse_depth
    return Frame(
        image,
        right,
        depth,
        _flow(stage, surfaces, camera, number, eye, poses),
        stage.track[surfaces.seen].astype(np.uint16),
        eye,
        _objects(stage, surfaces, camera, eye, time),
    )


def _expose(picture: np.ndarray, noise: np.random.Generator | None) -> np.ndarray:
    """To 8 bits, through the lens's blur and with the sensor's noise."""
    if noise is not None:
        for axis in (0, 1):
            picture = _blur(picture, axis)
        # The sum of two random bytes: nearly a bell, at a tenth of the cost of a normal draw.
        grains = np.frombuffer(noise.bytes(2 * picture.size), np.uint8).reshape(2, *picture.shape)
        picture += (grains[0].astype(np.float32) + grains[1] - 255) * np.float32(SENSOR_NOISE / _TWO_BYTES)
    return (np.clip(picture, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)


def _blur(picture: np.ndarray, axis: int) -> np.ndarray:
    """Mix each pixel with its two neighbours along an axis; the frame's edge repeats."""
    soft = picture * np.float32(1 - 2 * BLUR)
    share = picture * np.float32(BLUR)
    low, high = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
    first, last = (np.s_[:1], np.s_[-1:]) if axis == 0 else (np.s_[:, :1], np.s_[:, -1:])
    soft[high] += share[low]
    soft[low] += share[high]
    soft[first] += share[first]
    soft[last] += share[last]
    return soft


def _flow(
    stage: Stage, surfaces: Surfaces, camera: Camera, number: int, eye: np.ndarray, poses: np.ndarray
) -> np.ndarray:
    """Where each surface point's picture goes, (2, H, W): with its solid's motion, seen from the next camera."""
    later = (number + 1) / FRAME_RATE
    view = inverse(stage.scene.camera(later))
    x, y = camera.rays()
    seen, inverse_depth = surfaces.seen, surfaces.inverse_depth
    motion = compose(view, eye).astype(np.float32)
    # In homogeneous form, R (x, y, 1) + t / z, the sky needs no case of its own.
    moved = [
        (motion[i, 1] * y + motion[i, 2])[:, None] + (motion[i, 0] * x)[None] + motion[i, 3] * inverse_depth
        for i in range(3)
    ]
    row, column = np.nonzero(stage.moves[seen])
    if row.size:
        motion_of_solid = compose(compose(view, stage.poses(later)), compose(inverse(poses), eye)).astype(np.float32)
        ray = np.stack([x[column], y[row], np.ones_like(row, np.float32), inverse_depth[row, column]], axis=1)
        for axis, values in zip(moved, np.einsum("nij,nj->in", motion_of_solid[seen[row, column]], ray), strict=True):
            axis[row, column] = values
    ahead = moved[2] > np.float32(NEAR) * inverse_depth
    depth = np.where(ahead, moved[2], np.float32(np.nan))
    focal = np.float32(camera.focal)
    return np.stack([focal * (moved[0] / depth - x[None]), focal * (moved[1] / depth - y[:, None])])


def _objects(stage: Stage, surfaces: Surfaces, camera: Camera, eye: np.ndarray, time: float) -> tuple[ObjectBox, ...]:
    """What a label says of every tracked object in view."""
    visible = np.bincount(stage.actor[surfaces.seen].ravel() + 1, minlength=len(stage.scene.actors) + 1)[1:]
    view, objects = inverse(eye), []
    for number, (area, *box) in sorted(surfaces.outlines.items()):
        actor = stage.scene.actors[number]
        height, width, length = actor.body.size
        pose = compose(view, actor.pose(time))
        corners = np.array([[x * width / 2, y, z * length / 2] for x in (-1, 1) for y in (-height, 0) for z in (-1, 1)])
        corners = apply(pose, corners)
        pixels = camera.focal * corners[:, :2] / np.maximum(corners[:, 2:], NEAR) + [camera.centre_x, camera.centre_y]
        low, high = pixels.min(0), pixels.max(0)
        inside = np.clip(high, 0, (camera.width, camera.height)) - np.clip(low, 0, (camera.width, camera.height))
        truncated = 1 - inside.prod() / (high - low).prod()
        objects.append(
            ObjectBox(
                actor.body.class_id * 1000 + actor.track,
                tuple(box),
                float(truncated),
                1 - visible[number] / area,
                actor.body.size,
                pose[:, 3],
                float(np.arctan2(-pose[2, 2], pose[0, 2])),
            )
        )
    return tuple(objects)
