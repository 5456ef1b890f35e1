"""What goes into the tracker on one frame, and what comes out. Everything is read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


class _Frozen:
    """Arrays of a data class that nobody may write to."""

    __slots__: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in type(self).__slots__:
            value = getattr(self, name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Detections(_Frozen):
    """The N detections of one frame.

    Attributes:
        frame: number of the frame; from one call of `Tracker.update` to the next it must grow.
        boxes: (N, 4) float64 x1 y1 x2 y2, pixels, x1 < x2 and y1 < y2.
        scores: (N,) float64, confidence.
        class_ids: (N,) int64.
        masks: N masks, each (S, 2) int64 as `formats.rle.spans` gives them, S >= 1 (`masks.LazyMasks` decodes those
            that are asked for); None tracks by boxes alone.
        height: of the frame, pixels; only masks need it.
        cues: (N, 2, 3) float64 inverse depth and flow (dx, dy) at the upper left and the lower right corner
            (`cues.CueReader`); None where there are none.
        camera: (2, 6) float64, the background's motion from each frame to the next (`ego_motion.background_motion`), or
            (S, 2, 6), one for each frame since the last update; None where it is not known. Only detections with cues
            can use it.
    """

    frame: int
    boxes: np.ndarray
    scores: np.ndarray
    class_ids: np.ndarray
    masks: Sequence[np.ndarray] | None = None
    height: int = 0
    cues: np.ndarray | None = None
    camera: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def empty(frame: int = 0) -> Detections:
        """A frame without detections."""
        return Detections(frame, np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Tracks(_Frozen):
    """The tracks of one frame. A track keeps its id, from 1, unique over all classes, for ever.

    Attributes:
        frame: number of the frame.
        indices: (K,) int64, which of the frame's detections belong to a track, increasing.
        track_ids: (K,) int64, their tracks.
        confirmed: (K,) bool; False while the track's scores do not yet add up to `TrackerSettings.confirm_score`.
        boxes: (K, 4) float64, the boxes after filtering, pixels.
        missing_ids: (M,) int64, confirmed tracks without a detection on this frame that are still looked for.
        missing_for: (M,) int64, for how many frames, from 1.
        missing_scores: (M,) float64, sum of their detections' scores.
        missing_boxes: (M, 4) float64, where they are expected.
    """

    frame: int
    indices: np.ndarray
    track_ids: np.ndarray
    confirmed: np.ndarray
    boxes: np.ndarray
    missing_ids: np.ndarray
    missing_for: np.ndarray
    missing_scores: np.ndarray
    missing_boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)
