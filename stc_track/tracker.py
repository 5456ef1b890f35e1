"""The online tracker (III-C): predict, match in rounds, update, end and begin tracks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from stc_track import cues, overlap
from stc_track.matching import MATCHERS
from stc_track.motion import STILL, KalmanState, points_of
from stc_track.settings import TrackerSettings
from stc_track.types import Detections, Tracks

_MATCHES_A_ROUND = (
    2  # Algorithm 1 leaves tracks without a partner whose nearest detection chose another: match them again
)


@dataclass(slots=True, eq=False)
class _Table:
    """What is remembered of G live tracks, one row each.

    Attributes:
        track_ids, class_ids: (G,) int64.
        missing: (G,) int64, frames since the last detection.
        boxes: (G, 4), cues: (G, 2, 3), masks: (G,) object of (S, 2): of the last detection.
    """

    track_ids: np.ndarray
    class_ids: np.ndarray
    missing: np.ndarray
    boxes: np.ndarray
    cues: np.ndarray
    masks: np.ndarray

    def select(self, rows: np.ndarray) -> _Table:
        return _Table(*(getattr(self, each.name)[rows] for each in fields(self)))

    def joined(self, other: _Table) -> _Table:
        pairs = ((getattr(self, each.name), getattr(other, each.name)) for each in fields(self))
        return _Table(*(np.concatenate(pair) for pair in pairs))


class Tracker:
    """Links the detections of one sequence, frame by frame, each frame from the past alone.

    Examples:
        >>> tracker = Tracker()
        >>> for frame, x in enumerate((10.0, 14.0, 18.0)):
        ...     boxes = np.array([[x, 5.0, x + 20, 30.0]])
        ...     tracks = tracker.update(Detections(frame, boxes, np.ones(1), np.ones(1, np.int64)))
        >>> tracks.track_ids
        array([1])
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self.settings = settings or TrackerSettings()
        self._match = MATCHERS[self.settings.matching]
        self._kalman = STILL if self.settings.motion == "none" else self.settings.kalman
        self._frame: int | None = None
        self._begun = 0
        self._table, self._state = self._begin(Detections.empty(), np.zeros(0, np.int64))

    def update(self, detections: Detections) -> Tracks:
        """Continue, end and begin tracks with the next frame's detections.

        Frames left out count as frames without detections.

        Raises:
            ValueError: the frame is not after the last one.
        """
        self._advance(detections.frame)
        scores, settings = detections.scores, self.settings
        sure = scores >= settings.high_score
        partner = np.full(len(detections), -1)
        if len(detections) and len(self._table.missing):
            near, far = self._costs(detections)
            self._round(near, sure, partner)
            if not settings.single_threshold:
                self._round(near, ~sure & (scores >= settings.low_score), partner)
            self._pair(far, sure, partner)
        return self._take_in(detections, partner, (partner < 0) & sure)

    def _advance(self, frame: int) -> None:
        """Predict every track at `frame`; end those that have been missing for too long."""
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame must be after {self._frame}. Got {frame}")
        steps = 1 if self._frame is None else min(frame - self._frame, self.settings.max_gap + 2)
        for _ in range(steps):
            self._state.velocity[self._table.missing > 0] *= self.settings.coast
            self._state.predict(self._kalman)
            self._table.missing += 1
        live = self._table.missing <= self.settings.max_gap + 1
        if not live.all():
            self._table, self._state = self._table.select(live), self._state.select(live)
        self._frame = frame

    def _costs(self, detections: Detections) -> tuple[np.ndarray, np.ndarray]:
        """Cost of each track with each detection, (G, K) each, inf where a pair is out of the question.

        Returns:
            near: Eq. 9 with the mask's coverage beside it, within the gate. far: position and size, within reach.
        """
        settings, table = self.settings, self._table
        sides, others = (boxes[:, 2:] - boxes[:, :2] for boxes in (table.boxes, detections.boxes))
        sizes = (np.hypot(*sides.T)[:, None] + np.hypot(*others.T)) / 2
        difference = points_of(detections.boxes, settings.motion) - self._state.position[:, None]
        # root mean square over the points, so that one point and two are measured alike
        distance = np.sqrt(2 * np.square(difference).mean(-1)) / sizes
        same = table.class_ids[:, None] == detections.class_ids
        near = np.where(same & (distance <= settings.gate), settings.alpha[0] * distance, np.inf)
        if detections.cues is not None and settings.cue_terms != "none":
            depth, flow = cues.discrepancy(table.cues, detections.cues, sizes, settings.cue_terms)
            near += settings.alpha[1] * depth + settings.alpha[2] * flow
        if detections.masks is not None and settings.mask_weight:
            near += settings.mask_weight * (1 - self._coverage(detections, np.isfinite(near)))
        within = same & (distance <= settings.reach) & (table.missing[:, None] <= settings.reach_frames + 1)
        unlike = np.abs(np.log(sides)[:, None] - np.log(others)).sum(-1)
        return near, np.where(within, distance + settings.size_weight * unlike, np.inf)

    def _coverage(self, detections: Detections, pairs: np.ndarray) -> np.ndarray:
        """Coverage (G, K) of the tracks' last masks, moved by as much as their points, and the detections' masks."""
        table = self._table
        points = self._state.position - points_of(table.boxes, self.settings.motion)
        offsets = points.reshape(len(points), -1, 2).mean(1)
        moved = table.boxes + np.tile(offsets, 2)
        boxes = detections.boxes
        touch = (moved[:, None, :2] < boxes[:, 2:]) & (boxes[:, :2] < moved[:, None, 2:])
        masks = [
            overlap.shifted(mask, offset, detections.height) for mask, offset in zip(table.masks, offsets, strict=True)
        ]
        return overlap.coverage(masks, detections.masks, pairs & touch.all(-1))

    def _round(self, costs: np.ndarray, chosen: np.ndarray, partner: np.ndarray) -> None:
        """Match free tracks with the detections `chosen` (K,) bool; writes the tracks' rows into `partner` (K,)."""
        if self.settings.cascade:
            for missing in np.unique(self._table.missing):
                level = np.where((self._table.missing == missing)[:, None], costs, np.inf)
                self._pair(level, chosen, partner)
        for _ in range(_MATCHES_A_ROUND):
            self._pair(costs, chosen, partner)

    def _pair(self, costs: np.ndarray, chosen: np.ndarray, partner: np.ndarray) -> None:
        columns = (chosen & (partner < 0)).nonzero()[0]
        if not len(columns):
            return
        free = np.ones(len(costs), bool)
        free[partner[partner >= 0]] = False
        rows = free.nonzero()[0]
        if len(rows):
            found, taken = self._match(costs[rows[:, None], columns])
            partner[columns[taken]] = rows[found]

    def _take_in(self, detections: Detections, partner: np.ndarray, new: np.ndarray) -> Tracks:
        """Update the tracks that have a partner, begin tracks with the detections `new` (K,) bool."""
        settings = self.settings
        matched = np.flatnonzero(partner >= 0)
        rows, fresh = partner[matched], np.flatnonzero(new)
        self._state.update(rows, points_of(detections.boxes[matched], settings.motion), self._kalman)
        begun, state = self._begin(detections, fresh)
        if settings.common_start and settings.motion != "none":
            state.velocity += self._common_velocity(rows)
        table = self._table
        table.missing[rows] = 0
        table.boxes[rows] = detections.boxes[matched]
        if detections.cues is not None:
            table.cues[rows] = detections.cues[matched]
        if detections.masks is not None:
            table.masks[rows] = _objects(detections.masks, matched)
        track_ids = np.zeros(len(detections), np.int64)
        track_ids[matched], track_ids[fresh] = table.track_ids[rows], begun.track_ids
        if len(fresh):
            self._table, self._state = table.joined(begun), self._state.joined(state)
        indices = np.flatnonzero(track_ids)
        return Tracks(detections.frame, indices, track_ids[indices])

    def _common_velocity(self, rows: np.ndarray) -> np.ndarray:
        """Median velocity of the tracks `rows` over their points, for each coordinate (C,); 0 without tracks."""
        coordinates = self._state.velocity.shape[1]
        if not len(rows):
            return np.zeros(coordinates)
        velocity = self._state.velocity[rows].reshape(len(rows), -1, 2).mean(1)
        return np.tile(np.median(velocity, 0), coordinates // 2)

    def _begin(self, detections: Detections, fresh: np.ndarray) -> tuple[_Table, KalmanState]:
        """New tracks from the detections `fresh` (K,), at rest."""
        count = len(fresh)
        track_ids = self._begun + 1 + np.arange(count)
        self._begun += count
        table = _Table(
            track_ids=track_ids,
            class_ids=detections.class_ids[fresh],
            missing=np.zeros(count, np.int64),
            boxes=detections.boxes[fresh],
            cues=np.zeros((count, 2, 3)) if detections.cues is None else detections.cues[fresh],
            masks=_objects(detections.masks, fresh),
        )
        return table, KalmanState.start(points_of(table.boxes, self.settings.motion), self._kalman)


def _objects(masks: tuple[np.ndarray, ...] | None, indices: np.ndarray) -> np.ndarray:
    """Masks in an array of objects (K,), which NumPy's own constructor would try to stack."""
    chosen = np.empty(len(indices), object)
    if masks is not None:
        for place, index in enumerate(indices):
            chosen[place] = masks[index]
    return chosen
