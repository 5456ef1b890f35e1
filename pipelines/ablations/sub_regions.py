"""Pseudo-masks as the paper reads plainly: sub-regions between cut edges, given to the boxes that hold them (III-B).

Edges whose similarity in depth or in flow fails its threshold (Eq. 2) are cut; what stays connected is a sub-region; a
box's object is the sub-regions that lie almost wholly in it. `stc-pseudo build` cuts more finely; this reading is what
the thresholds are chosen by, because it has no other evidence.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stc_track.formats.store import CELL, DIRECTIONS

WHOLLY = 0.8  # share of a sub-region's area that must lie in a box


def sub_regions(edges: np.ndarray) -> np.ndarray:
    """Label what is connected by edges that pass seen from both of their ends.

    Args:
        edges: (8, h, w) bool, whether a cell's edge in each of `DIRECTIONS` passes.

    Returns:
        (h, w) int32, labels from 0.
    """
    shape = edges.shape[1:]
    cells = np.arange(edges[0].size).reshape(shape)
    starts, ends = [], []
    for d in range(len(DIRECTIONS) // 2, len(DIRECTIONS)):  # the other half are the same pairs from their other ends
        rows, columns = DIRECTIONS[d]
        here = slice(0, shape[0] - rows), slice(max(0, -columns), shape[1] - max(0, columns))
        there = slice(rows, shape[0]), slice(max(0, columns), shape[1] - max(0, -columns))
        kept = edges[d][here] & edges[len(DIRECTIONS) - 1 - d][there]
        starts.append(cells[here][kept])
        ends.append(cells[there][kept])
    start, end = np.concatenate(starts), np.concatenate(ends)
    graph = coo_array((np.ones(len(start), bool), (start, end)), shape=(cells.size, cells.size))
    return connected_components(graph, directed=False)[1].reshape(shape)


def share_inside(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Share of each cell that lies in each box.

    Args:
        boxes: (N, 4), x1 y1 x2 y2, pixels of the frame.
        shape: (h, w) of the map.

    Returns:
        (N, h, w) in 0..1.
    """
    x1, y1, x2, y2 = (boxes.T / CELL)[:, :, None]
    x, y = np.arange(shape[1]), np.arange(shape[0])
    across = np.clip(np.minimum(x + 1, x2) - np.maximum(x, x1), 0, 1)
    down = np.clip(np.minimum(y + 1, y2) - np.maximum(y, y1), 0, 1)
    return down[:, :, None] * across[:, None, :]


def assemble(regions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Give each box the sub-regions that lie almost wholly in it, each to the box that holds most of it.

    Args:
        regions: (h, w) labels.
        boxes: (N, 4), x1 y1 x2 y2, pixels of the frame.

    Returns:
        (h, w) int, 0 for none, k for the object of box k - 1. Of boxes that hold the same share the first gets it.
    """
    if len(boxes) == 0:
        return np.zeros(regions.shape, int)
    flat = regions.ravel()
    held = np.stack([np.bincount(flat, inside.ravel()) for inside in share_inside(boxes, regions.shape)])
    share = held / np.bincount(flat)
    return np.where(share.max(0) >= WHOLLY, share.argmax(0) + 1, 0)[regions]


def mask_in_box(pieces: np.ndarray, k: int, box: np.ndarray) -> np.ndarray:
    """The part of a box that object k is.

    Args:
        pieces: (h, w), as `assemble` gives them.
        k: which object.
        box: its x1 y1 x2 y2, pixels of the frame.

    Returns:
        (y2 - y1, x2 - x1) bool, pixels; outside its box an object is nowhere.
    """
    x1, y1, x2, y2 = np.round(box).astype(int)
    rows, columns = np.arange(y1, y2) // CELL, np.arange(x1, x2) // CELL
    mask = np.zeros((y2 - y1, x2 - x1), bool)
    covered = np.ix_(rows < pieces.shape[0], columns < pieces.shape[1])  # the frame's last rows may have no cell
    mask[covered] = pieces[np.ix_(rows[rows < pieces.shape[0]], columns[columns < pieces.shape[1]])] == k
    return mask
