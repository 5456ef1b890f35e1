"""One sequence's scene: what is in it and how it moves, all of it a closed formula of time, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stc_pseudo.synthetic.body import Body
from stc_pseudo.synthetic.camera import CAMERA_HEIGHT, compose, rigid, turn
from stc_pseudo.synthetic.road import Road

FRAME_RATE = 10.0  # frames a second, as KITTI's
LANE = 1.8  # metres from the road's centre line to the middle of a lane


@dataclass(frozen=True, eq=False)
class Actor:
    """A body and its way.

    Attributes:
        body: what it is.
        pose: time to (3, 4), from the body's frame to the world's.
        walked: time to metres walked.
        track: number of the object, from 1, or 0 without a mask.
        moves: whether `pose` or the limbs change with time.
    """

    body: Body
    pose: Callable[[float], np.ndarray]
    walked: Callable[[float], float] = lambda time: 0.0
    track: int = 0
    moves: bool = False


@dataclass(frozen=True)
class Ego:
    """The camera's car: where it is on the road.

    Attributes:
        speed: metres a second at the start.
        stop_after: seconds of braking until it stands, or None if it keeps on.
        surge: amplitude in metres of a slow change of speed.
        weave: amplitude in metres of drifting in the lane.
        pitch: radians, nose down positive.
        phase: radians, of surge, weave and the car's nodding.
    """

    speed: float
    stop_after: float | None
    surge: float
    weave: float
    pitch: float
    phase: float

    def along(self, time: float) -> float:
        """Metres along the road."""
        if self.stop_after is None:
            return self.speed * time + self.surge * (np.sin(0.7 * time + self.phase) - np.sin(self.phase))
        left = max(0.0, 1 - time / self.stop_after)
        return self.speed * self.stop_after / 3 * (1 - left**3)

    def pose(self, road: Road, time: float) -> np.ndarray:
        """The camera's pose (3, 4) in the world."""
        here = self.along(time)
        across = LANE + self.weave * np.sin(here / 9 + self.phase)
        heading = self.weave / 9 * np.cos(here / 9 + self.phase)
        rolling = abs(self.along(time + 0.05) - self.along(time - 0.05)) / 0.1 / 10
        nod = 0.0016 * rolling * np.sin(9 * time + self.phase)
        bounce = 0.008 * rolling * np.sin(11 * time + 2 * self.phase)
        mount = rigid(turn(0, -(self.pitch + nod)), (0, -CAMERA_HEIGHT + bounce, 0))
        return compose(road.place(here, across, heading), mount)


@dataclass(eq=False)
class Scene:
    """One street with everything on it.

    Attributes:
        road, ego: see there.
        sun: unit vector towards the sun, (3,).
        light: (ambient, direct) strength.
        sky: RGB at the horizon and at the zenith, (2, 3).
        actors: all bodies, still and moving.
    """

    road: Road
    ego: Ego
    sun: np.ndarray
    light: tuple[float, float]
    sky: np.ndarray
    actors: list[Actor] = field(default_factory=list)

    def camera(self, time: float) -> np.ndarray:
        """The left camera's pose (3, 4) in the world."""
        return self.ego.pose(self.road, time)

    def add(
        self,
        body: Body,
        pose: Callable[[float], np.ndarray] | np.ndarray,
        walked: Callable[[float], float] | None = None,
    ) -> None:
        """Put a body in the street: at a fixed pose, or at one that depends on time."""
        track = 1 + sum(actor.track > 0 for actor in self.actors) if body.class_id else 0
        still = not callable(pose)
        self.actors.append(
            Actor(
                body,
                (lambda time: pose) if still else pose,
                walked or (lambda time: 0.0),
                track,
                moves=not still or walked is not None,
            )
        )
