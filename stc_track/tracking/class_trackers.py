"""Classes with settings of their own: a tracker for each, ids shared."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.tracker import Tracker
from stc_track.tracking.types import Detections, Tracks


class ClassTrackers:
    """As `Tracker`, with settings by class. What the tracker learns from a frame's motion, it learns class by class.

    Args:
        by_class: settings of the classes that have their own, by class id.
        settings: of all other classes together; None takes the defaults.
        frame_step: as for `Tracker`.

    Examples:
        >>> slow = TrackerSettings().changed(max_gap=90)
        >>> trackers = ClassTrackers({2: slow})
        >>> boxes = np.array([[5.0, 5, 25, 30], [50, 5, 70, 30]])
        >>> trackers.update(Detections(0, boxes, np.ones(2), np.array([2, 1]))).track_ids
        array([2, 1])
    """

    def __init__(
        self, by_class: Mapping[int, TrackerSettings], settings: TrackerSettings | None = None, frame_step: int = 1
    ) -> None:
        self._settings: dict[int | None, TrackerSettings | None] = {None: settings}
        for class_id, settings_of_class in by_class.items():
            self._settings[class_id] = settings_of_class
        self.frame_step = frame_step
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, for the next sequence; ids count from 1 again."""
        ids = itertools.count(1)
        self._trackers = {key: Tracker(settings, self.frame_step, ids) for key, settings in self._settings.items()}

    def update(self, detections: Detections) -> Tracks:
        """Continue, end and begin tracks of every class; as `Tracker.update` with `Detections`."""
        special = [key for key in self._trackers if key is not None]
        parts = []
        for key, tracker in self._trackers.items():
            chosen = detections.class_ids == key if key is not None else ~np.isin(detections.class_ids, special)
            rows = np.flatnonzero(chosen)
            tracks = tracker.update(_chosen(detections, rows))
            parts.append(replace(tracks, indices=rows[tracks.indices]))
        return _joined(parts)


def _chosen(detections: Detections, rows: np.ndarray) -> Detections:
    masks, cues = detections.masks, detections.cues
    return replace(
        detections,
        boxes=detections.boxes[rows],
        scores=detections.scores[rows],
        class_ids=detections.class_ids[rows],
        masks=None if masks is None else [masks[row] for row in rows.tolist()],
        cues=None if cues is None else cues[rows],
    )


def _joined(parts: list[Tracks]) -> Tracks:
    """Tracks of one frame together, those with a detection in the detections' order."""
    names = [field.name for field in fields(Tracks) if field.name != "frame"]
    together = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(together["indices"], kind="stable")
    for name in ("indices", "track_ids", "confirmed", "boxes"):
        together[name] = together[name][order]
    return Tracks(parts[0].frame, **together)
