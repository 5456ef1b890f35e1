"""From a blurred belief about a box to the object's mask at the frame's size, by the frame's colours.

The segmenter's cells are coarse for small objects, and a box that was drawn says more than a network knows: outside of
it is background. A random walk on the pixels around the box passes freely between pixels of like colour and hardly
across edges, ends in the background where it leaves the box, and is drawn there too where the segmenter sees none of
the object (as the puzzle pieces are assembled in `stc_pseudo.puzzle.solve`, there from depth, flow and colour).

The constants were chosen on rendered scenes of a seed (77) that no figure is given for.
"""

from __future__ import annotations

import cv2
import numpy as np

from stc_pseudo.puzzle.random_walk import walk

CELLS = 64  # of a box's longer side, at the most: a coarser grid loses edges, a finer one time
MARGIN = 0.35  # of the box's sides, how much of its surroundings a walk may use
LEAST_MARGIN = 3  # cells
COLOUR_DEVIATION = 2.5  # CIELAB units within an object
BELIEF_PULL = 0.005  # in units of a free passage between cells, as the next
BACKGROUND_PULL = 10.0
SURE_BELIEF = 0.9  # quantile of the beliefs in a box that the others are measured against
VETO = 0.1  # of that: below, the belief speaks against a pixel; above, the colours decide
SURE_CLAIM = 0.7  # likewise of what the walk makes of them
LEAST = 1e-3


def claims(
    frame: np.ndarray, boxes: np.ndarray, beliefs: np.ndarray, veto: float = VETO
) -> list[tuple[tuple[slice, slice], np.ndarray]]:
    """How strongly each box claims the pixels in it.

    Args:
        frame: (H, W, 3) uint8 RGB.
        boxes: (N, 4) x1 y1 x2 y2, pixels, x2 and y2 exclusive.
        beliefs: (N, H, W) float32 in 0..1; what lies outside a box is not looked at.
        veto: as `VETO`; 0 leaves box and colours alone, 1 takes the belief as it is.

    Returns:
        for each box its window in the frame, and there (h, w) float32 in 0..1, 0 outside the box; above one half where
        the pixel is rather the object's.
    """
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return [_claim(lab, box, belief, veto) for box, belief in zip(boxes.astype(np.float64), beliefs, strict=True)]


def _claim(lab: np.ndarray, box: np.ndarray, belief: np.ndarray, veto: float) -> tuple[tuple[slice, slice], np.ndarray]:
    height, width = lab.shape[:2]
    extent = box[2:] - box[:2]
    scale = min(1.0, CELLS / extent.max())  # cells per pixel
    margin = np.maximum(MARGIN * extent, LEAST_MARGIN / scale)
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + margin), (width, height)).astype(int)
    window = slice(top, bottom), slice(left, right)
    cells = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
    colours = cv2.resize(lab[window], cells, interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / COLOUR_DEVIATION
    believed = cv2.resize(belief[window], cells, interpolation=cv2.INTER_AREA)
    inside = box_pixels(box, window, cells)
    if not inside.any():  # a box narrower than a cell
        inside = np.ones_like(inside)
    enough = veto * max(float(np.quantile(believed[inside], SURE_BELIEF)), LEAST)
    target = np.where(inside, np.minimum(believed / enough, 1) if veto else 1, 0)
    x = walk(colours, target, np.where(inside, BELIEF_PULL, BACKGROUND_PULL))
    x = np.minimum(x / max(float(np.quantile(x[inside], SURE_CLAIM)), LEAST), 1).astype(np.float32)
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


def disjoint_masks(frame: np.ndarray, boxes: np.ndarray, beliefs: np.ndarray, veto: float = VETO) -> np.ndarray:
    """One mask for each box, within it; a pixel is of the box that claims it most.

    Args:
        frame, boxes, beliefs, veto: as for `claims`.

    Returns:
        (N, H, W) bool; a box whose pixels are all claimed more by others has an empty one.
    """
    owner = np.full(frame.shape[:2], -1)
    strongest = np.full(frame.shape[:2], 0.5, np.float32)
    for k, (window, claim) in enumerate(claims(frame, boxes, beliefs, veto)):
        wins = claim > strongest[window]
        strongest[window][wins] = claim[wins]
        owner[window][wins] = k
    return owner == np.arange(len(boxes))[:, None, None]
