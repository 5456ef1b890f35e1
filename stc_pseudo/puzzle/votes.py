"""Votes along a track: the masks of the frames before and after, carried along the flow, beside a frame's own.

What a mask gets wrong by the light or the surroundings of one frame, those of other frames often get right. Positions
are followed through the flow from frame to frame, backwards by finding the place that moves here; a mask counts the
less, the more frames it lies away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import Placed
from stc_pseudo.puzzle.box_grid import BoxGrid

SIDE = 48  # cells a side of a box, that votes are counted in
DECAY = 0.8  # of a vote's weight, a frame
INVERSIONS = 3  # fixed-point iterations that find where a flow comes from
COLOUR_DEVIATION = 10.0  # of 0..255 RGB, between two pictures of one place


@dataclass(frozen=True, eq=False)
class Moment:
    """One of some frames that follow each other.

    Attributes:
        masks: of its boxes.
        boxes: N of them.
        flow: (h, w, 2) float32 to the next frame, (dx, dy) in pixels; that of the last is not used.
        colour: (h', w', 3) uint8 or float32, the picture, maybe smaller.
        size: (height, width) of the frame.
    """

    masks: list[Placed]
    boxes: FrameBoxes
    flow: np.ndarray
    colour: np.ndarray
    size: tuple[int, int]


def vote(moments: Sequence[Moment], reach: int) -> list[list[Placed]]:
    """Average the masks of each track over frames in a row.

    Args:
        moments: n frames that follow each other.
        reach: frames each way whose masks vote.

    Returns:
        the masks of each frame, where the own ones lie.
    """
    rows = [{int(track): k for k, track in enumerate(moment.boxes.track_ids)} for moment in moments]
    voted = []
    for t, moment in enumerate(moments):
        masks = []
        for k, (place, share) in enumerate(moment.masks):
            track = int(moment.boxes.track_ids[k])
            around = range(max(t - reach, 0), min(t + reach + 1, len(moments)))
            near = {u: moments[u].masks[rows[u][track]] for u in around if u != t and track in rows[u]}
            masks.append((place, _averaged(place, share, moment.boxes.xyxy[k], t, near, moments) if near else share))
        voted.append(masks)
    return voted


def _averaged(
    place: tuple[slice, slice],
    share: np.ndarray,
    box: np.ndarray,
    t: int,
    near: dict[int, Placed],
    moments: Sequence[Moment],
) -> np.ndarray:
    """A box's share (h, w) of the pixels at `place`, averaged with the masks `near` it by the frame's position."""
    size = moments[t].size
    grid = BoxGrid(box, size, SIDE, 0.0)
    axes = (grid.corner[axis] + grid.cell[axis] * (np.arange(SIDE) + 0.5) for axis in (0, 1))
    start = np.stack(np.meshgrid(*axes), -1).astype(np.float32)
    colour = _at_pixels(moments[t].colour, start, size)
    total, weight = np.zeros((2, SIDE, SIDE), np.float32)
    for direction in (1, -1):
        points, u = start, t
        while direction * u < max(direction * other for other in near):
            flow = moments[u if direction > 0 else u - 1].flow
            points = follow(points, flow, size) if direction > 0 else trace_back(points, flow, size)
            u += direction
            if u in near:
                (rows, columns), mask = near[u]
                # What is occluded there, or went along a wrong flow, looks different; beyond the picture nobody sees.
                apart = np.square(_at_pixels(moments[u].colour, points, size) - colour).sum(-1)
                inside = ((points >= 0) & (points < size[::-1])).all(-1)
                trust = DECAY ** abs(u - t) * inside * np.exp(-apart / (2 * COLOUR_DEVIATION**2))
                total += trust * _at(mask, points - np.array([columns.start, rows.start], np.float32))
                weight += trust
    # From cells of the box to the pixels at `place`.
    rows, columns = place
    scale = 1 / grid.cell
    shift = (np.array([columns.start, rows.start]) + 0.5 - grid.corner) * scale - 0.5
    pixels = cv2.warpAffine(
        np.stack([total, weight], -1),
        np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]]),
        share.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    mean = (share + pixels[..., 0]) / (1 + pixels[..., 1])
    return np.where(share > 0, mean, mean * _in_box(box, place)).astype(np.float32)


def _in_box(box: np.ndarray, place: tuple[slice, slice]) -> np.ndarray:
    """Which pixels of `place` have their centre in the box: (h, w) bool."""
    y, x = (np.arange(part.start, part.stop) + 0.5 for part in place)
    return ((y > box[1]) & (y < box[3]))[:, None] & ((x > box[0]) & (x < box[2]))


def follow(points: np.ndarray, flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where points (a, b, 2) float32, pixels, are on the next frame by a flow (h, w, 2) of a frame of `size`."""
    return points + _at_pixels(flow, points, size)


def trace_back(points: np.ndarray, flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where points (a, b, 2) float32, pixels, were on the frame before, whose flow (h, w, 2) is given."""
    before = points
    for _ in range(INVERSIONS):
        before = points - _at_pixels(flow, before, size)
    return before


def _at_pixels(values: np.ndarray, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate a map of the frame at points of it, pixels: float32; beyond the map its border's values go on."""
    cell = max(round(size[0] / values.shape[0]), 1)
    return _at(values, points / cell, cv2.BORDER_REPLICATE).astype(np.float32, copy=False)


def _at(values: np.ndarray, points: np.ndarray, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """Interpolate (h, w[, C]) at points (a, b, 2), where the centre of the first value is at (0.5, 0.5)."""
    x, y = points[..., 0] - np.float32(0.5), points[..., 1] - np.float32(0.5)
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border)
