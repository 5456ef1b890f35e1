"""The ground plane of a driving scene, from one frame's inverse depth.

A plane's inverse depth is linear in the pixel's position: `1/z = a * row + b * column + c`. Where a cell's inverse
depth is d and the plane's at the same place is g, the cell stands at the height `1 - g / d` above the plane, measured
in heights of the camera: free of the depth's unknown scale. This is where a wheel's contact shows, which is no jump in
depth.
"""

from __future__ import annotations

import numpy as np

TRIALS = 128  # a plane of 30 % inliers is missed with a chance of 3 %
TOLERANCE = 0.04  # relative, of inverse depth
MIN_SHARE = 0.15  # of the lower half that must lie on the plane
MIN_RISE = 0.1  # of inverse depth over the frame's height, against its median: less is a wall
SAMPLES = 2000  # cells that planes are judged on


def height_above(plane: np.ndarray, inverse_depth: np.ndarray) -> np.ndarray:
    """Height of every cell above a ground plane, in heights of the camera.

    Args:
        plane: (3,), as `ground_plane` gives it, at the cells of `inverse_depth`.
        inverse_depth: (h, w) float, in the plane's scale, without holes.

    Returns:
        (h, w) float32: 0 on the ground, 1 at the camera's height, negative below.
    """
    # Above the horizon the plane's inverse depth is negative: nothing there is ground.
    return (1 - plane_values(plane, inverse_depth.shape) / np.maximum(inverse_depth, 1e-6)).astype(np.float32)


def plane_values(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The plane's inverse depth at every cell, (h, w) float64; negative above the horizon."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    return plane[0] * rows + plane[1] * columns + plane[2]


def ground_plane(inverse_depth: np.ndarray, seed: int = 0) -> np.ndarray | None:
    """Fit the plane that most cells of the lower half lie on, less those that lie below it: RANSAC, then least squares.

    Args:
        inverse_depth: (h, w) float, in any scale, without holes.
        seed: of the sampling.

    Returns:
        (3,) float64, a, b, c of the plane's inverse depth `a * row + b * column + c`; or None where no plane that rises
        towards the horizon holds `MIN_SHARE` of the lower half.
    """
    height, width = inverse_depth.shape
    first = (height + 1) // 2  # row of the lower half
    values = inverse_depth[first:].astype(np.float64).ravel()
    rows, columns = np.mgrid[first:height, :width].astype(np.float64)
    points = np.stack([rows.ravel(), columns.ravel(), np.ones(values.size)], axis=1)
    rng = np.random.default_rng(seed)
    judged = rng.permutation(len(values))[:SAMPLES]
    triples = rng.integers(len(values), size=(TRIALS, 3))
    triples = triples[np.abs(np.linalg.det(points[triples])) > 1e-6]
    planes = np.linalg.solve(points[triples], values[triples][..., None])[..., 0]
    # Ground comes nearer towards the bottom: by a tenth of the typical inverse depth over the picture, at the least.
    planes = planes[planes[:, 0] * height > MIN_RISE * np.median(values)]
    if not len(planes):
        return None
    residual = (planes @ points[judged].T - values[judged]).astype(np.float32)
    tolerance = (TOLERANCE * values[judged]).astype(np.float32)
    votes = (np.abs(residual) < tolerance).sum(1) - (residual > 3 * tolerance).sum(1) / 2
    plane, near = planes[votes.argmax()], TOLERANCE * values
    for _ in range(4):
        on = np.abs(points @ plane - values) < near
        if on.mean() < MIN_SHARE:
            return None
        weighted = (points * on[:, None]).T
        plane = np.linalg.lstsq(weighted @ points, weighted @ values, rcond=None)[0]
    return plane
