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

import torch
import torch.nn.functional as F
from torch import Tensor

from stc_pseudo.store.store import CELL, DIRECTIONS

SIMILARITY_FACTOR = 0.5  # r
LAYERS = 3  # IV-D1, best of Table V
DILATION = 2  # IV-D1, best of Table VI


def pool(maps: Tensor, cell: int = CELL) -> Tensor:
    """Average each cell over its known pixels.

    Args:
        maps: (T, C, H, W) float, NaN where unknown.
        cell: pixels a side.

    Returns:
        (T, C, H // cell, W // cell); NaN only where a whole cell is unknown.
    """
    unknown = maps.isnan()
    if not unknown.any():
        return F.avg_pool2d(maps, cell)
    known = F.avg_pool2d((~unknown).to(maps.dtype), cell)
    return F.avg_pool2d(maps.nan_to_num(0.0), cell) / known


def edge_similarity(
    maps: Tensor, layers: int = LAYERS, dilation: int = DILATION, factor: float = SIMILARITY_FACTOR
) -> Tensor:
    """Similarity of every cell to its neighbours in the eight directions.

    Args:
        maps: (T, C, h, w) float, normalised and without NaN.
        layers: dilated layers; neighbours are 1..layers times `dilation` cells away.
        dilation: cells.
        factor: r; the similarity is `exp(-r * ||difference||_2)`.

    Returns:
        (T, 8, h, w) in 0..1, directions in the order of `store.DIRECTIONS`, averaged over the layers whose neighbour
        lies in the frame; 0 where none does.
    """
    height, width = maps.shape[-2:]
    reach = layers * dilation
    padded = F.pad(maps, (reach, reach, reach, reach), value=float("nan"))
    total = maps.new_zeros(len(maps), len(DIRECTIONS), height, width)
    count = torch.zeros_like(total[:1])
    for d, (rows, columns) in enumerate(DIRECTIONS):
        for distance in range(dilation, reach + 1, dilation):
            top, left = reach + rows * distance, reach + columns * distance
            neighbour = padded[..., top : top + height, left : left + width]
            similarity = torch.exp(-factor * torch.linalg.vector_norm(neighbour - maps, dim=1))
            total[:, d] += similarity.nan_to_num_(0.0)
            count[:, d] += ~neighbour[:1, 0].isnan()
    return total / count.clamp(min=1)


def signal(edges: Tensor) -> Tensor:
    """S: the mean edge similarity over the directions that stay in the frame.

    Args:
        edges: (T, 8, h, w) as `edge_similarity` gives them.

    Returns:
        (T, h, w) in 0..1.
    """
    inside = edges > 0
    return edges.sum(1) / inside.sum(1).clamp(min=1)
