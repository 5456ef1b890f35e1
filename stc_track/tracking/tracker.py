"""The online tracker (III-C): predict, match in rounds, update, end and begin tracks."""

from __future__ import annotations

import numpy as np

from stc_track.tracking import costs
from stc_track.tracking.cues import still_terms
from stc_track.tracking.kalman import KalmanState, moved_boxes, points_of
from stc_track.tracking.matching import MATCHERS, Pairs, Partners, left_over
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.track_table import TrackTable
from stc_track.tracking.types import Detections, Tracks

_MATCHES_A_ROUND = (
    2  # Algorithm 1 leaves tracks without a partner whose nearest detection chose another: match them again
)


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
        self._kalman = self.settings.filter
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
        if detections.camera is not None and self.settings.camera_motion:
            self._follow(detections.camera)
        sure = detections.scores >= self.settings.high_score
        partners = self._associate(detections, sure) if len(detections) and len(self._table) else {}
        return self._take_in(detections, partners, sure)

    def _advance(self, frame: int) -> None:
        """Predict every track at `frame`; end those that have been missing for too long."""
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame must be after {self._frame}. Got {frame}")
        settings, table = self.settings, self._table
        for _ in range(1 if self._frame is None else min(frame - self._frame, settings.max_gap + 2)):
            self._state.velocity[table.missing > 0] *= settings.coast
            self._state.predict(self._kalman)
            table.missing += 1
        patience = np.where(table.evidence >= settings.confirm_score, settings.max_gap, settings.tentative_gap)
        live = table.missing <= patience + 1
        if not live.all():
            self._table, self._state = table.select(live), self._state.select(live)
        self._frame = frame

    def _follow(self, camera: np.ndarray) -> None:
        """Move every track as what stands still at its depth moves; velocities are relative to that."""
        position = self._state.position
        points = position.reshape(len(position), position.shape[1] // 2, 2)
        # the upper left corner often shows what is behind the object, the lower right one the ground beside it
        depth = np.nan_to_num(self._table.cues[..., 0]).max(1)
        for corner in range(points.shape[1]):
            points[:, corner] += still_terms(points[:, corner], depth) @ camera.T

    def _associate(self, detections: Detections, sure: np.ndarray) -> Partners:
        """Track (row) of each detection (column) that belongs to one."""
        settings = self.settings
        pairs = costs.pairs(self._table, self._state, detections, settings)
        is_sure = sure.tolist()
        partners: Partners = {}
        if settings.two_rounds:
            self._round([each for each in pairs if is_sure[each[2]]], partners)
        self._round(left_over(pairs, partners), partners)
        return partners

    def _round(self, pairs: Pairs, partners: Partners) -> None:
        """Match what is free among the pairs, by increasing cost; writes into `partners`."""
        if self.settings.cascade:
            missing = self._table.missing.tolist()
            for age in sorted({missing[each[1]] for each in pairs}):
                partners |= self._match(left_over((each for each in pairs if missing[each[1]] == age), partners))
        for _ in range(_MATCHES_A_ROUND if self.settings.matching == "bi-greedy" else 1):
            if not (pairs := left_over(pairs, partners)):
                break
            partners |= self._match(pairs)

    def _take_in(self, detections: Detections, partners: Partners, sure: np.ndarray) -> Tracks:
        """Update the tracks that have a partner, begin tracks with the sure detections that have none."""
        settings = self.settings
        track_rows = np.full(len(detections), -1)
        if partners:
            track_rows[list(partners)] = list(partners.values())
        matched, fresh = np.flatnonzero(track_rows >= 0), np.flatnonzero(sure & (track_rows < 0))
        rows = track_rows[matched]
        if len(matched):
            self._table.see(rows, detections, matched)
            points = points_of(self._table.boxes[rows], settings.motion)
            self._state.update(rows, points, self._table.diagonals[rows], self._kalman)
        if len(fresh):
            begun, state = self._begin(detections, fresh)
            if settings.common_start and settings.motion != "none":
                state.velocity += self._common_velocity(rows)
            track_rows[fresh] = len(self._table) + np.arange(len(fresh))
            self._table, self._state = self._table.joined(begun), self._state.joined(state)
        return self._tracks(detections.frame, track_rows)

    def _tracks(self, frame: int, track_rows: np.ndarray) -> Tracks:
        """What the caller sees of the tracks, of which row `track_rows` (K,) has detection k, -1 none."""
        table, state = self._table, self._state
        indices = np.flatnonzero(track_rows >= 0)
        rows = track_rows[indices]
        confirmed = table.evidence >= self.settings.confirm_score
        missing = np.flatnonzero(confirmed & (table.missing > 0))
        return Tracks(
            frame,
            indices,
            table.track_ids[rows],
            confirmed[rows],
            moved_boxes(table.boxes[rows], state.position[rows]),
            table.track_ids[missing],
            table.missing[missing],
            table.evidence[missing],
            moved_boxes(table.boxes[missing], state.position[missing]),
        )

    def _common_velocity(self, rows: np.ndarray) -> np.ndarray:
        """Median velocity of the tracks `rows` over their points, for each coordinate (C,); 0 without tracks."""
        coordinates = self._state.velocity.shape[1]
        if not len(rows):
            return np.zeros(coordinates)
        velocity = self._state.velocity[rows].reshape(len(rows), -1, 2).mean(1)
        return np.tile(np.median(velocity, 0), coordinates // 2)

    def _begin(self, detections: Detections, fresh: np.ndarray) -> tuple[TrackTable, KalmanState]:
        """New tracks from the detections `fresh` (K,), at rest."""
        track_ids = self._begun + 1 + np.arange(len(fresh))
        self._begun += len(fresh)
        table = TrackTable.start(detections, fresh, track_ids)
        return table, KalmanState.start(points_of(table.boxes, self.settings.motion), self._kalman)
