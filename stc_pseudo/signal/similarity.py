"""The mini network: contextual similarity of depth or flow with the neighbourhood (III-B1, IV-B, Eq. 1).

Average pooling 4x4, then `layers` 3x3 dilated convolutions with one-hot kernels, which only move the map: layer l
gives each cell its eight neighbours `l * dilation` cells away. The residual module takes the difference from the cell
itself and maps it to `exp(-r * ||difference||_2)` (IV-B prints `e^(+r...)`; a similarity must fall with distance).

Two outputs: the *edge similarity* to each of the eight directions, averaged over layers, and the signal S, averaged
over the directions. (Eq. 1 prints a sum of eight values in 0..1, which no threshold of 0.3 could cut: we average.)

Thresholds mean something only at a fixed input scale, so inputs are normalised first (`normalise_inverse_depth`,
`normalise_flow`).
"""

from __future__ import annotations

from functools import lru_cache
from types import EllipsisType

import numpy as np

from stc_track.formats.store import DIRECTIONS

# The similarity to a neighbour is the neighbour's to the cell: half of the directions give the other half.
HALF = tuple((d, DIRECTIONS.index((-rows, -columns))) for d, (rows, columns) in enumerate(DIRECTIONS[:4]))


def pool(maps: np.ndarray, cell: int) -> np.ndarray:
    """Average each cell over its known pixels.

    Args:
        maps: (T, C, H, W) float, NaN where unknown.
        cell: pixels a side.

    Returns:
        (T, C, H // cell, W // cell), of the same type; NaN only where a whole cell is unknown.
    """
    if cell == 1:
        return maps
    unknown = np.isnan(maps)
    if not unknown.any():
        return _sums(maps, cell) / maps.dtype.type(cell * cell)
    pixels = _sums((~unknown).astype(maps.dtype), cell)
    with np.errstate(invalid="ignore"):
        return _sums(np.where(unknown, 0, maps), cell) / pixels


def _sums(maps: np.ndarray, cell: int) -> np.ndarray:
    """Sum of each cell's pixels; rows first, which lie together in memory."""
    height, width = (side // cell * cell for side in maps.shape[-2:])
    rows = maps[..., 0:height:cell, :width].copy()
    for k in range(1, cell):
        rows += maps[..., k:height:cell, :width]
    total = rows[..., 0::cell].copy()
    for k in range(1, cell):
        total += rows[..., k::cell]
    return total


def edge_similarity(maps: np.ndarray, layers: int, dilation: int, factor: float) -> np.ndarray:
    """Similarity of every cell to its neighbours in the eight directions.

    Args:
        maps: (T, C, h, w) float32, normalised and without NaN.
        layers: dilated layers; neighbours are 1..layers times `dilation` cells away.
        dilation: cells.
        factor: r; the similarity is `exp(-r * ||difference||_2)`.

    Returns:
        (T, 8, h, w) float32 in 0..1, directions in the order of `DIRECTIONS`, averaged over the layers whose neighbour
        lies in the frame; 0 where none does.
    """
    height, width = maps.shape[-2:]
    total = np.zeros((len(maps), len(DIRECTIONS), height, width), np.float32)
    layer_distances = range(dilation, layers * dilation + 1, dilation)
    for distance in layer_distances:
        for d, opposite in HALF:
            down, right = (step * distance for step in DIRECTIONS[d])
            here, there = _cells(height, width, down, right), _cells(height, width, -down, -right)
            difference = maps[there] - maps[here]
            similarity = np.sqrt(np.einsum("tcij,tcij->tij", difference, difference))
            similarity *= -factor
            np.exp(similarity, out=similarity)
            total[:, d][here] += similarity
            total[:, opposite][there] += similarity
    count = sum(neighbour_in_frame(height, width, distance).astype(np.float32) for distance in layer_distances)
    return total / np.maximum(count, 1)


def _cells(height: int, width: int, down: int, right: int) -> tuple[EllipsisType, slice, slice]:
    """Index of the cells whose neighbour so many rows and columns further on is a cell of the frame."""
    rows = slice(max(0, -down), max(0, min(height, height - down)))
    return (..., rows, slice(max(0, -right), max(0, min(width, width - right))))


@lru_cache(maxsize=64)
def neighbour_in_frame(height: int, width: int, distance: int) -> np.ndarray:
    """Whether the neighbour in each of the eight directions is a cell of the frame.

    Only this tells a direction that leaves the frame: a similarity of 0 is an edge as strong as can be.

    Args:
        height, width: of the map, cells.
        distance: cells to the neighbour.

    Returns:
        (8, h, w) bool, directions in the order of `DIRECTIONS`; shared, not to be written to.
    """
    inside = np.zeros((len(DIRECTIONS), height, width), bool)
    for d, (down, right) in enumerate(DIRECTIONS):
        inside[d][_cells(height, width, down * distance, right * distance)] = True
    inside.flags.writeable = False
    return inside


def signal(edges: np.ndarray, dilation: int) -> np.ndarray:
    """S: the mean edge similarity over the directions that stay in the frame.

    Args:
        edges: (T, 8, h, w) as `edge_similarity` gives them.
        dilation: that of `edge_similarity`, cells: a direction in which the nearest neighbour lies outside the frame
            has no similarity.

    Returns:
        (T, h, w) float32 in 0..1; 0 where every direction leaves the frame.
    """
    inside = neighbour_in_frame(edges.shape[-2], edges.shape[-1], dilation)
    return np.where(inside, edges, 0).sum(1, dtype=np.float32) / np.maximum(inside.sum(0, dtype=np.float32), 1)
