"""How a street is drawn at random: its plan, its houses, its clutter, its traffic and its people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stc_pseudo.synthetic import clutter
from stc_pseudo.synthetic.car import car
from stc_pseudo.synthetic.pedestrian import pedestrian
from stc_pseudo.synthetic.road import Road
from stc_pseudo.synthetic.scene import LANE, Ego, Scene

VIEW_RANGE = 130.0  # metres that are built beyond the camera's last place
# The road turns by less than half a circle, lest it come back to where it was.
GREATEST_TURN = 2.6  # radians


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
    ego = _draw_ego(rng, crossing)
    end = ego.along(duration) + VIEW_RANGE
    road = _draw_road(rng, ego.along(np.inf) if crossing else None, end)
    azimuth, elevation, cloudy = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(28, 60)), rng.random()
    sun = np.array([np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    clear_sky, grey_sky = (
        np.array([[0.80, 0.86, 0.92], [0.42, 0.60, 0.86]]),
        np.array([[0.70, 0.74, 0.78], [0.56, 0.63, 0.75]]),
    )
    scene = Scene(
        road, ego, sun, (0.62 + 0.2 * cloudy, 0.55 - 0.35 * cloudy), clear_sky + cloudy * (grey_sky - clear_sky)
    )
    _add_houses(scene, rng, end)
    _add_clutter(scene, rng, end)
    _add_parked_cars(scene, rng, end)
    _add_traffic(scene, rng, duration)
    _add_pedestrians(scene, rng, duration)
    return scene


def _draw_ego(rng: np.random.Generator, stops: bool) -> Ego:
    speed = 0.0 if stops and rng.random() < 0.25 else rng.uniform(3, 11)
    return Ego(
        speed,
        rng.uniform(1.5, 5) if stops else None,
        surge=rng.uniform(0, 0.12) * speed,
        weave=rng.uniform(0, 0.25),
        pitch=np.deg2rad(rng.uniform(-0.3, 1.2)),
        phase=rng.uniform(0, 2 * np.pi),
    )


def _draw_road(rng: np.random.Generator, stop: float | None, end: float) -> Road:
    """A road; where the camera stops at `stop` metres along, it stops before a side street."""
    curvature = min(rng.uniform(1 / 260, 1 / 90), GREATEST_TURN / end) * rng.choice([0, 1, -1], p=[0.4, 0.3, 0.3])
    parking = rng.random() < (0.8 if stop is None else 0.5)
    side = rng.uniform(3.4, 4.4)
    verge = np.array([0.30, 0.36, 0.20] if rng.random() < 0.6 else [0.50, 0.47, 0.42]) * rng.uniform(0.8, 1.2)
    return Road(
        curvature if abs(curvature) > 1e-3 else 0.0,
        2 * LANE + (2.3 if parking else rng.uniform(0, 0.6)),
        rng.uniform(2.2, 4.2),
        None if stop is None else stop + rng.uniform(10, 15) + side,
        side,
        parking,
        tuple(verge),
        tuple(np.array([0.36, 0.36, 0.37]) * rng.uniform(0.75, 1.15)),
    )


def _free(road: Road, along: float, margin: float = 0.0) -> bool:
    """Whether that stretch of kerb is clear of the side street."""
    return road.crossing is None or abs(along - road.crossing) > road.side_half_width + margin


def _add_houses(scene: Scene, rng: np.random.Generator, end: float) -> None:
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
                if offset > 2 and rng.random() < 0.6:
                    scene.add(clutter.hedge(rng, max(2.0, length - 3)), road.place(middle, side * (edge + 0.5)))
                along += length + (rng.uniform(3, 9) if rng.random() < 0.35 else rng.uniform(0, 0.3))
        for along in np.arange(0, end, 36):
            scene.add(clutter.building(rng, 35, 10), road.place(along, side * rng.uniform(46, 52)))
        if road.crossing is not None:
            for far in (-1, 1):
                scene.add(
                    clutter.building(rng, 22, 10),
                    road.place(road.crossing + far * (gap + rng.uniform(6, 9)), side * (edge + 30), np.pi / 2),
                )
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
            if kind < 0.5 * planted:
                scene.add(clutter.tree(rng), road.place(at, side * (road.half_width + rng.uniform(0.6, 0.9))))
            elif kind < 0.5 * planted + 0.14:
                scene.add(clutter.lamp(rng), road.place(at, side * (road.half_width + 0.45), 0 if side > 0 else np.pi))
            elif kind < 0.5 * planted + 0.26:
                scene.add(clutter.sign(rng), road.place(at, side * (road.half_width + 0.45), 0 if side > 0 else np.pi))
            elif kind < 0.5 * planted + 0.36:
                scene.add(
                    clutter.rubbish_bin(rng),
                    road.place(at, side * (road.half_width + road.sidewalk - 0.5), -side * np.pi / 2),
                )


def _add_parked_cars(scene: Scene, rng: np.random.Generator, end: float) -> None:
    """Cars along the kerbs."""
    road = scene.road
    if not road.parking:
        return
    for side in (-1, 1):
        along, density = rng.uniform(-2, 6), rng.uniform(0.25, 0.65)
        while along < end - 40:
            body = car(rng)
            if rng.random() < density and _free(road, along, 6):
                facing = 0 if (side > 0) != (rng.random() < 0.15) else np.pi
                scene.add(
                    body,
                    road.place(
                        along, side * (road.half_width - 1.08 + rng.uniform(-0.08, 0.12)), facing + rng.normal(0, 0.02)
                    ),
                )
            along += body.size[2] + rng.uniform(0.8, 4)


def _add_traffic(scene: Scene, rng: np.random.Generator, duration: float) -> None:
    """Cars that drive: oncoming, ahead in the camera's lane, or across on the side street."""
    road, ego = scene.road, scene.ego
    if road.crossing is None:
        if road.parking and rng.random() < 0.25:
            return
        if rng.random() < 0.65:
            gap, beat = rng.uniform(8, 20), rng.uniform(0, 6)
            scene.add(
                car(rng),
                lambda time: road.place(
                    ego.along(time) + gap + np.sin(0.5 * time + beat), LANE + 0.1 * np.sin(0.4 * time + beat)
                ),
            )
        speed, along = rng.uniform(5, 11), rng.uniform(14, 30)
        while along < 50 + (speed + ego.speed) * duration:
            scene.add(car(rng), _driving(road, along, -speed, -LANE, np.pi))
            along += rng.uniform(9, 40)
        return
    for side in (-1, 1):
        speed, moment = rng.uniform(3.5, 8), rng.uniform(-0.8, 0.3)
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
    for _ in range(2 + int(rng.uniform(0.07, 0.16) * (last + 26))):
        side = rng.choice([-1, 1])
        along, inward = rng.uniform(5, last + 28), rng.uniform(0.5, max(0.6, road.sidewalk - 1.2))
        speed = 0.0 if rng.random() < 0.2 else rng.uniform(0.9, 1.7) * rng.choice([-1, 1])
        if not all(_free(road, along + speed * time, 2) for time in (0, duration / 2, duration)):
            continue  # they would walk through the cars of the side street
        for k in range(rng.choice([1, 2, 3], p=[0.55, 0.3, 0.15])):
            body = pedestrian(rng, abs(speed))
            at = along + rng.uniform(-0.5, 0.5) if k == 0 else along + rng.uniform(-0.9, 0.9)
            across = side * (road.half_width + inward + 0.62 * k)
            turned = rng.uniform(0, 2 * np.pi) if speed == 0 else (0 if speed > 0 else np.pi) + rng.normal(0, 0.06)
            scene.add(body, _driving(road, at, speed, across, turned), _walk(speed))
    if road.crossing is None:
        first, count = last + rng.uniform(8, 16), 0 if traffic else rng.integers(1, 4)
    else:
        first, count = road.crossing - road.side_half_width - rng.uniform(2, 4.5), rng.integers(2, 6)
    for k in range(count):
        direction, speed = rng.choice([-1, 1]), rng.uniform(0.9, 1.8)
        start = -direction * rng.uniform(-2, road.half_width + 0.5)
        along = first + 0.75 * (k % 3) + rng.uniform(-0.2, 0.2)
        scene.add(pedestrian(rng, speed), _crossing_walker(road, along, start, direction, speed), _walk(speed))


def _walk(speed: float) -> Callable[[float], float]:
    return lambda time: abs(speed) * time


def _crossing_walker(
    road: Road, along: float, start: float, direction: int, speed: float
) -> Callable[[float], np.ndarray]:
    return lambda time: road.place(along, start + direction * speed * time, direction * np.pi / 2)
