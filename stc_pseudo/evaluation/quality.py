"""How good each pseudo-mask of a store looks without true masks, and why.

Everything is read from the store: the score that the build kept (`puzzle.score`: contrast of motion along the outline,
certainty, agreement of the candidate masks), how well the mask fills its box, and how well it agrees with the masks of
the same track on the neighbouring frames, moved along the flow. Of refined masks the score alone (`refine.rating`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stc_pseudo.store.reader import SequenceReader
from stc_track.formats.store import CELL

PIXELS = 400  # of a mask that are followed along the flow, at most
BORDER = 1.0  # pixels from the frame's border, within which a box is cut by it
RING = 0.5  # of a box's sides, that its surroundings reach beyond it
WITHOUT_NEIGHBOUR = np.nan


@dataclass(frozen=True)
class Instance:
    """One box of a store, and how good its mask looks.

    Attributes:
        sequence: its name.
        position: of the frame in the sequence, from 0.
        frame: the data set's number of the frame.
        row: of the box among those of its frame.
        class_id, track_id: of the box.
        box: x1 y1 x2 y2, pixels.
        area: pixels of the mask; 0 where there is none.
        score: as the store keeps it, 0..1.
        fit: IoU of the mask's tight box with the box, as far as that lies in the frame.
        steadiness: mean IoU with the track's masks before and after, moved along the flow; NaN without such masks.
        hidden: share of the box that belongs to other objects.
        truncated: whether the frame's border cuts the box.
        depth_contrast, motion_contrast: difference in inverse depth, and in flow, of the mask from what is around the
            box, in units of the spread of both; NaN where nothing is around it.
        quality: 0..1, larger is better (`quality`); 0 without a mask.
    """

    sequence: str
    position: int
    frame: int
    row: int
    class_id: int
    track_id: int
    box: tuple[float, float, float, float]
    area: int
    score: float
    fit: float
    steadiness: float
    hidden: float
    truncated: bool
    depth_contrast: float
    motion_contrast: float
    quality: float

    @property
    def side(self) -> float:
        """The box's shorter side, pixels."""
        x1, y1, x2, y2 = self.box
        return min(x2 - x1, y2 - y1)


def instances_of(sequence: SequenceReader) -> Iterator[Instance]:
    """Every box of a sequence, by frame, a frame and the next in memory at a time."""
    objects, steadiness, refined = None, np.zeros(0), "refine" in sequence.provenance
    before = _Links(np.zeros(0, np.int64), np.zeros(0))
    for t, number in enumerate(sequence.numbers):
        boxes = sequence.boxes_at(t)
        objects = sequence.read("objects", t) if objects is None else objects
        after, following = _Links(boxes.track_ids[:0], np.zeros(0)), None
        flow = np.nan_to_num(sequence.read("flow", t).astype(np.float32))  # NaN where a whole map is unknown
        if t + 1 < len(sequence) and len(boxes):
            following = sequence.read("objects", t + 1)
            after = _link_masks(objects, following, flow, boxes.track_ids, sequence.boxes_at(t + 1).track_ids)
        depth = np.nan_to_num(sequence.read("inverse_depth", t).astype(np.float32))
        cells = sequence.read("instances", t)
        scores = sequence.column("box_score", t)
        areas = sequence.column("box_area", t)
        for row, box in enumerate(boxes.xyxy):
            track = int(boxes.track_ids[row])
            links_of_track = np.array([value for links in (before, after) if (value := links.of(track)) is not None])
            steadiness = float(links_of_track.mean()) if len(links_of_track) else WITHOUT_NEIGHBOUR
            fit, hidden = _fit(objects, box, row + 1)
            contrasts = _contrasts(cells, box, row + 1, depth[None], flow)
            area = int(areas[row])
            yield Instance(
                sequence.name,
                t,
                number,
                row,
                int(boxes.class_ids[row]),
                track,
                tuple(box.tolist()),
                area,
                float(scores[row]),
                fit,
                steadiness,
                hidden,
                _is_truncated(box, sequence.size),
                *contrasts,
                quality(float(scores[row]), fit, steadiness, refined) if area else 0.0,
            )
        before, objects = after, following


def quality(score: float, fit: float, steadiness: float, refined: bool = False) -> float:
    """Weighted geometric mean of a mask's score (twice), fit and steadiness, each 0..1; NaN does not count.

    The score alone of refined masks: they were taught to fill their boxes, and frames have voted on each other, so that
    fit and steadiness tell nothing more of them.
    """
    if refined:
        return score
    parts, weights = np.array([score, fit, steadiness]), np.array([2.0, 1.0, 1.0])
    measured = ~np.isnan(parts)
    return float(np.prod(parts[measured] ** (weights[measured] / weights[measured].sum())))


@dataclass(frozen=True, eq=False)
class _Links:
    """IoU of masks with those of their tracks on the next frame."""

    tracks: np.ndarray
    overlaps: np.ndarray

    def of(self, track: int) -> float | None:
        (rows,) = np.nonzero(self.tracks == track)
        return float(self.overlaps[rows[0]]) if len(rows) else None


def _link_masks(
    objects: np.ndarray, following: np.ndarray, flow: np.ndarray, tracks: np.ndarray, next_tracks: np.ndarray
) -> _Links:
    """Compare masks of a frame, moved along its flow, with those of their tracks on the next.

    Args:
        objects, following: (H, W) uint16 of both frames.
        flow: (2, h, w) float32, pixels, of the first.
        tracks, next_tracks: of the boxes of both frames.
    """
    height, width = objects.shape
    next_areas = np.bincount(following.ravel(), minlength=len(next_tracks) + 1)
    order = np.flatnonzero(objects)
    owners = objects.ravel()[order]
    order = order[np.argsort(owners, kind="stable")]
    ends = np.cumsum(np.bincount(owners, minlength=len(tracks) + 1))
    shared, overlaps = [], []
    for row, track in enumerate(tracks.tolist()):
        (other,) = np.nonzero(next_tracks == track)
        pixels = order[ends[row] : ends[row + 1]]
        if not len(other) or not len(pixels) or not next_areas[other[0] + 1]:
            continue
        sample = pixels[:: -(-len(pixels) // PIXELS)]
        y, x = np.divmod(sample, width)
        cell = np.minimum(y // CELL, flow.shape[1] - 1), np.minimum(x // CELL, flow.shape[2] - 1)
        x, y = np.rint(x + flow[0][cell]).astype(int), np.rint(y + flow[1][cell]).astype(int)
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if not inside.any():
            continue
        # what leaves the frame cannot be found again
        area = len(pixels) * inside.mean()
        common = area * np.mean(following[y[inside], x[inside]] == other[0] + 1)
        common = min(common, float(next_areas[other[0] + 1]))
        shared.append(track)
        overlaps.append(common / (area + next_areas[other[0] + 1] - common))
    return _Links(np.array(shared, np.int64), np.array(overlaps))


def _fit(objects: np.ndarray, box: np.ndarray, number: int) -> tuple[float, float]:
    """IoU of the tight box of object `number` with its box in the frame, and the share of the box that others own."""
    height, width = objects.shape
    x1, y1 = np.clip(box[:2], 0, (width, height))
    x2, y2 = np.clip(box[2:], 0, (width, height))
    left, top, right, bottom = int(x1), int(y1), int(np.ceil(x2)), int(np.ceil(y2))
    window = objects[top:bottom, left:right]
    mask = window == number
    if not mask.any():
        return 0.0, float(np.mean(window > 0)) if window.size else 0.0
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    tight = np.array([left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1], float)
    inner = np.prod(np.minimum(tight[2:], (x2, y2)) - np.maximum(tight[:2], (x1, y1)))
    union = np.prod(tight[2:] - tight[:2]) + (x2 - x1) * (y2 - y1) - inner
    return float(inner / union), float(np.mean((window > 0) & ~mask))


def _contrasts(cells: np.ndarray, box: np.ndarray, number: int, *maps: np.ndarray) -> list[float]:
    """Difference of medians of the object and its surroundings in units of both spreads, of each map (C, h, w)."""
    height, width = cells.shape
    margin = RING * (box[2:] - box[:2])
    low = np.clip((box[:2] - margin) / CELL, 0, (width, height)).astype(int)
    high = np.clip(np.ceil((box[2:] + margin) / CELL), 0, (width, height)).astype(int)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    mask, around = cells[window] == number, cells[window] == 0
    first, last = (np.floor(box[:2] / CELL).astype(int) - low).clip(min=0), np.ceil(box[2:] / CELL).astype(int) - low
    around[first[1] : last[1], first[0] : last[0]] = False
    if not mask.any() or not around.any():
        return [WITHOUT_NEIGHBOUR] * len(maps)
    contrasts = []
    for values in maps:
        within, outside = values[(slice(None), *window)][:, mask], values[(slice(None), *window)][:, around]
        centre, surroundings = np.median(within, 1), np.median(outside, 1)
        spread = [
            np.nanmedian(np.linalg.norm(v - c[:, None], axis=0)) for v, c in ((within, centre), (outside, surroundings))
        ]
        contrasts.append(float(np.linalg.norm(centre - surroundings) / max(sum(spread), 1e-6)))
    return contrasts


def _is_truncated(box: np.ndarray, size: tuple[int, int]) -> bool:
    height, width = size
    low, high = box[:2] <= BORDER, box[2:] >= np.array((width, height)) - BORDER
    return bool(low.any() or high.any())
