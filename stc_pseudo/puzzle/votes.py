"""Votes along a track: the masks of the frames before and after, carried along the flow, beside a frame's own.

What a mask gets wrong by the light or the surroundings of one frame, those of other frames often get right. Positions
are followed through the flow from frame to frame, backwards by finding the place that moves here; a mask counts the
less, the more frames it lies away.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import Placed
from stc_pseudo.puzzle.box_grid import BoxGrid

SIDE = 48  # cells a side of a box, that votes are counted in
DECAY = 0.8  # of a vote's weight, a frame
INVERSIONS = 3  # fixed-point iterations that find where a flow comes from


def vote(
    masks: Sequence[Sequence[Placed]],
    boxes: Sequence[FrameBoxes],
    flows: Sequence[np.ndarray],
    cell: int,
    size: tuple[int, int],
    reach: int,
) -> list[list[Placed]]:
    """Average the masks of each track over frames in a row.

    Args:
        masks: of each of n frames that follow each other, its boxes' masks.
        boxes: of each frame.
        flows: of each frame, (2, h, w) float32 to the next frame, (dx, dy) in pixels; that of the last is not used.
        cell: pixels a side of a flow's cells.
        size: (height, width) of the frames.
        reach: frames each way whose masks vote.

    Returns:
        the masks of each frame, where the own ones lie.
    """
    fields = [np.ascontiguousarray(flow.transpose(1, 2, 0)) for flow in flows]
    rows = [{int(track): k for k, track in enumerate(on_frame.track_ids)} for on_frame in boxes]
    voted = []
    for t, of_frame in enumerate(masks):
        own = []
        for k, (place, share) in enumerate(of_frame):
            track = int(boxes[t].track_ids[k])
            near = {u: masks[u][rows[u][track]] for u in _neighbours(t, track, rows, reach)}
            own.append((place, _averaged(place, share, boxes[t].xyxy[k], t, near, fields, cell, size)))
        voted.append(own)
    return voted


def _neighbours(t: int, track: int, rows: list[dict[int, int]], reach: int) -> list[int]:
    """Positions of the frames around `t` that have a box of the track."""
    return [u for u in range(max(t - reach, 0), min(t + reach + 1, len(rows))) if u != t and track in rows[u]]


def _averaged(
    place: tuple[slice, slice],
    share: np.ndarray,
    box: np.ndarray,
    t: int,
    near: dict[int, Placed],
    fields: list[np.ndarray],
    cell: int,
    size: tuple[int, int],
) -> np.ndarray:
    """A box's share (h, w) of the pixels at `place`, averaged with the masks `near` it by the frame's position."""
    if not near:
        return share
    grid = BoxGrid(box, size, SIDE, 0.0)
    start = np.stack(
        np.meshgrid(*(grid.corner[axis] + grid.cell[axis] * (np.arange(SIDE) + 0.5) for axis in (0, 1))), -1
    ).astype(np.float32)
    total, weight = np.zeros((2, SIDE, SIDE), np.float32)
    for direction in (1, -1):
        points, u = start, t
        while direction * u < max(direction * other for other in near):
            points = follow(points, fields[u], cell) if direction > 0 else trace_back(points, fields[u - 1], cell)
            u += direction
            if u in near:
                (rows, columns), mask = near[u]
                # Where the object has left the picture, nobody can say.
                seen = ((points >= 0) & (points < size[::-1])).all(-1) * np.float32(DECAY ** abs(u - t))
                corner = np.array([columns.start, rows.start], np.float32)
                total += seen * _at(mask, points - corner)
                weight += seen
    (rows, columns), values = place, np.stack([total, weight], -1)
    # From cells of the box to the pixels at `place`.
    scale = 1 / grid.cell
    shift = (np.array([columns.start, rows.start]) + 0.5 - grid.corner) * scale - 0.5
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    pixels = cv2.warpAffine(
        values,
        matrix,
        share.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    mean = (share + pixels[..., 0]) / (1 + pixels[..., 1])
    return np.where(share > 0, mean, np.minimum(mean, _outside_of(box, place))).astype(np.float32)


def _outside_of(box: np.ndarray, place: tuple[slice, slice]) -> np.ndarray:
    """1 for the pixels of `place` whose centre is in the box, 0 for others: (h, w)."""
    y, x = (np.arange(part.start, part.stop) + 0.5 for part in place)
    return ((y > box[1]) & (y < box[3]))[:, None] & ((x > box[0]) & (x < box[2]))


def follow(points: np.ndarray, field: np.ndarray, cell: int) -> np.ndarray:
    """Where points (..., 2) float32, pixels, are on the next frame by its flow (h, w, 2)."""
    return points + _at(field, points / cell, border=cv2.BORDER_REPLICATE)


def trace_back(points: np.ndarray, field: np.ndarray, cell: int) -> np.ndarray:
    """Where points (..., 2) float32, pixels, were on the frame before, of which `field` (h, w, 2) is the flow."""
    before = points
    for _ in range(INVERSIONS):
        before = points - _at(field, before / cell, border=cv2.BORDER_REPLICATE)
    return before


def _at(values: np.ndarray, points: np.ndarray, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """Interpolate (h, w[, C]) float32 at points (a, b, 2), where the centre of the first value is at (0.5, 0.5)."""
    x, y = points[..., 0] - 0.5, points[..., 1] - 0.5
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border)
