"""Camera motion compensation: the flow that remains after the static scene's is removed.

For a small motion of the camera, translation t and rotation w, the flow of a static point at (x, y), focal lengths from
the principal point, and inverse depth d is linear in both (Longuet-Higgins and Prazdny, 1980):

    u = d (-t_x + x t_z) + x y w_x - (1 + x^2) w_y + y w_z
    v = d (-t_y + y t_z) + (1 + y^2) w_x - x y w_y - x w_z

So six numbers are fitted to the frame by least squares, robustly, outside the boxes. The unknown scale of depth goes
into t. A parked car's residual is that of the road under it; a walking person's is not.
"""

from __future__ import annotations

import numpy as np

from stc_pseudo.datasets.base import Calibration

ROUNDS = 5  # of reweighting
NOISE = 1.0  # pixels, of the flow: residuals far above count as something else's motion
MIN_CELLS = 50  # static ones, to fit to
SAMPLES = 4000  # cells that are fitted to, at most


def camera_flow(
    inverse_depth: np.ndarray, flow: np.ndarray, static: np.ndarray, camera: Calibration, cell: int
) -> np.ndarray | None:
    """Flow that the camera's motion alone gives.

    Args:
        inverse_depth: (h, w) float, any scale, without holes.
        flow: (2, h, w) float, (dx, dy) in pixels, without holes.
        static: (h, w) bool, cells that probably stand still.
        camera: of the frame.
        cell: pixels a side.

    Returns:
        (2, h, w) float32, as `flow`; or None where too little is static.
    """
    if np.count_nonzero(static) < MIN_CELLS:
        return None
    height, width = inverse_depth.shape
    chosen = np.flatnonzero(static)
    chosen = chosen[:: max(1, len(chosen) // SAMPLES)]
    rows, columns = np.divmod(chosen, width)
    x = ((np.arange(width) + 0.5) * cell - camera.centre_x) / camera.focal_x
    y = ((np.arange(height) + 0.5) * cell - camera.centre_y) / camera.focal_y
    sampled = static_flow(
        np.eye(6)[:, :, None], inverse_depth.ravel()[chosen].astype(np.float64), x[columns], y[rows], camera
    )  # (2, 6, n)
    sampled = sampled.swapaxes(0, 1).reshape(6, -1)
    measured, weight = flow.reshape(2, -1)[:, chosen].astype(np.float64).ravel(), np.ones(2 * len(chosen))
    for _ in range(ROUNDS):
        weighted = sampled * weight
        motion = np.linalg.lstsq(weighted @ sampled.T, weighted @ measured, rcond=None)[0]
        error = np.square(motion @ sampled - measured).reshape(2, -1).sum(0)
        weight = np.tile(1 / (1 + error / NOISE**2), 2)
    return static_flow(motion, inverse_depth, x[None], y[:, None], camera).astype(np.float32)


def static_flow(
    motion: np.ndarray, inverse_depth: np.ndarray, x: np.ndarray, y: np.ndarray, camera: Calibration
) -> np.ndarray:
    """Flow of static points, (2, ...) in pixels, by the equations above.

    Args:
        motion: (6, ...), translation in units of depth and rotation in radians.
        inverse_depth: (...).
        x, y: (...), focal lengths from the principal point.
        camera: its focal lengths.
    """
    tx, ty, tz, wx, wy, wz = motion
    return np.stack(
        [
            camera.focal_x * (inverse_depth * (x * tz - tx) + x * y * wx - (1 + x * x) * wy + y * wz),
            camera.focal_y * (inverse_depth * (y * tz - ty) + (1 + y * y) * wx - x * y * wy - x * wz),
        ]
    )
