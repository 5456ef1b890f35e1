"""The camera's own motion from depth and flow, linear in the pixel's place: no calibration is needed.

`stc_pseudo.geometry.ego_motion` fits the rigid motion of a calibrated camera instead.
"""

from __future__ import annotations

import numpy as np

from stc_track.formats.store import CELL

_SPARSE = 4  # every fourth cell each way tells the camera's motion well enough
_FEWEST_CELLS = 60
_ROUNDS = 4
_TRIM = 2.5  # medians of what is left over, beyond which a cell does not follow the background


def background_motion(inverse_depth: np.ndarray, flow: np.ndarray) -> np.ndarray | None:
    """The motion that a camera gives to what stands still, from a frame's flow and inverse depth.

    A turn moves every pixel alike, a step moves it in proportion to its inverse depth; both nearly linearly in the
    pixel's place. Cells that do not follow (moving objects, wrong flow) are left out, round by round.

    Args:
        inverse_depth: (h, w), in any unit, cells of CELL x CELL pixels; what is not above 0 is unknown.
        flow: (2, h, w) dx, dy, pixels of the frame, to the next frame.

    Returns:
        (2, 6) float64: a still point (x, y) pixels of inverse depth d moves by motion @ (x, y, 1, d x, d y, d) pixels.
        None where too few cells are known.
    """
    _, height, width = flow.shape
    y, x = np.mgrid[_SPARSE // 2 : height : _SPARSE, _SPARSE // 2 : width : _SPARSE]
    depth, vectors = inverse_depth[y, x].ravel(), flow[:, y, x].reshape(2, -1).T
    valid = (depth > 0) & np.isfinite(depth) & np.isfinite(vectors).all(1)
    terms = still_terms((np.column_stack((x.ravel(), y.ravel()))[valid] + 0.5) * CELL, depth[valid])
    vectors = vectors[valid]
    if len(vectors) < _FEWEST_CELLS:
        return None
    follows = np.ones(len(vectors), bool)
    for _ in range(_ROUNDS):
        motion = np.linalg.lstsq(terms[follows], vectors[follows], rcond=None)[0]
        left = np.linalg.norm(vectors - terms @ motion, axis=1)
        follows = left <= max(_TRIM * np.median(left), 1e-6)
    return motion.T


def still_terms(points: np.ndarray, inverse_depth: np.ndarray) -> np.ndarray:
    """(N, 6) x, y, 1 and their products with the inverse depth (N,), of points (N, 2) pixels."""
    places = np.column_stack((points, np.ones(len(points))))
    return np.concatenate((places, places * inverse_depth[:, None]), axis=1)
