"""What stands where in one sequence, and how it moves. All of it is a closed formula of time, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from stc_pseudo.demo import clutter
from stc_pseudo.demo.body import Body
from stc_pseudo.demo.camera import CAMERA_HEIGHT, compose, rigid, turn
from stc_pseudo.demo.car import car
from stc_pseudo.demo.pedestrian import pedestrian
from stc_pseudo.demo.road import Road

FRAME_RATE = 10.0
LANE = 1.8
VIEW_RANGE = 130.0


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
            return self.speed * time + self.surge * (np.sin(.7 * time + self.phase) - np.sin(self.phase))
        left = max(0.0, 1 - time / self.stop_after)
        return self.speed * self.stop_after / 3 * (1 - left ** 3)

    def pose(self, road: Road, time: float) -> np.ndarray:
        """The camera's pose (3, 4) in the world."""
        here = self.along(time)
        across = LANE + self.weave * np.sin(here / 9 + self.phase)
        heading = self.weave / 9 * np.cos(here / 9 + self.phase)
        rolling = abs(self.along(time + .05) - self.along(time - .05)) / .1 / 10
        nod = .0016 * rolling * np.sin(9 * time + self.phase)
        bounce = .008 * rolling * np.sin(11 * time + 2 * self.phase)
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

    def add(self, body: Body, pose: Callable[[float], np.ndarray] | np.ndarray,
            walked: Callable[[float], float] | None = None) -> None:
        """Put a body in the street: at a fixed pose, or at one that depends on time."""
        track = 1 + sum(actor.track > 0 for actor in self.actors) if body.class_id else 0
        still = not callable(pose)
        self.actors.append(Actor(body, (lambda time: pose) if still else pose, walked or (lambda time: 0.0), track,
                                 moves=not still or walked is not None))


def make_scene(seed: int, sequence: int, duration: float) -> Scene:
    """Draw one sequence's scene from `numpy.random.default_rng((seed, sequence))`.

    Args:
        seed: of the data set.
        sequence: the sequence's number.
        duration: seconds; the street is built as far as the camera sees in that time.
    """
    rng = np.random.default_rng((seed, sequence))
    # The kinds take turns, so that a few sequences already hold all of them.
    crossing = (seed + sequence) % 3 == 1
    curvature = rng.choice([0, 1, -1], p=[.4, .3, .3]) * rng.uniform(1 / 260, 1 / 90)
    parking = rng.random() < (.4 if crossing else .7)
    speed = rng.uniform(3, 11)
    stop_after = rng.uniform(1.5, 5) if crossing else None
    if crossing and rng.random() < .3:
        speed = 0.0
    ego = Ego(speed, stop_after, surge=rng.uniform(0, .12) * speed, weave=rng.uniform(0, .25),
              pitch=np.deg2rad(rng.uniform(-.3, 1.2)), phase=rng.uniform(0, 2 * np.pi))
    side = rng.uniform(3.4, 4.4)
    stop = ego.along(1e3) if crossing else 0.0
    road = Road(curvature, LANE * 2 + (2.3 if parking else rng.uniform(0, .6)), rng.uniform(2.2, 4.2),
                stop + rng.uniform(10, 15) + side if crossing else None, side, parking,
                tuple(np.array([.30, .36, .20] if rng.random() < .6 else [.50, .47, .42]) * rng.uniform(.8, 1.2)),
                tuple(np.array([.36, .36, .37]) * rng.uniform(.75, 1.15)))
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(28, 60))
    sun = np.array([np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    cloudy = rng.random()
    scene = Scene(road, ego, sun, (.62 + .2 * cloudy, .55 - .35 * cloudy),
                  (1 - .15 * cloudy) * np.array([[.80, .86, .92], [.42, .60, .86]])
                  + cloudy * np.array([[.02], [.2]]) * [1, .6, .1])
    end = ego.along(duration) + VIEW_RANGE
    _add_fronts(scene, rng, end)
    _add_clutter(scene, rng, end)
    _add_parked_cars(scene, rng, end)
    _add_traffic(scene, rng, duration)
    _add_pedestrians(scene, rng, duration)
    return scene


def _free(road: Road, along: float, margin: float = 0.0) -> bool:
    """Whether that stretch of kerb is clear of the side street."""
    return road.crossing is None or abs(along - road.crossing) > road.side_half_width + margin


def _add_fronts(scene: Scene, rng: np.random.Generator, end: float) -> None:
    """Houses on both sides with gaps between them, a second row behind, and more across the far end."""
    road = scene.road
    edge = road.half_width + road.sidewalk
    stretches = [(-12.0, end)]
    if road.crossing is not None:
        gap = road.side_half_width + road.sidewalk
        stretches = [(-12.0, road.crossing - gap), (road.crossing + gap, end)]
    for side in (-1, 1):
        setback = rng.uniform(0, 4)
        for along, stop in stretches:
            while stop - along > 5:
                length, depth = min(rng.uniform(8, 20), stop - along), rng.uniform(8, 14)
                middle, offset = along + length / 2, setback + rng.uniform(0, 2.5)
                scene.add(clutter.building(rng, length, depth), road.place(middle, side * (edge + offset + depth / 2)))
                if offset > 2 and rng.random() < .6:
                    scene.add(clutter.hedge(rng, max(2.0, length - 3)), road.place(middle, side * (edge + .5)))
                along += length + (rng.uniform(3, 9) if rng.random() < .35 else rng.uniform(0, .3))
        for along in np.arange(0, end, 36):
            scene.add(clutter.building(rng, 35, 10), road.place(along, side * rng.uniform(46, 52)))
        if road.crossing is not None:
            for far in (-1, 1):
                scene.add(clutter.building(rng, 22, 10),
                          road.place(road.crossing + far * (gap + rng.uniform(6, 9)), side * (edge + 30), np.pi / 2))
    for across in np.arange(-45, 46, 15.0):
        scene.add(clutter.building(rng, 15.5, 12), road.place(end + rng.uniform(0, 4), across, np.pi / 2))


def _add_clutter(scene: Scene, rng: np.random.Generator, end: float) -> None:
    """Trees, lamps, signs and bins along the kerbs: none of it has a mask."""
    road = scene.road
    planted = rng.uniform(0, 1)
    for side in (-1, 1):
        for along in np.arange(-4, end, 7.5):
            at, kind = along + rng.uniform(-2.5, 2.5), rng.random()
            if not _free(road, at, 1.5):
                continue
            inward = 0 if side < 0 else np.pi
            if kind < .5 * planted:
                scene.add(clutter.tree(rng), road.place(at, side * (road.half_width + rng.uniform(.6, .9))))
            elif kind < .5 * planted + .14:
                scene.add(clutter.lamp(rng), road.place(at, side * (road.half_width + .45), inward + np.pi))
            elif kind < .5 * planted + .26:
                scene.add(clutter.sign(rng), road.place(at, side * (road.half_width + .45), 0 if side > 0 else np.pi))
            elif kind < .5 * planted + .36:
                scene.add(clutter.rubbish_bin(rng),
                          road.place(at, side * (road.half_width + road.sidewalk - .5), -side * np.pi / 2))


def _add_parked_cars(scene: Scene, rng: np.random.Generator, end: float) -> None:
    """Cars along the kerbs."""
    road = scene.road
    if not road.parking:
        return
    for side in (-1, 1):
        along, density = rng.uniform(-2, 6), rng.uniform(.25, .75)
        while along < min(end, 95):
            body = car(rng)
            if rng.random() < density and _free(road, along, 6):
                facing = 0 if (side > 0) != (rng.random() < .15) else np.pi
                scene.add(body, road.place(along, side * (road.half_width - 1.08 + rng.uniform(-.08, .12)),
                                           facing + rng.normal(0, .02)))
            along += body.size[2] + rng.uniform(.8, 4)


def _add_traffic(scene: Scene, rng: np.random.Generator, duration: float) -> None:
    """Cars that drive: oncoming, ahead in the camera's lane, or across on the side street."""
    road, ego = scene.road, scene.ego
    if road.crossing is None:
        if rng.random() < .25:
            return
        if rng.random() < .65:
            gap, beat = rng.uniform(8, 20), rng.uniform(0, 6)
            scene.add(car(rng), lambda time: road.place(
                ego.along(time) + gap + np.sin(.5 * time + beat), LANE + .1 * np.sin(.4 * time + beat)))
        speed, along = rng.uniform(5, 11), rng.uniform(14, 30)
        for _ in range(rng.integers(1, 5)):
            scene.add(car(rng), _driving(road, along, -speed, -LANE, np.pi))
            along += rng.uniform(9, 28)
        return
    for side in (-1, 1):
        speed, moment = rng.uniform(3.5, 8), rng.uniform(-.8, .3)
        for _ in range(1 + int(duration > 2) + rng.integers(2)):
            scene.add(car(rng), _crossing_car(road, side, speed, moment))
            moment += rng.uniform(7.5, 13) / speed
    along = road.crossing + road.side_half_width + rng.uniform(4, 7)
    for _ in range(rng.integers(0, 3)):
        scene.add(car(rng), road.place(along + 2, -LANE, np.pi))
        along += rng.uniform(6.5, 9)


def _driving(road: Road, along: float, speed: float, across: float, heading: float) -> Callable[[float], np.ndarray]:
    return lambda time: road.place(along + speed * time, across, heading)


def _crossing_car(road: Road, side: int, speed: float, moment: float) -> Callable[[float], np.ndarray]:
    """A car on the side street, bound to the right (side 1) in the near lane, or to the left in the far one."""
    lane = road.crossing - side * road.side_half_width / 2
    heading = side * np.pi / 2
    return lambda time: road.place(lane, side * speed * (time - moment), heading)


def _add_pedestrians(scene: Scene, rng: np.random.Generator, duration: float) -> None:
    """People on the sidewalks, alone and in groups, and people who cross the road."""
    road, ego = scene.road, scene.ego
    last = ego.along(duration)
    traffic = any(actor.moves for actor in scene.actors)
    for _ in range(2 + int(rng.uniform(.1, .2) * (last + 26))):
        side = rng.choice([-1, 1])
        along, inward = rng.uniform(5, last + 28), rng.uniform(.5, max(.6, road.sidewalk - 1.2))
        speed = 0.0 if rng.random() < .2 else rng.uniform(.9, 1.7) * rng.choice([-1, 1])
        if not all(_free(road, along + speed * time, 2) for time in (0, duration / 2, duration)):
            continue  # they would walk through the cars of the side street
        for k in range(rng.choice([1, 2, 3], p=[.55, .3, .15])):
            body = pedestrian(rng, abs(speed))
            at = along + rng.uniform(-.5, .5) if k == 0 else along + rng.uniform(-.9, .9)
            across = side * (road.half_width + inward + .62 * k)
            turned = rng.uniform(0, 2 * np.pi) if speed == 0 else (0 if speed > 0 else np.pi) + rng.normal(0, .06)
            scene.add(body, _driving(road, at, speed, across, turned), _walk(speed))
    if road.crossing is None:
        first, count = last + rng.uniform(8, 16), 0 if traffic else rng.integers(1, 4)
    else:
        first, count = road.crossing - road.side_half_width - rng.uniform(2, 4.5), rng.integers(2, 6)
    for k in range(count):
        direction, speed = rng.choice([-1, 1]), rng.uniform(.9, 1.8)
        start = -direction * rng.uniform(-2, road.half_width + .5)
        along = first + .75 * (k % 3) + rng.uniform(-.2, .2)
        scene.add(pedestrian(rng, speed), _crossing_walker(road, along, start, direction, speed), _walk(speed))


def _walk(speed: float) -> Callable[[float], float]:
    return lambda time: abs(speed) * time


def _crossing_walker(road: Road, along: float, start: float, direction: int, speed: float
                     ) -> Callable[[float], np.ndarray]:
    return lambda time: road.place(along, start + direction * speed * time, direction * np.pi / 2)
