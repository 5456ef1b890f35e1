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

from stc_track.formats.store import DIRECTIONS


def pool(maps: Tensor, cell: int) -> Tensor:
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
    known_share = F.avg_pool2d((~unknown).to(maps.dtype), cell)
    return F.avg_pool2d(maps.nan_to_num(0.0), cell) / known_share


def edge_similarity(maps: Tensor, layers: int, dilation: int, factor: float) -> Tensor:
    """Similarity of every cell to its neighbours in the eight directions.

    Args:
        maps: (T, C, h, w) float, normalised and without NaN.
        layers: dilated layers; neighbours are 1..layers times `dilation` cells away.
        dilation: cells.
        factor: r; the similarity is `exp(-r * ||difference||_2)`.

    Returns:
        (T, 8, h, w) in 0..1, directions in the order of `DIRECTIONS`, averaged over the layers whose neighbour
        lies in the frame; 0 where none does.
    """
    height, width = maps.shape[-2:]
    reach = layers * dilation
    padded = F.pad(maps, (reach, reach, reach, reach))
    total = maps.new_zeros(len(maps), len(DIRECTIONS), height, width)
    count = total.new_zeros(len(DIRECTIONS), height, width)
    for distance in range(dilation, reach + 1, dilation):
        inside = neighbour_in_frame(height, width, distance).to(maps.device)
        count += inside
        for d, (rows, columns) in enumerate(DIRECTIONS):
            top, left = reach + rows * distance, reach + columns * distance
            neighbour = padded[..., top : top + height, left : left + width]
            # torch's vector_norm over so few channels takes fifty times as long.
            distances = (neighbour - maps).square().sum(1).sqrt()
            total[:, d] += torch.exp(-factor * distances) * inside[d]
    return total / count.clamp(min=1)


def neighbour_in_frame(height: int, width: int, distance: int) -> Tensor:
    """Whether the neighbour in each of the eight directions is a cell of the frame.

    Only this tells a direction that leaves the frame: a similarity of 0 is an edge as strong as can be.

    Args:
        height, width: of the map, cells.
        distance: cells to the neighbour.

    Returns:
        (8, h, w) bool, directions in the order of `DIRECTIONS`.
    """
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return torch.stack(
        [
            ((rows + down * distance) >= 0)
            & ((rows + down * distance) < height)
            & ((columns + right * distance) >= 0)
            & ((columns + right * distance) < width)
            for down, right in DIRECTIONS
        ]
    )


def signal(edges: Tensor, dilation: int) -> Tensor:
    """S: the mean edge similarity over the directions that stay in the frame.

    Args:
        edges: (T, 8, h, w) as `edge_similarity` gives them.
        dilation: that of `edge_similarity`, cells: a direction in which the nearest neighbour lies outside the frame
            has no similarity.

    Returns:
        (T, h, w) in 0..1; 0 where every direction leaves the frame.
    """
    inside = neighbour_in_frame(edges.shape[-2], edges.shape[-1], dilation).to(edges.device)
    return (edges * inside).sum(1) / inside.sum(0).clamp(min=1)
