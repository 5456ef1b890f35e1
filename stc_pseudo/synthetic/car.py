"""Cars of five shapes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stc_pseudo.synthetic.body import CAR, Body, Colour, pick
from stc_pseudo.synthetic.camera import turn
from stc_pseudo.synthetic.primitives import Solid, box, cone, frustum

_PAINTS = np.array(
    [
        [0.86, 0.86, 0.84],
        [0.62, 0.64, 0.66],
        [0.33, 0.34, 0.37],
        [0.12, 0.12, 0.14],
        [0.16, 0.25, 0.45],
        [0.55, 0.10, 0.10],
        [0.14, 0.28, 0.20],
        [0.68, 0.60, 0.46],
        [0.75, 0.52, 0.14],
        [0.30, 0.46, 0.60],
    ]
)
_GLASS, _RUBBER, _PLASTIC, _HUB = (0.10, 0.13, 0.16), (0.06, 0.06, 0.06), (0.13, 0.13, 0.14), (0.55, 0.56, 0.58)
_HEAD_LIGHT, _TAIL_LIGHT, _PLATE = (0.92, 0.92, 0.86), (0.62, 0.06, 0.05), (0.85, 0.85, 0.80)


class _Shape(NamedTuple):
    """One kind of car.

    Attributes:
        weight: how often it is drawn.
        length, width, height: metres.
        cabin: shares of the length from the tail at which the rear window meets body and roof, and the windscreen meets
            roof and body.
        clearance, belt: shares of the height at which the body begins, and the windows.
        wheel: radius as a share of the belt's height.
        pillar: where the middle pillar stands, as a share of the roof's length before its middle.
    """

    weight: float
    length: float
    width: float
    height: float
    cabin: tuple[float, float, float, float]
    clearance: float = 0.14
    belt: float = 0.62
    wheel: float = 0.345
    pillar: float = 0.1


_HATCHBACK = _Shape(0.3, 3.9, 1.72, 1.47, (0.01, 0.10, 0.54, 0.73))
_SALOON = _Shape(0.3, 4.55, 1.80, 1.44, (0.13, 0.27, 0.54, 0.72))
_ESTATE = _Shape(0.15, 4.6, 1.80, 1.48, (0.01, 0.06, 0.55, 0.73))
_SUV = _Shape(0.15, 4.4, 1.86, 1.68, (0.01, 0.07, 0.56, 0.73), clearance=0.17, belt=0.60, wheel=0.368)
_VAN = _Shape(0.1, 4.9, 1.94, 1.98, (0.005, 0.03, 0.70, 0.84), clearance=0.17, belt=0.52, pillar=0.25)
_SHAPES = (_HATCHBACK, _SALOON, _ESTATE, _SUV, _VAN)


def car(rng: np.random.Generator) -> Body:
    """A car of some shape with its own measures and paint."""
    shape = _SHAPES[rng.choice(len(_SHAPES), p=[shape.weight for shape in _SHAPES])]
    length, width, height = np.array([shape.length, shape.width, shape.height]) * rng.uniform(0.95, 1.05, 3)
    paint = pick(rng, _PAINTS, 0.15, 0.03)
    trim = paint if rng.random() < 0.6 else _PLASTIC
    w, h = width / 2, length / 2
    clear, belt = shape.clearance * height, shape.belt * height
    waist = (clear + belt) / 2 + 0.04
    tail, roof_tail, roof_nose, nose = (share * length - h for share in shape.cabin)
    coat, dull = {"grain": 0.07, "grain_size": 0.6}, {"grain": 0.15, "grain_size": 0.12}

    def cabin(below: float, above: float, grow_x: float, grow_z: float, colour: Colour) -> Solid:
        """The cabin, cut by so many metres below and above, and grown sideways and lengthways."""
        base, roof = np.array([-0.94 * w, 0.94 * w, tail, nose]), np.array([-0.76 * w, 0.76 * w, roof_tail, roof_nose])
        grow = np.array([-grow_x, grow_x, -grow_z, grow_z])
        low, high = below / (height - belt), 1 - above / (height - belt)
        return frustum(
            base + (roof - base) * low + grow,
            base + (roof - base) * high + grow,
            (above - height, 0.005 - belt - below),
            colour,
            **coat,
        )

    pane = 0.13 * (height - belt)
    pillar = (roof_tail + roof_nose) / 2 + shape.pillar * (roof_nose - roof_tail) + np.array([-0.06, 0.06])
    solids = [
        frustum((-0.97 * w, 0.97 * w, -0.97 * h, 0.96 * h), (-w, w, -h, h), (-waist, -clear), paint, **coat),
        frustum((-w, w, -h, h), (-0.93 * w, 0.93 * w, -0.98 * h, 0.90 * h), (-belt, -waist), paint, **coat),
        cabin(0, 0, 0, 0, paint),
        # Glass stands a little out of the cabin where there is a window, and back where there is none.
        cabin(0.03, pane, 0.012, -0.16 * (roof_nose - roof_tail), _GLASS),
        cabin(0.03, pane, -0.10 * width, 0.015, _GLASS),
        frustum(
            (-0.94 * w - 0.02, 0.94 * w + 0.02, *pillar),
            (-0.76 * w - 0.02, 0.76 * w + 0.02, *pillar),
            (-height, -belt),
            paint,
            **coat,
        ),
        box((-0.9 * w, 0.9 * w), (-clear - 0.18, -clear + 0.02), (-h - 0.02, 0.3 - h), trim, **dull),
        box((-0.9 * w, 0.9 * w), (-clear - 0.18, -clear + 0.02), (h - 0.3, h + 0.02), trim, **dull),
        box((-0.5 * w, 0.5 * w), (-waist - 0.06, -waist + 0.07), (h - 0.2, h + 0.012), _PLASTIC, **dull),
        box((-0.26, 0.26), (-waist + 0.09, -waist + 0.20), (-h - 0.03, h + 0.03), _PLATE, **dull),
    ]
    radius, across = shape.wheel * belt, turn(2, np.pi / 2)
    for side in (-1, 1):
        lamp, mirror = sorted((side * 0.58 * w, side * 0.965 * w)), sorted((side * 0.9 * w, side * (w + 0.16)))
        solids += [
            box(lamp, (-waist - 0.10, -waist + 0.05), (h - 0.25, h + 0.006), _HEAD_LIGHT, **dull),
            box(lamp, (-belt + 0.06, -waist + 0.02), (-h - 0.006, 0.25 - h), _TAIL_LIGHT, **dull),
            box(mirror, (-belt - 0.16, -belt), (nose - 0.42, nose - 0.30), paint, **dull),
        ]
        for axle in (-0.60 * h, 0.62 * h):
            solids += [
                cone((side * (w - 0.09), -radius, axle), (radius, 0.11, radius), _RUBBER, rotation=across, **dull),
                cone(
                    (side * (w - 0.07), -radius, axle),
                    (0.62 * radius, 0.105, 0.62 * radius),
                    _HUB,
                    rotation=across,
                    **dull,
                ),
            ]
    return Body(tuple(solids), (height, width, length), class_id=CAR, shadow=0.75)
