"""Where a track will be on the next frame: a Kalman filter on points of the box (III-C1, Eq. 7).

Every coordinate is filtered on its own by the same constant-velocity model, so one 2 x 2 covariance serves all
coordinates of a track. All noise is a share of the box's size, because a near object moves by more pixels than a far
one; the share cancels from the gain, so the size itself is never needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Motion = Literal["diagonal", "center", "none"]


def points_of(boxes: np.ndarray, motion: Motion) -> np.ndarray:
    """The coordinates that are tracked.

    Args:
        boxes: (N, 4) x1 y1 x2 y2.
        motion: `diagonal` and `none` track both corners, `center` the centre.

    Returns:
        (N, 4) x1 y1 x2 y2, or (N, 2) x y.
    """
    return (boxes[:, :2] + boxes[:, 2:]) / 2 if motion == "center" else boxes


@dataclass(frozen=True, slots=True)
class KalmanSettings:
    """Standard deviations as shares of the box's size, for one frame.

    Attributes:
        measurement: of a detection's coordinate.
        position: of what constant velocity fails to say about the coordinate.
        velocity: of the change of velocity.
        start_velocity: of a new track's velocity, which starts at 0.
    """

    measurement: float = 0.05
    position: float = 0.05
    velocity: float = 0.05
    start_velocity: float = 0.2


STILL = KalmanSettings(measurement=0, position=1, velocity=0, start_velocity=0)  # each detection is taken as it is


@dataclass(slots=True, eq=False)
class KalmanState:
    """N tracks of C coordinates.

    Attributes:
        position, velocity: (N, C) float64, pixels and pixels a frame.
        covariance: (N, 3) float64, variances of position, of both, and of velocity, in shares of the box's size.
    """

    position: np.ndarray
    velocity: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def start(points: np.ndarray, settings: KalmanSettings) -> KalmanState:
        """Tracks at rest at their first detection's points (N, C)."""
        first = (settings.measurement**2, 0.0, settings.start_velocity**2)
        return KalmanState(points.astype(np.float64), np.zeros(points.shape), np.tile(first, (len(points), 1)))

    def predict(self, settings: KalmanSettings) -> None:
        """Move on by one frame: x <- F x, P <- F P F' + Q with F = [[1, 1], [0, 1]]."""
        self.position += self.velocity
        pp, pv, vv = self.covariance.T
        pp += 2 * pv + vv + settings.position**2
        pv += vv
        vv += settings.velocity**2

    def update(self, rows: np.ndarray, points: np.ndarray, settings: KalmanSettings) -> None:
        """Take in the detections (K, C) of the tracks `rows` (K,): x <- x + K (z - x), P <- (1 - K H) P, H = [1, 0]."""
        pp, pv, vv = self.covariance[rows].T
        total = pp + settings.measurement**2
        gain_p, gain_v = pp / total, pv / total
        innovation = points - self.position[rows]
        self.position[rows] += gain_p[:, None] * innovation
        self.velocity[rows] += gain_v[:, None] * innovation
        self.covariance[rows] = np.column_stack(((1 - gain_p) * pp, (1 - gain_p) * pv, vv - gain_v * pv))

    def select(self, rows: np.ndarray) -> KalmanState:
        """The tracks `rows`, an index or a (N,) bool."""
        return KalmanState(self.position[rows], self.velocity[rows], self.covariance[rows])

    def joined(self, other: KalmanState) -> KalmanState:
        """These tracks, then the others."""
        return KalmanState(
            np.concatenate((self.position, other.position)),
            np.concatenate((self.velocity, other.velocity)),
            np.concatenate((self.covariance, other.covariance)),
        )
