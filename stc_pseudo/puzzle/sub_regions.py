"""Pseudo-masks as the paper prints them: M of Eq. 2, and the sub-regions of Fig. 3 (III-B).

M is where both signals pass their thresholds; a box's object is M in the box. Edges whose similarity in depth or flow
fails its threshold are cut; what stays connected is a sub-region, and a box's object is the sub-regions that lie almost
wholly in it. Neither looks at colour, nor at the box's shape. The thresholds were chosen by the second reading.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stc_pseudo.puzzle.assign import Placed
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
    cells_inside = np.stack([np.bincount(flat, inside.ravel()) for inside in share_inside(boxes, regions.shape)])
    share = cells_inside / np.bincount(flat)
    return np.where(share.max(0) >= WHOLLY, share.argmax(0) + 1, 0)[regions]


def masks_in_boxes(mask: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> list[Placed]:
    """What M says of each box: its part of M; where boxes share a pixel, the smallest box has it, as in FCOS.

    Args:
        mask: (h, w) bool, M of Eq. 2.
        boxes: (N, 4), x1 y1 x2 y2, pixels of the frame.
        size: (height, width) of the frame.

    Returns:
        of each box, where its pixels lie in the frame and (rows, columns) float32, 1 on its object and 0 elsewhere.
    """
    owner = np.full(size, -1)
    for k in np.argsort(-(boxes[:, 2:] - boxes[:, :2]).prod(1), kind="stable"):  # the last one written is the smallest
        owner[pixels_of(boxes[k], size)] = k
    whole = at_frame_size(mask, size)
    placed = []
    for k, box in enumerate(boxes):
        place = pixels_of(box, size)
        placed.append((place, (whole[place] & (owner[place] == k)).astype(np.float32)))
    return placed


def regions_in_boxes(edges: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> list[Placed]:
    """The sub-regions of each box; arguments as of `sub_regions` and `masks_in_boxes`, result as of the latter."""
    whole = at_frame_size(assemble(sub_regions(edges), boxes), size)
    places = [pixels_of(box, size) for box in boxes]
    return [(place, (whole[place] == k).astype(np.float32)) for k, place in enumerate(places, 1)]


def pixels_of(box: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the pixels whose centre a box (x1 y1 x2 y2) holds; of a box between centres, one."""
    low, high = np.ceil(np.asarray(box, np.float64).reshape(2, 2) - 0.5).astype(int)
    low = low.clip(0, np.array(size[::-1]) - 1)
    (x1, y1), (x2, y2) = low.tolist(), np.minimum(np.maximum(high, low + 1), size[::-1]).tolist()
    return slice(y1, y2), slice(x1, x2)


def at_frame_size(cells: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) of cells at the frame's (height, width); its last rows and columns may have no cell and are 0."""
    whole = np.zeros(size, cells.dtype)
    drawn = cells.repeat(CELL, 0).repeat(CELL, 1)[: size[0], : size[1]]
    whole[: drawn.shape[0], : drawn.shape[1]] = drawn
    return whole
