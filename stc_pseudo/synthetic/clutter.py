"""What stands in the street and has no mask: trees, lamps, signs, bins, hedges and houses."""

from __future__ import annotations

import numpy as np

from stc_pseudo.synthetic.body import Body, pick
from stc_pseudo.synthetic.camera import turn
from stc_pseudo.synthetic.primitives import Material, box, cone, ellipsoid, frustum

_LEAVES, _ROOFS = np.array([[.20, .30, .12]]), np.array([[.42, .26, .20], [.34, .32, .32]])
_STONE, _HEDGE = np.array([[.52, .48, .44]]), np.array([[.17, .27, .11]])
_SIGNS = np.array([[.10, .22, .60], [.85, .85, .85], [.75, .10, .10], [.85, .70, .10]])
_BINS = np.array([[.20, .24, .26], [.16, .32, .20], [.36, .26, .18], [.20, .26, .45]])
_WALLS = np.array([
    [.62, .52, .44], [.70, .66, .58], [.52, .34, .27], [.60, .60, .60], [.74, .66, .50], [.50, .52, .54]])


def tree(rng: np.random.Generator) -> Body:
    """A trunk under some balls of leaves."""
    trunk, radius = rng.uniform(1.8, 3), rng.uniform(1, 1.9)
    leaves = np.array([pick(rng, _LEAVES, .3, .04)])
    solids = [cone((0, -trunk / 2, 0), (.13, trunk / 2 + .3, .13), (.27, .22, .18), taper=-.2, grain=.4)]
    for _ in range(9):
        offset = rng.normal(0, .42, 3).clip(-.8, .8) * radius - [0, trunk + .8 * radius, 0]
        r = rng.uniform(.35, .62) * radius
        solids.append(ellipsoid(offset, (r, r * .85, r), pick(rng, leaves, .25), grain=.9, grain_size=.22))
    return Body(tuple(solids), (trunk + 2 * radius, 2 * radius, 2 * radius), shadow=.35)


def lamp(rng: np.random.Generator) -> Body:
    """A street lamp whose arm reaches towards -x."""
    height, grey = rng.uniform(5, 7), (rng.uniform(.25, .5),) * 3
    solids = (cone((0, -height / 2, 0), (.075, height / 2, .075), grey, taper=-.25, grain=.2),
              box((-1.3, .05), (-height - .06, -height + .04), (-.05, .05), grey),
              box((-1.6, -1.0), (-height - .09, -height + .08), (-.12, .12), (.6, .6, .58)))
    return Body(solids, (height, .2, .2), shadow=.2)


def sign(rng: np.random.Generator) -> Body:
    """A traffic sign, round or square, that faces -z."""
    height, half, face = rng.uniform(2.1, 2.7), rng.uniform(.28, .38), pick(rng, _SIGNS)
    if rng.random() < .5:
        plate = cone((0, half - height, -.05), (half, .015, half), face, rotation=turn(0, np.pi / 2), grain=.3)
    else:
        plate = box((-half, half), (-height, 2 * half - height), (-.065, -.035), face, grain=.3)
    return Body((cone((0, -height / 2, 0), (.035, height / 2, .035), (.5, .5, .5)), plate), (height, 2 * half, .1),
                shadow=.15)


def rubbish_bin(rng: np.random.Generator) -> Body:
    """A wheeled bin with a lid."""
    colour = pick(rng, _BINS)
    solids = (frustum((-.22, .22, -.26, .26), (-.29, .29, -.34, .34), (-1.0, -.06), colour, grain=.2),
              box((-.3, .3), (-1.08, -1.0), (-.36, .36), tuple(.8 * np.array(colour)), grain=.2))
    return Body(solids, (1.08, .6, .7), shadow=.5)


def hedge(rng: np.random.Generator, length: float) -> Body:
    """A hedge or a garden wall along z."""
    height, stone = rng.uniform(.8, 1.9), rng.random() < .4
    colour = pick(rng, _STONE if stone else _HEDGE, .25)
    return Body((box((-.3, .3), (-height, 0), (-length / 2, length / 2), colour, grain=.35 if stone else .8,
                     grain_size=.5 if stone else .4),), (height, .6, length), shadow=.3)


def building(rng: np.random.Generator, length: float, depth: float) -> Body:
    """A house with a front of `length` metres along z, `depth` metres deep."""
    height, ridge, x, z = rng.uniform(6, 16), rng.uniform(.3, 3.5), depth / 2, length / 2
    wall = box((-x, x), (-height, .05), (-z, z), pick(rng, _WALLS, .18, .03), grain=rng.uniform(.12, .3),
               material=Material.FACADE)
    roof = frustum((-x - .3, x + .3, -z, z), (-.5, .5, -z, z), (-height - ridge, -height), pick(rng, _ROOFS, .35),
                   grain=.35, grain_size=.5)
    return Body((wall, roof), (height, depth, length))
