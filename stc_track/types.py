"""What goes into the tracker on one frame, and what comes out. Everything is read-only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The N detections of one frame.

    Attributes:
        frame: number of the frame; from one call of `Tracker.update` to the next it must grow.
        boxes: (N, 4) float64 x1 y1 x2 y2, pixels, x1 < x2 and y1 < y2.
        scores: (N,) float64, confidence.
        class_ids: (N,) int64.
        masks: N masks, each (S, 2) int64 as `formats.rle.spans` gives them, S >= 1; None tracks by boxes alone.
        height: of the frame, pixels; only masks need it.
        cues: (N, 2, 3) float64 inverse depth and flow (dx, dy) at the upper left and the lower right corner
            (`cues.CueReader`); None where there are none.
    """

    frame: int
    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    masks: tuple[np.ndarray, ...] | None = None
    height: int = 0
    cues: np.ndarray | None = None

    def __post_init__(self) -> None:
        for array in (self.boxes, self.scores, self.class_ids, self.cues):
            if array is not None:
                array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def empty(frame: int = 0) -> Detections:
        """A frame without detections."""
        return Detections(frame, np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The K detections of one frame that belong to a track.

    Attributes:
        frame: number of the frame.
        indices: (K,) int64, which of the frame's detections, increasing.
        track_ids: (K,) int64, from 1, unique over all classes; a track keeps its own for ever.
    """

    frame: int
    indices: np.ndarray
    track_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)
