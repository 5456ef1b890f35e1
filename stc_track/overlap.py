"""How far masks cover each other, from their runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


def coverage(tracks: Sequence[np.ndarray], detections: Sequence[np.ndarray], pairs: np.ndarray) -> np.ndarray:
    """Mean of the shares that each of two masks covers of the other: 1 equal, 0 apart.

    A fragment of an occluded object that lies inside its former mask has a coverage above one half, its IoU is near 0.

    Args:
        tracks: G masks, each (S, 2) as `rle.spans` gives them, S >= 1.
        detections: K masks of the same form.
        pairs: (G, K) bool, which to compare.

    Returns:
        (G, K) float64 in [0, 1]; 0 where not compared.
    """
    shared = np.zeros(pairs.shape)
    if not pairs.any():
        return shared
    areas = np.array([_area(each) for each in tracks], np.float64)
    others = np.array([_area(each) for each in detections], np.float64)
    for column in np.flatnonzero(pairs.any(0)):
        rows = np.flatnonzero(pairs[:, column])
        mask = detections[column]
        # pixels of the detection up to each of its edges; between edges that number is linear
        counted = np.zeros(mask.shape, np.int64)
        counted[:, 1] = (mask[:, 1] - mask[:, 0]).cumsum()
        counted[1:, 0] = counted[:-1, 1]
        candidates = [tracks[row] for row in rows]
        edges = np.interp(np.concatenate(candidates), mask.ravel(), counted.ravel())
        firsts = [0, *itertools.accumulate(len(each) for each in candidates[:-1])]
        shared[rows, column] = np.add.reduceat(edges[:, 1] - edges[:, 0], firsts)
    return (shared / areas[:, None] + shared / others) / 2


def shifted(spans: np.ndarray, offset: np.ndarray, height: int) -> np.ndarray:
    """A mask (S, 2) moved by offset (2,) x y, rounded to pixels.

    What leaves a column enters its neighbour: the few pixels at the upper and lower border that this misplaces do not
    matter to a cost.
    """
    x, y = np.rint(offset).astype(np.int64)
    return spans + (x * height + y)


def _area(spans: np.ndarray) -> int:
    return int((spans[:, 1] - spans[:, 0]).sum())
