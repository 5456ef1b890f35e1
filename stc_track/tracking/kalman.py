"""Where a track will be on the next frame: a Kalman filter on points of the box (III-C1, Eq. 7).

Every coordinate is filtered on its own by the same constant-velocity model, so one 2 x 2 covariance serves all
coordinates of a track and no matrix is ever inverted. All noise is a share of the box's size, because a near object
moves by more pixels than a far one; the share cancels from the gain, so the size itself is never needed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from stc_track.tracking.settings import Motion, MotionSettings


def points_of(boxes: np.ndarray, motion: Motion) -> np.ndarray:
    """The coordinates that are tracked.

    Args:
        boxes: (N, 4) x1 y1 x2 y2.
        motion: `diagonal` and `none` track both corners, `center` the centre.

    Returns:
        (N, 4) x1 y1 x2 y2, or (N, 2) x y.
    """
    return (boxes[:, :2] + boxes[:, 2:]) / 2 if motion == "center" else boxes


def moved_boxes(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) where the tracked coordinates (N, C) are: the corners themselves, or as large around the centre."""
    if points.shape[1] == 4:
        return points
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate((points - half, points + half), axis=1)


# each detection is taken as it is
STILL = MotionSettings(points="none", measurement=0, position=0.2, velocity=0, start_velocity=0, adaptation=0)


@dataclass(slots=True, eq=False)
class KalmanState:
    """N tracks of C coordinates.

    Attributes:
        position, velocity: (N, C) float64, pixels and pixels a frame.
        pp, pv, vv: (N,) float64, variance of the position, covariance, variance of the velocity, in shares of the
            box's size.
    """

    position: np.ndarray
    velocity: np.ndarray
    pp: np.ndarray
    pv: np.ndarray
    vv: np.ndarray

    @staticmethod
    def start(points: np.ndarray, settings: MotionSettings, noise: float = 1.0) -> KalmanState:
        """Tracks at rest at their first detection's points (N, C)."""
        count = len(points)
        return KalmanState(
            points.astype(np.float64),
            np.zeros(points.shape),
            np.full(count, settings.measurement**2, np.float64),
            np.zeros(count),
            np.full(count, (noise * settings.start_velocity) ** 2, np.float64),
        )

    def predict(self, settings: MotionSettings, noise: float = 1.0) -> None:
        """Move on by one frame: x <- F x, P <- F P F' + noise^2 Q with F = [[1, 1], [0, 1]]."""
        self.position += self.velocity
        self.pp += 2 * self.pv + self.vv + (noise * settings.position) ** 2
        self.pv += self.vv
        self.vv += (noise * settings.velocity) ** 2

    def deviation(self, settings: MotionSettings) -> np.ndarray:
        """Standard deviation (N,) of a detection's coordinate from the predicted one, share of the box's size."""
        return np.sqrt(self.pp + settings.measurement**2)

    def update(self, rows: np.ndarray, points: np.ndarray, sizes: np.ndarray, settings: MotionSettings) -> None:
        """Take in the detections (K, C) of the tracks `rows` (K,): x <- x + K (z - x), P <- (1 - K H) P, H = [1, 0].

        A side that jumps, because something begins or ceases to hide the object, is no motion: what of the innovation
        lies beyond `settings.robust` standard deviations moves the position wholly and the velocity not at all.

        Args:
            rows: (K,) int64.
            points: (K, C) pixels.
            sizes: (K,) pixels, of the boxes.
            settings: the noise.
        """
        pp, pv, position = self.pp[rows], self.pv[rows], self.position[rows]
        total = pp + settings.measurement**2
        gain_p, gain_v = pp / total, pv / total
        innovation = points - position
        expected = innovation
        if settings.robust:
            limit = (settings.robust * np.sqrt(total) * sizes)[:, None]
            expected = np.minimum(np.maximum(innovation, -limit), limit)
        self.position[rows] = points - (1 - gain_p)[:, None] * expected
        self.velocity[rows] += gain_v[:, None] * expected
        self.vv[rows] -= gain_v * pv
        self.pp[rows] = pp - gain_p * pp
        self.pv[rows] = pv - gain_p * pv

    def select(self, rows: np.ndarray) -> KalmanState:
        """The tracks `rows`, an index or a (N,) bool."""
        return KalmanState(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: KalmanState) -> KalmanState:
        """These tracks, then the others."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return KalmanState(*(np.concatenate(pair) for pair in pairs))
