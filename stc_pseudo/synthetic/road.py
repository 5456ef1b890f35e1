"""A road along a circular arc (or straight), and the coordinates that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.synthetic.camera import rigid, turn


@dataclass(frozen=True)
class Road:
    """The street's plan. Positions on it are `along` (metres along the centre line) and `across` (metres right of it).

    Attributes:
        curvature: 1/metre, positive to the right; 0 or at least 1e-3 in size.
        half_width: metres from the centre line to the kerb.
        sidewalk: metres from the kerb to the plots.
        crossing: metres along at which a side street crosses, or None.
        side_half_width: metres from the side street's centre line to its kerb.
        parking: whether the outer 2.2 m of the carriageway are for parked cars.
        verge: RGB of what lies beyond the sidewalk.
        asphalt: RGB of the carriageway.
    """

    curvature: float
    half_width: float
    sidewalk: float
    crossing: float | None
    side_half_width: float
    parking: bool
    verge: tuple[float, float, float]
    asphalt: tuple[float, float, float]

    def place(self, along: float, across: float, heading: float = 0.0) -> np.ndarray:
        """The pose (3, 4) of something on the ground there; `heading` is to the right of the road's own, radians."""
        angle = self.curvature * along
        if self.curvature:
            x, z = (1 - np.cos(angle)) / self.curvature, np.sin(angle) / self.curvature
        else:
            x, z = 0.0, along
        return rigid(turn(1, angle + heading), (x + across * np.cos(angle), 0, z - across * np.sin(angle)))

    def locate(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`along` and `across` of points on the ground."""
        if not self.curvature:
            return z, x
        sign, radius = np.sign(self.curvature), 1 / self.curvature
        angle = np.arctan2(sign * z, sign * (radius - x))
        return angle * radius, radius - sign * np.hypot(x - radius, z)
