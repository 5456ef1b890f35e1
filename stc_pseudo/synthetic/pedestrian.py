"""People who walk or stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stc_pseudo.synthetic.body import PEDESTRIAN, Body, Colour, pick
from stc_pseudo.synthetic.camera import compose, rigid, turn
from stc_pseudo.synthetic.primitives import Solid, box, cone, ellipsoid

_CLOTHES = np.array(
    [
        [0.13, 0.14, 0.18],
        [0.20, 0.26, 0.42],
        [0.45, 0.12, 0.14],
        [0.55, 0.52, 0.46],
        [0.28, 0.34, 0.22],
        [0.70, 0.68, 0.64],
        [0.60, 0.42, 0.20],
        [0.36, 0.22, 0.36],
        [0.18, 0.40, 0.44],
        [0.80, 0.66, 0.30],
    ]
)
_SKINS = np.array([[0.80, 0.62, 0.52], [0.70, 0.50, 0.38], [0.48, 0.32, 0.24], [0.86, 0.70, 0.60]])
_HAIR = np.array([[0.10, 0.08, 0.07], [0.28, 0.18, 0.10], [0.55, 0.42, 0.24], [0.45, 0.44, 0.43]])
# Metres, for a stature of 1.7 m.
THIGH, SHIN, UPPER_ARM, FOREARM = 0.43, 0.44, 0.30, 0.27


@dataclass(frozen=True, eq=False)
class Gait:
    """A walker's joints: hips and shoulders swing with the way walked, knees and elbows bend.

    Attributes:
        scale: stature over 1.7 m.
        swing: greatest angle of the thigh, radians; 0 stands still.
        stride: metres in which each foot takes one step.
        phase: radians at the start.
        elbow: bend, radians.
        rest: poses of the solids that do not bend, (n, 3, 4), in the hips' frame; the limbs' come after them.
    """

    scale: float
    swing: float
    stride: float
    phase: float
    elbow: float
    rest: np.ndarray

    def poses(self, walked: float) -> np.ndarray:
        """(N, 3, 4): every solid's pose in the walker's frame, whose origin is on the ground below the hips."""
        phase = self.phase + 2 * np.pi * walked / self.stride
        limbs, reach = [], 0.0
        for side in (-1, 1):
            thigh = side * self.swing * np.sin(phase) + 0.1 * self.swing
            # The knee bends while its leg swings forward.
            knee = 1.3 * self.swing * max(0.0, side * np.cos(phase)) + 0.08
            limbs += self._limb(rigid(turn(0, thigh), self._metres(side * 0.095, 0, 0)), THIGH, SHIN, -knee)
            limbs.append(compose(limbs[-1], rigid(turn(0, 0.6 * knee), self._metres(0, SHIN / 2 + 0.02, 0.05))))
            reach = max(reach, limbs[-1][1, 3] + 0.04 * self.scale)
        for side in (-1, 1):
            arm = -0.85 * side * self.swing * np.sin(phase)
            shoulder = rigid(turn(2, -side * 0.07) @ turn(0, arm), self._metres(side * 0.21, -0.50, 0))
            limbs += self._limb(shoulder, UPPER_ARM, FOREARM, self.elbow + 0.3 * max(0.0, arm))
            limbs.append(compose(limbs[-1], rigid(translation=self._metres(0, FOREARM / 2 + 0.05, 0))))
        # The lower foot carries the body.
        return compose(rigid(translation=(0, -reach, 0)), np.concatenate([self.rest, np.stack(limbs)]))

    def _metres(self, *vector: float) -> np.ndarray:
        return self.scale * np.array(vector)

    def _limb(self, joint: np.ndarray, upper: float, lower: float, bend: float) -> list[np.ndarray]:
        """Poses of the middles of a limb's two halves, of such lengths, that hangs from a joint."""
        elbow = compose(joint, rigid(turn(0, bend), self._metres(0, upper, 0)))
        return [
            compose(joint, rigid(translation=self._metres(0, upper / 2, 0))),
            compose(elbow, rigid(translation=self._metres(0, lower / 2, 0))),
        ]


def pedestrian(rng: np.random.Generator, speed: float) -> Body:
    """A person of some stature in some clothes, who walks at `speed` metres a second (0: stands)."""
    scale = rng.uniform(0.66, 0.8) if rng.random() < 0.12 else rng.uniform(0.92, 1.09)
    g = rng.uniform(0.88, 1.25)
    top, legs, shoes, extra = (pick(rng, _CLOTHES, 0.2) for _ in range(4))
    skin, hair = pick(rng, _SKINS), pick(rng, _HAIR)
    forearm, shin = top if rng.random() < 0.75 else skin, legs if rng.random() < 0.8 else skin
    cloth = {"grain": rng.uniform(0.10, 0.3), "grain_size": rng.uniform(0.06, 0.25)}
    smooth = {"grain": 0.08, "grain_size": 0.1}

    def stub(radius: float, length: float, colour: Colour) -> Solid:
        return cone((0, 0, 0), (radius * g, length / 2, radius * g), colour, taper=-0.15, **cloth)

    # In the hips' frame, for a stature of 1.7 m.
    trunk = [
        ellipsoid((0, -0.77, 0.01), (0.085, 0.125, 0.105), skin, **smooth),
        ellipsoid((0, -0.805, -0.025), (0.094, 0.115, 0.105), hair, **smooth),
        cone((0, -0.61, 0), (0.055, 0.08, 0.055), skin, **smooth),
        cone((0, -0.30, 0), (0.165 * g, 0.25, 0.11 * g), top, taper=-0.12, **cloth),
        ellipsoid((0, -0.525, 0), (0.22, 0.085, 0.10 * g), top, **cloth),
        ellipsoid((0, -0.03, 0), (0.165 * g, 0.125, 0.125 * g), legs if rng.random() < 0.6 else top, **cloth),
    ]
    draw = rng.random()
    if draw < 0.2:  # a rucksack
        trunk.append(ellipsoid((0, -0.33, -0.17 * g), (0.15, 0.23, 0.10), extra, **cloth))
    elif draw < 0.4:  # a coat or skirt
        trunk.append(cone((0, 0.14, 0), (0.19 * g, 0.24, 0.15 * g), top, taper=0.22, **cloth))
    elif draw < 0.5:  # a bag
        trunk.append(box((0.24, 0.33), (-0.05, 0.30), (-0.17, 0.17), extra, **cloth))
    leg = [
        stub(0.083, THIGH + 0.06, legs),
        stub(0.062, SHIN + 0.04, shin),
        ellipsoid((0, 0, 0), (0.05, 0.055, 0.13), shoes, **smooth),
    ]
    arm = [
        ellipsoid((0, 0, 0), (0.06 * g, UPPER_ARM / 2 + 0.07, 0.065 * g), top, **cloth),
        stub(0.044, FOREARM + 0.03, forearm),
        ellipsoid((0, 0, 0), (0.038, 0.065, 0.045), skin, **smooth),
    ]
    solids = tuple(_scaled(solid, scale) for solid in (*trunk, *leg, *leg, *arm, *arm))
    gait = Gait(
        scale,
        swing=0.42 * min(1.0, speed / 1.3) * rng.uniform(0.85, 1.15),
        stride=1.45 * scale,
        phase=rng.uniform(0, 2 * np.pi),
        elbow=rng.uniform(0.15, 0.9),
        rest=np.stack([solid.pose for solid in solids[: len(trunk)]]),
    )
    size = (1.76 * scale, 0.6 * scale, (0.8 if speed else 0.4) * scale)
    return Body(solids, size, gait, PEDESTRIAN, shadow=0.45)


def _scaled(solid: Solid, scale: float) -> Solid:
    return replace(
        solid, half=solid.half * scale, planes=solid.planes * [1, 1, 1, scale], pose=solid.pose * [1, 1, 1, scale]
    )
