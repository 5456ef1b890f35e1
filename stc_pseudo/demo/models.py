"""What stands in the street: cars, pedestrians and clutter, each a handful of solids about a point on the ground."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stc_pseudo.demo.camera import compose, rigid, turn
from stc_pseudo.demo.primitives import Material, Solid, box, cone, ellipsoid, frustum

CAR, PEDESTRIAN = 1, 2
Colour = tuple[float, float, float]

_PAINTS = np.array([[.86, .86, .84], [.62, .64, .66], [.33, .34, .37], [.12, .12, .14], [.16, .25, .45], [.55, .10, .10],
                    [.14, .28, .20], [.68, .60, .46], [.75, .52, .14], [.30, .46, .60]])
_CLOTHES = np.array([[.13, .14, .18], [.20, .26, .42], [.45, .12, .14], [.55, .52, .46], [.28, .34, .22], [.70, .68, .64],
                     [.60, .42, .20], [.36, .22, .36], [.18, .40, .44], [.80, .66, .30]])
_SKINS = np.array([[.80, .62, .52], [.70, .50, .38], [.48, .32, .24], [.86, .70, .60]])
_HAIR = np.array([[.10, .08, .07], [.28, .18, .10], [.55, .42, .24], [.45, .44, .43]])
_GLASS, _RUBBER, _PLASTIC = (.10, .13, .16), (.06, .06, .06), (.13, .13, .14)


@dataclass(frozen=True, eq=False)
class Body:
    """Solids that move as one, or as jointed limbs.

    Attributes:
        solids: its primitives; their `pose` is that at rest.
        size: (height, width, length) in metres, as KITTI's labels give it.
        gait: of a walker, else None.
        class_id: 1 car, 2 pedestrian, 0 clutter that has no mask.
        shadow: strength of the contact shadow, 0..1.
    """

    solids: tuple[Solid, ...]
    size: tuple[float, float, float]
    gait: Gait | None = None
    class_id: int = 0
    shadow: float = 0.0

    def poses(self, walked: float) -> np.ndarray:
        """(N, 3, 4): every solid's pose in the body's frame, after walking so many metres."""
        return np.stack([s.pose for s in self.solids]) if self.gait is None else self.gait.poses(walked)


def car(rng: np.random.Generator) -> Body:
    """A hatchback, saloon, estate, SUV or van with its own measures and paint; it faces +z."""
    shape = rng.choice(5, p=[.3, .3, .15, .15, .1])
    length, width, height = np.array([[3.9, 1.72, 1.47], [4.55, 1.80, 1.44], [4.6, 1.80, 1.48], [4.4, 1.86, 1.68],
                                      [4.9, 1.94, 1.98]])[shape] * rng.uniform(.95, 1.05, 3)
    # Shares of the length, from the tail: where the rear window meets body and roof, where the windscreen meets roof and body.
    tail, roof_tail, roof_nose, nose = ((.01, .10, .54, .73), (.13, .27, .54, .72), (.01, .06, .55, .73),
                                        (.01, .07, .56, .73), (.005, .03, .70, .84))[shape]
    paint = tuple(np.clip(_PAINTS[rng.integers(len(_PAINTS))] * rng.uniform(.85, 1.15) + rng.uniform(-.03, .03, 3), .04, .95))
    trim = paint if rng.random() < .6 else _PLASTIC
    clear, belt = height * (.14 if shape < 3 else .17), height * (.62 if shape < 3 else .60 if shape == 3 else .52)
    bumper, w, l = (clear + belt) / 2 + .04, width / 2, length / 2
    at = [share * length - l for share in (tail, roof_tail, roof_nose, nose)]
    pane = (height - belt) * .13
    pillar = (at[1] + at[2]) / 2 + np.array([-.06, .06]) + (.1 if shape != 4 else .25) * (at[2] - at[1])
    coat = dict(grain=.07, grain_size=.6)
    dull = dict(grain=.15, grain_size=.12)

    def cabin(inset: tuple[float, float], grow: tuple[float, float], colour: Colour, **texture: float) -> Solid:
        """The cabin's frustum, cut by `inset` above and below and moved out by `grow` in x and z."""
        low, high = (inset[0] / (height - belt)), (inset[1] / (height - belt))
        roof = (-w * .76, w * .76, at[1], at[2])
        base = (-w * .94, w * .94, at[0], at[3])
        lower, upper = ([b + (r - b) * s for b, r in zip(base, roof, strict=True)] for s in (low, 1 - high))
        out = (-grow[0], grow[0], -grow[1], grow[1])
        return frustum(tuple(np.add(lower, out)), tuple(np.add(upper, out)), (-height + inset[1], -belt - inset[0] + .005),
                       colour, **texture)

    solids = [
        frustum((-w * .97, w * .97, -l * .97, l * .96), (-w, w, -l, l), (-bumper, -clear), paint, **coat),
        frustum((-w, w, -l, l), (-w * .93, w * .93, -l * (.975 if shape else .99), l * .90), (-belt, -bumper), paint, **coat),
        cabin((0, 0), (0, 0), paint, **coat),
        cabin((.03, pane), (.012, -.16 * (at[2] - at[1])), _GLASS, **coat),
        cabin((.03, pane), (-.10 * width, .015), _GLASS, **coat),
        frustum((-w * .94 - .02, w * .94 + .02, *pillar), (-w * .76 - .02, w * .76 + .02, *pillar), (-height, -belt), paint,
                **coat),
        box((-w * .9, w * .9), (-clear - .18, -clear + .02), (-l - .02, -l + .3), trim, **dull),
        box((-w * .9, w * .9), (-clear - .18, -clear + .02), (l - .3, l + .02), trim, **dull),
        box((-w * .5, w * .5), (-bumper - .06, -bumper + .07), (l - .2, l + .012), _PLASTIC, **dull),
        box((-.26, .26), (-bumper + .09, -bumper + .20), (-l - .03, l + .03), (.85, .85, .80), **dull),
    ]
    for side in (-1, 1):
        inner, outer = sorted((side * w * .58, side * w * .965))
        solids += [box((inner, outer), (-bumper - .10, -bumper + .05), (l - .25, l + .006), (.92, .92, .86), **dull),
                   box((inner, outer), (-belt + .06, -bumper + .02), (-l - .006, -l + .25), (.62, .06, .05), **dull),
                   box(tuple(sorted((side * w * .9, side * (w + .16)))), (-belt - .16, -belt),
                       (at[3] - .42, at[3] - .30), paint, **dull)]
    radius = .46 * belt * (.80 if shape == 3 else .75)
    for side in (-1, 1):
        for axle in (-.60, .62):
            centre = (side * (w - .09), -radius, axle * l)
            solids += [cone(centre, (radius, .11, radius), _RUBBER, rotation=turn(2, np.pi / 2), **dull),
                       cone((side * (w - .07), -radius, axle * l), (radius * .62, .105, radius * .62), (.55, .56, .58),
                            rotation=turn(2, np.pi / 2), **dull)]
    return Body(tuple(solids), (height, width, length), class_id=CAR, shadow=.75)


@dataclass(frozen=True)
class Gait:
    """A walker's joints: hips and shoulders swing with the way walked, knees and elbows bend.

    Attributes:
        scale: stature over 1.7 m.
        swing: greatest angle of the thigh, radians; 0 stands still.
        stride: metres from one step of a foot to its next.
        phase: radians at the start.
        elbow: bend, radians.
        rest: poses of the solids that do not bend, (n, 3, 4); limbs follow in the order of `pedestrian`.
    """

    scale: float
    swing: float
    stride: float
    phase: float
    elbow: float
    rest: np.ndarray

    THIGH, SHIN, UPPER_ARM, FOREARM = .43, .44, .30, .27

    def poses(self, walked: float) -> np.ndarray:
        """(N, 3, 4): every solid's pose in the walker's frame, whose origin is on the ground between the feet."""
        phase = self.phase + 2 * np.pi * walked / self.stride
        limbs, reach = [], 0.0
        for side in (-1, 1):
            thigh = side * self.swing * np.sin(phase) + .1 * self.swing
            knee = 1.3 * self.swing * max(0.0, side * np.cos(phase)) + .08
            hip = rigid(turn(0, thigh), (side * .095 * self.scale, 0, 0))
            limbs += self._limb(hip, self.THIGH, self.SHIN, -knee)
            foot = compose(limbs[-1], rigid(turn(0, .6 * knee), (0, (self.SHIN / 2 + .02) * self.scale, .05 * self.scale)))
            limbs.append(foot)
            reach = max(reach, foot[1, 3] + .04 * self.scale)
        for side in (-1, 1):
            arm = -.85 * side * self.swing * np.sin(phase)
            outward = turn(2, -side * .07) @ turn(0, arm)
            limbs += self._limb(rigid(outward, (side * .21 * self.scale, -.50 * self.scale, 0)), self.UPPER_ARM,
                                self.FOREARM, self.elbow + .3 * max(0.0, arm))
            limbs.append(compose(limbs[-1], rigid(translation=(0, (self.FOREARM / 2 + .05) * self.scale, 0))))
        return compose(rigid(translation=(0, -reach, 0)), np.concatenate([self.rest, np.stack(limbs)]))

    def _limb(self, joint: np.ndarray, upper: float, lower: float, bend: float) -> list[np.ndarray]:
        upper, lower = upper * self.scale, lower * self.scale
        elbow = compose(joint, rigid(turn(0, bend), (0, upper, 0)))
        return [compose(joint, rigid(translation=(0, upper / 2, 0))), compose(elbow, rigid(translation=(0, lower / 2, 0)))]


def pedestrian(rng: np.random.Generator, speed: float) -> Body:
    """A person of some stature in some clothes, walking towards +z at `speed` metres a second (0: standing)."""
    child = rng.random() < .12
    scale = (rng.uniform(.66, .8) if child else rng.uniform(.92, 1.09))
    girth = rng.uniform(.88, 1.25)
    top, legs, shoes = (tuple(np.clip(_CLOTHES[rng.integers(len(_CLOTHES))] * rng.uniform(.8, 1.2), .03, .95)) for _ in range(3))
    skin, hair = tuple(_SKINS[rng.integers(len(_SKINS))]), tuple(_HAIR[rng.integers(len(_HAIR))])
    sleeve = top if rng.random() < .75 else skin
    shin = legs if rng.random() < .8 else skin
    cloth = dict(grain=rng.uniform(.10, .3), grain_size=rng.uniform(.06, .25))
    smooth = dict(grain=.08, grain_size=.1)

    def stub(radius: float, length: float, colour: Colour, taper: float = -.15, **texture: float) -> Solid:
        return cone((0, 0, 0), (radius * girth, length / 2, radius * girth), colour, taper=taper, **texture)

    # In the frame of the hips (y = 0), for a stature of 1.7 m; scaled below.
    trunk = [ellipsoid((0, -.77, .01), (.085, .125, .105), skin, **smooth),
             ellipsoid((0, -.805, -.025), (.094, .115, .105), hair, **smooth),
             cone((0, -.61, 0), (.055, .08, .055), skin, **smooth),
             cone((0, -.30, 0), (.165 * girth, .25, .11 * girth), top, taper=-.12, **cloth),
             ellipsoid((0, -.525, 0), (.22, .085, .10 * girth), top, **cloth),
             ellipsoid((0, -.03, 0), (.165 * girth, .125, .125 * girth), legs if rng.random() < .6 else top, **cloth)]
    extra = rng.random()
    if extra < .2:
        trunk.append(ellipsoid((0, -.33, -.17 * girth), (.15, .23, .10), tuple(_CLOTHES[rng.integers(len(_CLOTHES))]), **cloth))
    elif extra < .4:
        trunk.append(cone((0, .14, 0), (.19 * girth, .24, .15 * girth), top, taper=.22, **cloth))
    elif extra < .5:
        trunk.append(box((.24, .33), (-.05, .30), (-.17, .17), tuple(_CLOTHES[rng.integers(len(_CLOTHES))]), **cloth))
    limbs = []
    for _ in range(2):
        limbs += [stub(.083, Gait.THIGH + .06, legs, **cloth), stub(.062, Gait.SHIN + .04, shin, **cloth),
                  ellipsoid((0, 0, 0), (.05, .055, .13), shoes, **smooth)]
    for _ in range(2):
        limbs += [ellipsoid((0, 0, 0), (.06 * girth, Gait.UPPER_ARM / 2 + .07, .065 * girth), top, **cloth),
                  stub(.044, Gait.FOREARM + .03, sleeve, **cloth),
                  ellipsoid((0, 0, 0), (.038, .065, .045), skin, **smooth)]
    solids = tuple(replace(s, half=s.half * scale, planes=s.planes * [1, 1, 1, scale],
                           pose=np.concatenate([s.pose[:, :3], s.pose[:, 3:] * scale], axis=1)) for s in trunk + limbs)
    gait = Gait(scale, swing=.42 * min(1.0, speed / 1.3) * rng.uniform(.85, 1.15), stride=1.45 * scale,
                phase=rng.uniform(0, 2 * np.pi), elbow=rng.uniform(.15, .9),
                rest=np.stack([s.pose for s in solids[:len(trunk)]]))
    return Body(solids, (1.72 * scale, .6 * scale, .8 * scale if speed else .4 * scale), gait, PEDESTRIAN, shadow=.45)


def tree(rng: np.random.Generator) -> Body:
    """A trunk under a few balls of leaves."""
    trunk, radius = rng.uniform(1.8, 3), rng.uniform(1, 1.9)
    green = np.array([.20, .30, .12]) * rng.uniform(.7, 1.3) + rng.uniform(-.03, .05, 3)
    bark = (.27, .22, .18)
    solids = [cone((0, -trunk / 2, 0), (.13, trunk / 2 + .3, .13), bark, taper=-.2, grain=.4, grain_size=.15)]
    for _ in range(9):
        offset = rng.normal(0, .42, 3).clip(-.8, .8) * radius
        r = rng.uniform(.35, .62) * radius
        solids.append(ellipsoid((offset[0], -trunk - radius * .8 + offset[1], offset[2]), (r, r * .85, r),
                                tuple(np.clip(green * rng.uniform(.75, 1.25), .03, 1)), grain=.9, grain_size=.22))
    return Body(tuple(solids), (trunk + 2 * radius, 2 * radius, 2 * radius), shadow=.35)


def lamp(rng: np.random.Generator) -> Body:
    """A street lamp whose arm reaches towards -x."""
    height, grey = rng.uniform(5, 7), tuple(np.full(3, rng.uniform(.25, .5)))
    return Body((cone((0, -height / 2, 0), (.075, height / 2, .075), grey, taper=-.25, grain=.2),
                 box((-1.3, .05), (-height - .06, -height + .04), (-.05, .05), grey),
                 box((-1.6, -1.0), (-height - .09, -height + .08), (-.12, .12), (.6, .6, .58))), (height, .2, .2), shadow=.2)


def sign(rng: np.random.Generator) -> Body:
    """A traffic sign that faces -z."""
    height, half = rng.uniform(2.1, 2.7), rng.uniform(.28, .38)
    face = ((.10, .22, .60), (.85, .85, .85), (.75, .10, .10), (.85, .70, .10))[rng.integers(4)]
    plate = cone((0, -height + half, -.05), (half, .015, half), face, rotation=turn(0, np.pi / 2), grain=.3, grain_size=.2) \
        if rng.random() < .5 else box((-half, half), (-height, -height + 2 * half), (-.065, -.035), face, grain=.3, grain_size=.2)
    return Body((cone((0, -height / 2, 0), (.035, height / 2, .035), (.5, .5, .5)), plate), (height, 2 * half, .1), shadow=.15)


def bin_(rng: np.random.Generator) -> Body:
    """A wheeled rubbish bin."""
    colour = ((.20, .24, .26), (.16, .32, .20), (.36, .26, .18), (.20, .26, .45))[rng.integers(4)]
    return Body((frustum((-.22, .22, -.26, .26), (-.29, .29, -.34, .34), (-1.0, -.06), colour, grain=.2),
                 box((-.3, .3), (-1.08, -1.0), (-.36, .36), tuple(.8 * np.array(colour)), grain=.2)), (1.08, .6, .7), shadow=.5)


def hedge(rng: np.random.Generator, length: float) -> Body:
    """A hedge or a garden wall along z."""
    height = rng.uniform(.8, 1.9)
    stone = rng.random() < .4
    colour = tuple(np.array([.52, .48, .44] if stone else [.17, .27, .11]) * rng.uniform(.75, 1.25))
    return Body((box((-.3, .3), (-height, 0), (-length / 2, length / 2), colour, grain=.35 if stone else .8,
                     grain_size=.5 if stone else .4),), (height, .6, length), shadow=.3)


def building(rng: np.random.Generator, length: float, depth: float) -> Body:
    """A house front of `length` metres along z, `depth` metres deep."""
    height = rng.uniform(6, 16)
    colour = np.array([[.62, .52, .44], [.70, .66, .58], [.52, .34, .27], [.60, .60, .60], [.74, .66, .50], [.50, .52, .54]]
                      )[rng.integers(6)] * rng.uniform(.8, 1.15) + rng.uniform(-.03, .03, 3)
    wall = box((-depth / 2, depth / 2), (-height, .05), (-length / 2, length / 2), tuple(np.clip(colour, .1, .95)),
               grain=rng.uniform(.12, .3), grain_size=rng.uniform(.3, .8), material=Material.FACADE)
    roof = frustum((-depth / 2 - .3, depth / 2 + .3, -length / 2, length / 2), (-.5, .5, -length / 2, length / 2),
                   (-height - rng.uniform(.3, 3.5), -height), tuple(np.array([.42, .26, .20]) * rng.uniform(.6, 1.3)),
                   grain=.35, grain_size=.5)
    return Body((wall, roof), (height, depth, length))
