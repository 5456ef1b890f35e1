"""Cars of five shapes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stc_pseudo.synthetic.body import CAR, Body, Colour, pick
from stc_pseudo.synthetic.camera import turn
from stc_pseudo.synthetic.primitives import Solid, box, cone, frustum

_PAINTS = np.array([
    [.86, .86, .84], [.62, .64, .66], [.33, .34, .37], [.12, .12, .14], [.16, .25, .45], [.55, .10, .10],
    [.14, .28, .20], [.68, .60, .46], [.75, .52, .14], [.30, .46, .60]])
_GLASS, _RUBBER, _PLASTIC, _HUB = (.10, .13, .16), (.06, .06, .06), (.13, .13, .14), (.55, .56, .58)
_HEAD_LIGHT, _TAIL_LIGHT, _PLATE = (.92, .92, .86), (.62, .06, .05), (.85, .85, .80)


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
    clearance: float = .14
    belt: float = .62
    wheel: float = .345
    pillar: float = .1


_HATCHBACK = _Shape(.3, 3.9, 1.72, 1.47, (.01, .10, .54, .73))
_SALOON = _Shape(.3, 4.55, 1.80, 1.44, (.13, .27, .54, .72))
_ESTATE = _Shape(.15, 4.6, 1.80, 1.48, (.01, .06, .55, .73))
_SUV = _Shape(.15, 4.4, 1.86, 1.68, (.01, .07, .56, .73), clearance=.17, belt=.60, wheel=.368)
_VAN = _Shape(.1, 4.9, 1.94, 1.98, (.005, .03, .70, .84), clearance=.17, belt=.52, pillar=.25)
_SHAPES = (_HATCHBACK, _SALOON, _ESTATE, _SUV, _VAN)


def car(rng: np.random.Generator) -> Body:
    """A car of some shape with its own measures and paint."""
    shape = _SHAPES[rng.choice(len(_SHAPES), p=[shape.weight for shape in _SHAPES])]
    length, width, height = np.array([shape.length, shape.width, shape.height]) * rng.uniform(.95, 1.05, 3)
    paint = pick(rng, _PAINTS, .15, .03)
    trim = paint if rng.random() < .6 else _PLASTIC
    w, h = width / 2, length / 2
    clear, belt = shape.clearance * height, shape.belt * height
    waist = (clear + belt) / 2 + .04
    tail, roof_tail, roof_nose, nose = (share * length - h for share in shape.cabin)
    coat, dull = {"grain": .07, "grain_size": .6}, {"grain": .15, "grain_size": .12}

    def cabin(below: float, above: float, grow_x: float, grow_z: float, colour: Colour) -> Solid:
        """The cabin, cut by so many metres below and above, and grown sideways and lengthways."""
        base, roof = np.array([-.94 * w, .94 * w, tail, nose]), np.array([-.76 * w, .76 * w, roof_tail, roof_nose])
        grow = np.array([-grow_x, grow_x, -grow_z, grow_z])
        low, high = below / (height - belt), 1 - above / (height - belt)
        return frustum(base + (roof - base) * low + grow, base + (roof - base) * high + grow,
                       (above - height, .005 - belt - below), colour, **coat)

    pane = .13 * (height - belt)
    pillar = (roof_tail + roof_nose) / 2 + shape.pillar * (roof_nose - roof_tail) + np.array([-.06, .06])
    solids = [
        frustum((-.97 * w, .97 * w, -.97 * h, .96 * h), (-w, w, -h, h), (-waist, -clear), paint, **coat),
        frustum((-w, w, -h, h), (-.93 * w, .93 * w, -.98 * h, .90 * h), (-belt, -waist), paint, **coat),
        cabin(0, 0, 0, 0, paint),
        # Glass stands a little out of the cabin where there is a window, and back where there is none.
        cabin(.03, pane, .012, -.16 * (roof_nose - roof_tail), _GLASS),
        cabin(.03, pane, -.10 * width, .015, _GLASS),
        frustum((-.94 * w - .02, .94 * w + .02, *pillar), (-.76 * w - .02, .76 * w + .02, *pillar), (-height, -belt),
                paint, **coat),
        box((-.9 * w, .9 * w), (-clear - .18, -clear + .02), (-h - .02, .3 - h), trim, **dull),
        box((-.9 * w, .9 * w), (-clear - .18, -clear + .02), (h - .3, h + .02), trim, **dull),
        box((-.5 * w, .5 * w), (-waist - .06, -waist + .07), (h - .2, h + .012), _PLASTIC, **dull),
        box((-.26, .26), (-waist + .09, -waist + .20), (-h - .03, h + .03), _PLATE, **dull),
    ]
    radius, across = shape.wheel * belt, turn(2, np.pi / 2)
    for side in (-1, 1):
        lamp, mirror = sorted((side * .58 * w, side * .965 * w)), sorted((side * .9 * w, side * (w + .16)))
        solids += [box(lamp, (-waist - .10, -waist + .05), (h - .25, h + .006), _HEAD_LIGHT, **dull),
                   box(lamp, (-belt + .06, -waist + .02), (-h - .006, .25 - h), _TAIL_LIGHT, **dull),
                   box(mirror, (-belt - .16, -belt), (nose - .42, nose - .30), paint, **dull)]
        for axle in (-.60 * h, .62 * h):
            solids += [cone((side * (w - .09), -radius, axle), (radius, .11, radius), _RUBBER, rotation=across, **dull),
                       cone((side * (w - .07), -radius, axle), (.62 * radius, .105, .62 * radius), _HUB,
                            rotation=across, **dull)]
    return Body(tuple(solids), (height, width, length), class_id=CAR, shadow=.75)
