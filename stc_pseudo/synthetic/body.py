"""A body: some solids about a point on the ground, facing +z, that move as one or as jointed limbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stc_pseudo.synthetic.primitives import Solid

CAR, PEDESTRIAN = 1, 2
Colour = tuple[float, float, float]


class Joints(Protocol):
    """How the limbs of a body stand."""

    def poses(self, walked: float) -> np.ndarray:
        """(N, 3, 4): every solid's pose in the body's frame, after walking so many metres."""
        ...


@dataclass(frozen=True, eq=False)
class Body:
    """Something that stands in the street.

    Attributes:
        solids: its primitives; their `pose` is that at rest.
        size: (height, width, length) in metres, as KITTI's labels give it.
        joints: of a walker, else None.
        class_id: CAR, PEDESTRIAN, or 0 for clutter that has no mask.
        shadow: strength of the contact shadow, 0..1.
    """

    solids: tuple[Solid, ...]
    size: tuple[float, float, float]
    joints: Joints | None = None
    class_id: int = 0
    shadow: float = 0.0

    def poses(self, walked: float) -> np.ndarray:
        """(N, 3, 4): every solid's pose in the body's frame, after walking so many metres."""
        return np.stack([s.pose for s in self.solids]) if self.joints is None else self.joints.poses(walked)


def pick(rng: np.random.Generator, palette: np.ndarray, spread: float = 0.0, tint: float = 0.0) -> Colour:
    """A colour (RGB, 0..1) of a palette (n, 3), its brightness varied by a share `spread`, each channel by `tint`."""
    colour = palette[rng.integers(len(palette))] * rng.uniform(1 - spread, 1 + spread) + rng.uniform(-tint, tint, 3)
    return tuple(np.clip(colour, 0.03, 0.95))
