"""What the tracker remembers of its live tracks beside their motion: one array a quantity, one row a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stc_track.masks.iou import areas
from stc_track.tracking.types import Detections


class View(NamedTuple):
    """A detection's mask, for its track.

    Attributes:
        masks, place: the masks of its frame, and which of them.
        box: (4,) of the detection.
        area: pixels of the mask.
    """

    masks: Sequence[np.ndarray]
    place: int
    box: np.ndarray
    area: float

    def mask(self) -> np.ndarray:
        """The mask (S, 2)."""
        return self.masks[self.place]


@dataclass(slots=True, eq=False)
class TrackTable:
    """G tracks.

    Attributes:
        track_ids, class_ids: (G,) int64.
        missing: (G,) int64, frames since the last detection.
        accumulated_score: (G,) float64, sum of the detections' scores.
        hits: (G,) int64, frames with a detection.
        boxes: (G, 4), diagonals: (G,) pixels, cues: (G, 2, 3), of the last detection.
        views: of each track the mask of its last detection, then of the one before; none without masks.
    """

    track_ids: np.ndarray
    class_ids: np.ndarray
    missing: np.ndarray
    accumulated_score: np.ndarray
    hits: np.ndarray
    boxes: np.ndarray
    diagonals: np.ndarray
    cues: np.ndarray
    views: list[tuple[View, ...]]

    def __len__(self) -> int:
        return len(self.track_ids)

    @staticmethod
    def start(detections: Detections, chosen: np.ndarray, track_ids: np.ndarray) -> TrackTable:
        """New tracks `track_ids` (K,) from the detections `chosen` (K,)."""
        count = len(chosen)
        boxes = detections.boxes[chosen]
        return TrackTable(
            track_ids=track_ids,
            class_ids=detections.class_ids[chosen],
            missing=np.zeros(count, np.int64),
            accumulated_score=detections.scores[chosen],
            hits=np.ones(count, np.int64),
            boxes=boxes,
            diagonals=diagonals(boxes),
            cues=np.full((count, 2, 3), np.nan) if detections.cues is None else detections.cues[chosen],
            views=[()] * count if detections.masks is None else [(view,) for view in _views(detections, chosen)],
        )

    def update(self, rows: np.ndarray, detections: Detections, chosen: np.ndarray) -> None:
        """The tracks `rows` (K,) continue with the detections `chosen` (K,)."""
        boxes = detections.boxes[chosen]
        self.missing[rows] = 0
        self.accumulated_score[rows] += detections.scores[chosen]
        self.hits[rows] += 1
        self.boxes[rows] = boxes
        self.diagonals[rows] = diagonals(boxes)
        if detections.cues is not None:
            self.cues[rows] = detections.cues[chosen]
        if detections.masks is not None:
            for row, view in zip(rows.tolist(), _views(detections, chosen), strict=True):
                self.views[row] = view, *self.views[row][:1]

    def select(self, kept: np.ndarray) -> TrackTable:
        """The tracks `kept` (G,) bool."""
        arrays = {name: getattr(self, name)[kept] for name in _ARRAYS}
        return TrackTable(
            **arrays, views=[views for views, keep in zip(self.views, kept.tolist(), strict=True) if keep]
        )

    def joined(self, other: TrackTable) -> TrackTable:
        """These tracks, then the others."""
        arrays = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in _ARRAYS}
        return TrackTable(**arrays, views=self.views + other.views)


_ARRAYS = ("track_ids", "class_ids", "missing", "accumulated_score", "hits", "boxes", "diagonals", "cues")


def diagonals(boxes: np.ndarray) -> np.ndarray:
    """Length (N,) of the boxes' (N, 4) diagonals, pixels."""
    return np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def _views(detections: Detections, chosen: np.ndarray) -> list[View]:
    """Of the detections `chosen` (K,), which have masks."""
    masks = detections.masks
    if masks is None:
        raise ValueError("the detections have no masks")
    sizes = areas(masks)
    return [View(masks, index, detections.boxes[index], float(sizes[index])) for index in chosen.tolist()]
