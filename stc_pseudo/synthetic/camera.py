"""The pinhole stereo camera, and the rigid motions that place things before it.

Axes are the field's: x right, y *down*, z forward, metres, both for the camera and for the world (whose ground is
y = 0). A pixel's centre has whole coordinates. A rigid motion is its upper three rows, (..., 3, 4) float64, and maps
`p -> R p + t`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# KITTI's rectified colour camera at its own size, in pixels and metres.
KITTI_SIZE = (375, 1242)
KITTI_FOCAL = 721.5377
KITTI_CENTRE = (609.5593, 172.854)
KITTI_BASELINE = 0.54
CAMERA_HEIGHT = 1.65


@dataclass(frozen=True)
class Camera:
    """A rectified pinhole stereo pair.

    Attributes:
        height, width: pixels.
        focal: pixels, the same in x and y.
        centre_x, centre_y: the principal point, pixels.
        baseline: metres from the left to the right camera.
    """

    height: int
    width: int
    focal: float
    centre_x: float
    centre_y: float
    baseline: float = KITTI_BASELINE

    @classmethod
    def for_size(cls, size: tuple[int, int]) -> Camera:
        """KITTI's camera scaled to (height, width): the horizontal field of view stays, pixels stay square."""
        height, width = size
        scale_x, scale_y = width / KITTI_SIZE[1], height / KITTI_SIZE[0]
        centre_x, centre_y = KITTI_CENTRE
        return cls(
            height, width, KITTI_FOCAL * scale_x, (centre_x + 0.5) * scale_x - 0.5, (centre_y + 0.5) * scale_y - 0.5
        )

    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes x/z of the columns, (W,), and y/z of the rows, (H,), float32."""
        return (
            ((np.arange(self.width) - self.centre_x) / self.focal).astype(np.float32),
            ((np.arange(self.height) - self.centre_y) / self.focal).astype(np.float32),
        )

    def bounds(self, points: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray] | None:
        """The box around the picture of a convex hull, of which only what lies beyond z = `near` > 0 is seen.

        Args:
            points: (n, 3) in the camera's frame; the hull's corners are among them.
            near: metres.

        Returns:
            Its least and greatest (x, y) in pixels, not cut to the frame; None if nothing lies beyond.
        """
        beyond = points[:, 2] >= near
        if not beyond.any():
            return None
        # Every line from a point beyond to one before gives a corner of what is left.
        a, b = points[beyond][:, None], points[~beyond]
        cut = a + (a[..., 2:] - near) / (a[..., 2:] - b[..., 2:]) * (b - a)
        seen = np.concatenate([points[beyond], cut.reshape(-1, 3)])
        pixels = self.focal * seen[:, :2] / seen[:, 2:] + [self.centre_x, self.centre_y]
        return pixels.min(0), pixels.max(0)

    def matrix(self) -> np.ndarray:
        """The 3x3 intrinsic matrix, float64."""
        return np.array([[self.focal, 0, self.centre_x], [0, self.focal, self.centre_y], [0, 0, 1.0]])


def rigid(
    rotation: np.ndarray | None = None, translation: tuple[float, float, float] | np.ndarray = (0, 0, 0)
) -> np.ndarray:
    """A rigid motion, (3, 4), from a 3x3 rotation (None: identity) and a translation."""
    motion = np.empty((3, 4))
    motion[:, :3] = np.eye(3) if rotation is None else rotation
    motion[:, 3] = translation
    return motion


def turn(axis: int, angle: float) -> np.ndarray:
    """The 3x3 rotation about axis 0 (x), 1 (y) or 2 (z) by an angle in radians, right-handed.

    About y, a heading of `angle` turns z (forward) towards x (right).
    """
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[i, i] = rotation[j, j] = np.cos(angle)
    rotation[j, i] = np.sin(angle)
    rotation[i, j] = -rotation[j, i]
    return rotation


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The motion that does `inner` first and `outer` then; leading axes broadcast."""
    result = outer[..., :3] @ inner
    result[..., 3] += outer[..., 3]
    return result


def inverse(motion: np.ndarray) -> np.ndarray:
    """The motion that undoes `motion`."""
    back = np.swapaxes(motion[..., :3], -1, -2)
    return np.concatenate([back, -back @ motion[..., 3:]], axis=-1)


def apply(motion: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move points (..., 3)."""
    return points @ motion[:, :3].T + motion[:, 3]
