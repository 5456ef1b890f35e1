"""What stands in the street and has no mask: trees, lamps, signs, bins, hedges and houses."""

from __future__ import annotations

import numpy as np

from stc_pseudo.synthetic.body import Body, pick
from stc_pseudo.synthetic.camera import turn
from stc_pseudo.synthetic.primitives import Material, box, cone, ellipsoid, frustum

_LEAVES, _ROOFS = np.array([[0.20, 0.30, 0.12]]), np.array([[0.42, 0.26, 0.20], [0.34, 0.32, 0.32]])
_STONE, _HEDGE = np.array([[0.52, 0.48, 0.44]]), np.array([[0.17, 0.27, 0.11]])
_SIGNS = np.array([[0.10, 0.22, 0.60], [0.85, 0.85, 0.85], [0.75, 0.10, 0.10], [0.85, 0.70, 0.10]])
_BINS = np.array([[0.20, 0.24, 0.26], [0.16, 0.32, 0.20], [0.36, 0.26, 0.18], [0.20, 0.26, 0.45]])
_WALLS = np.array(
    [
        [0.62, 0.52, 0.44],
        [0.70, 0.66, 0.58],
        [0.52, 0.34, 0.27],
        [0.60, 0.60, 0.60],
        [0.74, 0.66, 0.50],
        [0.50, 0.52, 0.54],
    ]
)


def tree(rng: np.random.Generator) -> Body:
    """A trunk under some balls of leaves."""
    trunk, radius = rng.uniform(1.8, 3), rng.uniform(1, 1.9)
    leaves = np.array([pick(rng, _LEAVES, 0.3, 0.04)])
    solids = [cone((0, -trunk / 2, 0), (0.13, trunk / 2 + 0.3, 0.13), (0.27, 0.22, 0.18), taper=-0.2, grain=0.4)]
    for _ in range(9):
        offset = rng.normal(0, 0.42, 3).clip(-0.8, 0.8) * radius - [0, trunk + 0.8 * radius, 0]
        r = rng.uniform(0.35, 0.62) * radius
        solids.append(ellipsoid(offset, (r, r * 0.85, r), pick(rng, leaves, 0.25), grain=0.9, grain_size=0.22))
    return Body(tuple(solids), (trunk + 2 * radius, 2 * radius, 2 * radius), shadow=0.35)


def lamp(rng: np.random.Generator) -> Body:
    """A street lamp whose arm reaches towards -x."""
    height, grey = rng.uniform(5, 7), (rng.uniform(0.25, 0.5),) * 3
    solids = (
        cone((0, -height / 2, 0), (0.075, height / 2, 0.075), grey, taper=-0.25, grain=0.2),
        box((-1.3, 0.05), (-height - 0.06, -height + 0.04), (-0.05, 0.05), grey),
        box((-1.6, -1.0), (-height - 0.09, -height + 0.08), (-0.12, 0.12), (0.6, 0.6, 0.58)),
    )
    return Body(solids, (height, 0.2, 0.2), shadow=0.2)


def sign(rng: np.random.Generator) -> Body:
    """A traffic sign, round or square, that faces -z."""
    height, half, face = rng.uniform(2.1, 2.7), rng.uniform(0.28, 0.38), pick(rng, _SIGNS)
    if rng.random() < 0.5:
        plate = cone((0, half - height, -0.05), (half, 0.015, half), face, rotation=turn(0, np.pi / 2), grain=0.3)
    else:
        plate = box((-half, half), (-height, 2 * half - height), (-0.065, -0.035), face, grain=0.3)
    return Body(
        (cone((0, -height / 2, 0), (0.035, height / 2, 0.035), (0.5, 0.5, 0.5)), plate),
        (height, 2 * half, 0.1),
        shadow=0.15,
    )


def rubbish_bin(rng: np.random.Generator) -> Body:
    """A wheeled bin with a lid."""
    colour = pick(rng, _BINS)
    solids = (
        frustum((-0.22, 0.22, -0.26, 0.26), (-0.29, 0.29, -0.34, 0.34), (-1.0, -0.06), colour, grain=0.2),
        box((-0.3, 0.3), (-1.08, -1.0), (-0.36, 0.36), tuple(0.8 * np.array(colour)), grain=0.2),
    )
    return Body(solids, (1.08, 0.6, 0.7), shadow=0.5)


def hedge(rng: np.random.Generator, length: float) -> Body:
    """A hedge or a garden wall along z."""
    height, stone = rng.uniform(0.8, 1.9), rng.random() < 0.4
    colour = pick(rng, _STONE if stone else _HEDGE, 0.25)
    return Body(
        (
            box(
                (-0.3, 0.3),
                (-height, 0),
                (-length / 2, length / 2),
                colour,
                grain=0.35 if stone else 0.8,
                grain_size=0.5 if stone else 0.4,
            ),
        ),
        (height, 0.6, length),
        shadow=0.3,
    )


def building(rng: np.random.Generator, length: float, depth: float) -> Body:
    """A house with a front of `length` metres along z, `depth` metres deep."""
    height, ridge, x, z = rng.uniform(6, 16), rng.uniform(0.3, 3.5), depth / 2, length / 2
    wall = box(
        (-x, x),
        (-height, 0.05),
        (-z, z),
        pick(rng, _WALLS, 0.18, 0.03),
        grain=rng.uniform(0.12, 0.3),
        material=Material.FACADE,
    )
    roof = frustum(
        (-x - 0.3, x + 0.3, -z, z),
        (-0.5, 0.5, -z, z),
        (-height - ridge, -height),
        pick(rng, _ROOFS, 0.35),
        grain=0.35,
        grain_size=0.5,
    )
    return Body((wall, roof), (height, depth, length))
