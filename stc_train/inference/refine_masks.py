"""Refine a network's mask probability for a box to a mask at the frame's size, by the frame's colours.

The segmenter's cells are coarse for small objects, and a drawn box says more than a network knows: everything outside
it is background. A random walk on the pixels around the box moves easily between pixels of similar colour and rarely
across colour edges. It ends in the background where it leaves the box, and is pulled to the background where the
network sees none of the object. `stc_pseudo.puzzle.solve` does the same with depth, flow and colour.

The constants were chosen on rendered scenes of seed 77, for which no figure is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from stc_pseudo.puzzle.random_walk import walk

CELLS = 64  # along a box's longer side, at most: a coarser grid loses edges, a finer one costs time
MARGIN = 0.35  # of the box's sides: surroundings that the walk may use
MINIMUM_MARGIN = 3  # cells
COLOUR_DEVIATION = 2.5  # CIELAB units within an object
UNARY_WEIGHT = 0.005  # of the network's probability, beside 1 for an edge without any difference, as the next
BACKGROUND_WEIGHT = 10.0  # of what lies outside the box
CONFIDENT_QUANTILE = 0.9  # of the probabilities in a box, that the others are measured against
NETWORK_WEIGHT = 0.1  # share of it below which the network votes for background; above, colour decides
FOREGROUND_QUANTILE = 0.7  # of the walk's result in a box, that is scaled to 1
MINIMUM = 1e-3


def foreground_probabilities(
    frame: np.ndarray, boxes: np.ndarray, probabilities: Iterable[np.ndarray], network_weight: float = NETWORK_WEIGHT
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Foreground probability of the pixels of each box, a box at a time.

    Args:
        frame: (H, W, 3) uint8 RGB.
        boxes: (N, 4) x1 y1 x2 y2, pixels, x2 and y2 exclusive.
        probabilities: for each box (H, W) float32 in 0..1, the network's mask probability; unused outside the box.
        network_weight: as `NETWORK_WEIGHT`; 0 ignores the network, 1 takes its probability as it is.

    Yields:
        for each box its window in the frame, and there (h, w) float32 in 0..1, 0 outside the box; above 0.5 where the
        pixel more likely belongs to the object.
    """
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    for box, probability in zip(boxes.astype(np.float64), probabilities, strict=True):
        yield _foreground(lab, box, probability, network_weight)


def _foreground(
    lab: np.ndarray, box: np.ndarray, probability: np.ndarray, network_weight: float
) -> tuple[tuple[slice, slice], np.ndarray]:
    height, width = lab.shape[:2]
    extent = box[2:] - box[:2]
    scale = min(1.0, CELLS / extent.max())  # cells per pixel
    margin = np.maximum(MARGIN * extent, MINIMUM_MARGIN / scale)
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + margin), (width, height)).astype(int)
    window = slice(top, bottom), slice(left, right)
    cells = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
    colours = cv2.resize(lab[window], cells, interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / COLOUR_DEVIATION
    probability = cv2.resize(probability[window], cells, interpolation=cv2.INTER_AREA)
    inside = box_pixels(box, window, cells)
    if not inside.any():  # a box narrower than a cell
        inside = np.ones_like(inside)
    enough = network_weight * max(float(np.quantile(probability[inside], CONFIDENT_QUANTILE)), MINIMUM)
    target = np.where(inside, np.minimum(probability / enough, 1) if network_weight else 1, 0)
    x = walk(colours, target, np.where(inside, UNARY_WEIGHT, BACKGROUND_WEIGHT))
    x = np.minimum(x / max(float(np.quantile(x[inside], FOREGROUND_QUANTILE)), MINIMUM), 1).astype(np.float32)
    fine = cv2.resize(x, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return window, np.where(box_pixels(box, window, fine.shape[::-1]), fine, 0)


def box_pixels(box: np.ndarray, window: tuple[slice, slice], cells: tuple[int, int]) -> np.ndarray:
    """Which cells of a window have their centre in the box.

    Args:
        box: (4,) x1 y1 x2 y2, pixels.
        window: rows and columns of the frame.
        cells: (columns, rows) that the window is divided into.

    Returns:
        (rows, columns) bool.
    """
    inside = []
    for axis, count in ((1, cells[1]), (0, cells[0])):
        start, stop = window[1 - axis].start, window[1 - axis].stop
        centre = start + (np.arange(count) + 0.5) * (stop - start) / count
        inside.append((centre > box[axis]) & (centre < box[axis + 2]))
    return inside[0][:, None] & inside[1][None]


def owners(
    frame: np.ndarray, boxes: np.ndarray, probabilities: Iterable[np.ndarray], network_weight: float = NETWORK_WEIGHT
) -> np.ndarray:
    """Which box each pixel belongs to: that of the highest foreground probability, within it.

    Args:
        frame, boxes, probabilities, network_weight: as in `foreground_probabilities`.

    Returns:
        (H, W) int32, k + 1 for the k-th box, 0 for none; a box may lose every pixel to others.
    """
    owner = np.zeros(frame.shape[:2], np.int32)
    highest = np.full(frame.shape[:2], 0.5, np.float32)
    foregrounds = foreground_probabilities(frame, boxes, probabilities, network_weight)
    for k, (window, foreground) in enumerate(foregrounds, 1):
        wins = foreground > highest[window]
        highest[window][wins] = foreground[wins]
        owner[window][wins] = k
    return owner
