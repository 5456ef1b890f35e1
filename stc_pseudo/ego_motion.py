"""Motion relative to the camera's own: what is left of the flow when the static scene's is taken away.

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


def camera_flow(inverse_depth: np.ndarray, flow: np.ndarray, static: np.ndarray, camera: Calibration,
                cell: int) -> np.ndarray | None:
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
    x = np.broadcast_to(((np.arange(width) + 0.5) * cell - camera.centre_x) / camera.focal_x, (height, width))
    y = np.broadcast_to((((np.arange(height) + 0.5) * cell - camera.centre_y) / camera.focal_y)[:, None],
                        (height, width))
    d, none = inverse_depth.astype(np.float64), np.zeros((height, width))
    basis = np.stack([np.stack([-d, none, d * x, x * y, -1 - x * x, y]),
                      np.stack([none, -d, d * y, 1 + y * y, -x * y, -x])])  # (2, 6, h, w)
    basis *= np.array([camera.focal_x, camera.focal_y])[:, None, None, None]
    chosen = np.flatnonzero(static)
    chosen = chosen[::max(1, len(chosen) // SAMPLES)]
    a, b = basis.reshape(2, 6, -1)[:, :, chosen], flow.reshape(2, -1)[:, chosen]
    weight = np.ones(len(chosen))
    for _ in range(ROUNDS):
        motion = np.linalg.lstsq((a * weight).transpose(0, 2, 1).reshape(-1, 6), (b * weight).ravel(), rcond=None)[0]
        error = np.square(np.einsum("cks,k->cs", a, motion) - b).sum(0)
        weight = np.sqrt(1 / (1 + error / NOISE**2))
    return np.einsum("ckhw,k->chw", basis, motion).astype(np.float32)
