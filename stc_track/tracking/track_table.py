"""What the tracker remembers of its live tracks beside their motion: one array a quantity, one row a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stc_track.tracking.types import Detections


@dataclass(slots=True, eq=False)
class TrackTable:
    """G tracks.

    Attributes:
        track_ids, class_ids: (G,) int64.
        missing: (G,) int64, frames since the last detection.
        accumulated_score: (G,) float64, sum of the detections' scores.
        hits: (G,) int64, frames with a detection.
        boxes: (G, 4), diagonals: (G,) pixels, cues: (G, 2, 3), of the last detection.
        masks: G places of masks, each the masks of a frame and which of them; None without masks.
    """

    track_ids: np.ndarray
    class_ids: np.ndarray
    missing: np.ndarray
    accumulated_score: np.ndarray
    hits: np.ndarray
    boxes: np.ndarray
    diagonals: np.ndarray
    cues: np.ndarray
    masks: list[tuple[Sequence[np.ndarray], int] | None]

    def __len__(self) -> int:
        return len(self.track_ids)

    @staticmethod
    def start(detections: Detections, chosen: np.ndarray, track_ids: np.ndarray) -> TrackTable:
        """New tracks `track_ids` (K,) from the detections `chosen` (K,)."""
        count, masks = len(chosen), detections.masks
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
            masks=[None] * count if masks is None else [(masks, index) for index in chosen.tolist()],
        )

    def mask(self, row: int) -> np.ndarray:
        """The last mask (S, 2) of a track that has one."""
        place = self.masks[row]
        if place is None:
            raise ValueError(f"track {self.track_ids[row]} has no mask")
        masks, index = place
        return masks[index]

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
            for row, index in zip(rows.tolist(), chosen.tolist(), strict=True):
                self.masks[row] = detections.masks, index

    def select(self, kept: np.ndarray) -> TrackTable:
        """The tracks `kept` (G,) bool."""
        arrays = {name: getattr(self, name)[kept] for name in _ARRAYS}
        return TrackTable(**arrays, masks=[mask for mask, keep in zip(self.masks, kept.tolist(), strict=True) if keep])

    def joined(self, other: TrackTable) -> TrackTable:
        """These tracks, then the others."""
        arrays = {name: np.concatenate((getattr(self, name), getattr(other, name))) for name in _ARRAYS}
        return TrackTable(**arrays, masks=self.masks + other.masks)


_ARRAYS = ("track_ids", "class_ids", "missing", "accumulated_score", "hits", "boxes", "diagonals", "cues")


def diagonals(boxes: np.ndarray) -> np.ndarray:
    """Length (N,) of the boxes' (N, 4) diagonals, pixels."""
    return np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
