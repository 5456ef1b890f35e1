"""The online tracker (III-C): predict, match in rounds, update, end and begin tracks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, TypeVar, overload

import numpy as np

from stc_track.tracking import costs
from stc_track.tracking.displacement import common_displacement, follow, median
from stc_track.tracking.ego_motion import still_terms
from stc_track.tracking.kalman import STILL, KalmanState, moved_boxes, points_of
from stc_track.tracking.matching import MATCHERS, Pairs, Partners, left_over
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.supervision_columns import from_columns, is_columns, with_track_ids
from stc_track.tracking.track_table import TrackTable, diagonals
from stc_track.tracking.types import Detections, Tracks

Columns = TypeVar("Columns")
# Algorithm 1 leaves tracks without a partner whose nearest detection chose another: match them again
_MATCHES_A_ROUND = 2
_FEWEST_INNOVATIONS = 3  # matches of a frame that say how well motion is predicted
_SETTLED = 3  # hits from which a track's own velocity is known
_EXPECTED_INNOVATION = 0.6  # standard deviations: median over matches of the mean of both sides
_NOISE_STEP = 0.3, 3.0  # an innovation's share of the expected one counts from here to there
_NOISE_RANGE = 0.12, 6.0  # shares of the noise that is set


class Tracker:
    """Links the detections of one sequence, frame by frame, each frame from the past alone.

    Args:
        settings: None takes the defaults.
        frame_step: difference of the numbers of neighbouring frames; 5 for frames 0, 5, 10, ...
        track_ids: where new ids come from, for several trackers that share them; None counts from 1.

    Examples:
        >>> tracker = Tracker()
        >>> for frame, x in enumerate((10.0, 14.0, 18.0)):
        ...     boxes = np.array([[x, 5.0, x + 20, 30.0]])
        ...     tracks = tracker.update(Detections(frame, boxes, np.ones(1), np.ones(1, np.int64)))
        >>> tracks.track_ids
        array([1])
    """

    def __init__(
        self, settings: TrackerSettings | None = None, frame_step: int = 1, track_ids: Iterator[int] | None = None
    ) -> None:
        if frame_step < 1:
            raise ValueError(f"frame_step must be at least 1. Got {frame_step}")
        self.settings = settings or TrackerSettings()
        self.frame_step = frame_step
        self._match = MATCHERS[self.settings.association.matching]
        self._points = self.settings.motion.points
        self._kalman = STILL if self._points == "none" else self.settings.motion
        self._track_ids = track_ids
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, for the next sequence; ids count from 1 again unless they are shared."""
        self._frame: int | None = None
        self._ids = itertools.count(1) if self._track_ids is None else self._track_ids
        self._noise = 1.0
        self._table, self._state = self._spawn_tracks(Detections.empty(), np.zeros(0, np.int64))

    @property
    def frame(self) -> int | None:
        """Number of the last frame; None before the first."""
        return self._frame

    @overload
    def update(self, detections: Detections) -> Tracks: ...

    @overload
    def update(self, detections: Columns) -> Columns: ...

    def update(self, detections: Any) -> Any:
        """Continue, end and begin tracks with the next frame's detections.

        Args:
            detections: `Detections`, of which frames left out count as frames without detections; or what has the
                attributes of `supervision.Detections` (xyxy, confidence, class_id, tracker_id, perhaps mask), which
                is the frame after the last one: call it for frames without detections as well.

        Returns:
            `Tracks`; or a copy of the `supervision.Detections` with `tracker_id` (N,) int64, -1 where there is no
            confirmed track.

        Raises:
            ValueError: the frame is not after the last one; scores above 1 where thresholds are not; columns of other
                shapes.
            TypeError: neither of both.
        """
        if isinstance(detections, Detections):
            return self._track(detections)
        if not is_columns(detections):
            kind = type(detections).__name__
            raise TypeError(f"detections must be Detections, or have the attributes of supervision's. Got {kind}")
        frame = 0 if self._frame is None else self._frame + self.frame_step
        columns, rows = from_columns(detections, frame)
        lifecycle = self.settings.lifecycle
        if len(columns) and columns.scores.max() > 1 and lifecycle.low_score >= 0 and lifecycle.high_score <= 1:
            raise ValueError(f"confidence must be at most 1, as the thresholds are. Got {columns.scores.max():g}")
        return with_track_ids(detections, rows, self._track(columns))

    def _track(self, detections: Detections) -> Tracks:
        steps = self._predict(detections.frame)
        sure = detections.scores >= self.settings.lifecycle.high_score
        partners: Partners = {}
        if len(self._table):
            compensate = self.settings.motion.camera_motion
            if compensate and detections.camera is not None:
                self._follow_background(detections.camera, steps)
            partners = self._associate(detections, sure)
            if compensate and detections.camera is None and self._displaced(detections, partners, sure):
                partners = self._associate(detections, sure)
        return self._update_tracks(detections, partners, sure)

    def _predict(self, frame: int) -> int:
        """Predict every track at `frame`; end those that have been missing for too long. Returns the frames passed."""
        if self._frame is not None and frame <= self._frame:
            raise ValueError(f"frame must be after {self._frame}. Got {frame}")
        lifecycle, table = self.settings.lifecycle, self._table
        steps = 1 if self._frame is None else max(1, round((frame - self._frame) / self.frame_step))
        motion = self.settings.motion
        decay = motion.velocity_decay_masks if any(table.views) else motion.velocity_decay
        for _ in range(min(steps, lifecycle.max_gap + 2)):
            self._state.velocity[table.missing > 0] *= decay
            self._state.predict(self._kalman, self._noise)
            table.missing += 1
        live = table.missing <= np.where(self._confirmed(), lifecycle.max_gap, lifecycle.tentative_gap) + 1
        if not live.all():
            self._table, self._state = table.select(live), self._state.select(live)
        self._frame = frame
        return steps

    def _confirmed(self) -> np.ndarray:
        return self._table.accumulated_score >= self.settings.lifecycle.confirm_score

    def _follow_background(self, motions: np.ndarray, steps: int) -> None:
        """Move every track as what stands still at its depth moves, (2, 6) or (S, 2, 6)."""
        position = self._state.position
        points = position.reshape(len(position), position.shape[1] // 2, 2)
        # the upper left corner often shows what is behind the object, the lower right one the ground beside it
        depth = np.nan_to_num(self._table.cues[..., 0]).max(1)
        # one motion stands for every frame of a gap
        for motion in motions if motions.ndim == 3 else itertools.repeat(motions, steps):
            for corner in range(points.shape[1]):
                points[:, corner] += still_terms(points[:, corner], depth) @ motion.T

    def _displaced(self, detections: Detections, partners: Partners, sure: np.ndarray) -> bool:
        """Move every track by what most were displaced alike, if few are where they were expected; whether it did."""
        table, state = self._table, self._state
        if detections.masks is not None or not len(detections):
            # masks match by their own overlap, and what moves their camera is mostly a drive: no common displacement
            return False
        told = (table.missing == table.missing.min()) & (table.hits > 1)
        rows, columns = (np.fromiter(indices, np.int64, len(partners)) for indices in (partners.values(), partners))
        kept = told[rows]
        rows, columns = rows[kept], columns[kept]
        centres = points_of(detections.boxes[columns], "center")
        expected = points_of(moved_boxes(table.boxes[rows], state.position[rows]), "center")
        if follow(centres - expected, table.diagonals[rows], int(np.count_nonzero(told))):
            return False
        boxes = moved_boxes(table.boxes[told], state.position[told])
        classes = table.class_ids[told], detections.class_ids[sure]
        shift = common_displacement(boxes, detections.boxes[sure], *classes)
        state.position += np.tile(shift, state.position.shape[1] // 2)
        return bool(shift.any())

    def _associate(self, detections: Detections, sure: np.ndarray) -> Partners:
        """Track (row) of each detection (column) that belongs to one."""
        settings = self.settings
        pairs = costs.pairs(self._table, self._state, detections, settings) if len(detections) else []
        is_sure = sure.tolist()
        partners: Partners = {}
        if settings.association.two_rounds:
            self._round([pair for pair in pairs if is_sure[pair[2]]], partners)
        self._round(left_over(pairs, partners), partners)
        return partners

    def _round(self, pairs: Pairs, partners: Partners) -> None:
        """Match what is free among the pairs, by increasing cost; writes into `partners`."""
        if self.settings.association.cascade:
            missing = self._table.missing.tolist()
            for age in sorted({missing[pair[1]] for pair in pairs}):
                partners |= self._match(left_over((pair for pair in pairs if missing[pair[1]] == age), partners))
        for _ in range(_MATCHES_A_ROUND if self.settings.association.matching == "bi-greedy" else 1):
            if not (pairs := left_over(pairs, partners)):
                break
            partners |= self._match(pairs)

    def _update_tracks(self, detections: Detections, partners: Partners, sure: np.ndarray) -> Tracks:
        """Update the tracks that have a partner, begin tracks with the sure detections that have none."""
        motion = self.settings.motion
        track_rows = np.full(len(detections), -1)
        if partners:
            track_rows[list(partners)] = list(partners.values())
        matched = (track_rows >= 0).nonzero()[0]
        rows = track_rows[matched]
        if len(matched):
            points = points_of(detections.boxes[matched], self._points)
            if self._kalman.adaptation and detections.masks is None:
                self._adapt_noise(rows, points, detections, matched)
            self._table.update(rows, detections, matched)
            self._state.update(rows, points, self._table.diagonals[rows], self._kalman)
        fresh = self._births(detections, sure & (track_rows < 0))
        if len(fresh):
            spawned, state = self._spawn_tracks(detections, fresh)
            if motion.common_start and self._points != "none":
                state.velocity += self._common_velocity(rows)
            track_rows[fresh] = len(self._table) + np.arange(len(fresh))
            self._table, self._state = self._table.joined(spawned), self._state.joined(state)
        return self._tracks(detections.frame, track_rows)

    def _births(self, detections: Detections, candidates: np.ndarray) -> np.ndarray:
        """Which detections begin tracks: of the candidates (N,) bool, boxes that no confirmed track explains.

        The surer a detection is, the more of it may be shared with a track: a second box on one object scores less.
        """
        fresh = candidates.nonzero()[0]
        limit, high_score = self.settings.lifecycle.birth_overlap, self.settings.lifecycle.high_score
        if limit >= 1 or detections.masks is not None or not len(fresh):
            return fresh
        live = self._confirmed().nonzero()[0]
        boxes = moved_boxes(self._table.boxes[live], self._state.position[live])
        same = self._table.class_ids[live, None] == detections.class_ids[fresh]
        tracks, births = np.nonzero(same)
        overlap = costs.buffered_iou(boxes[tracks], detections.boxes[fresh[births]], np.zeros(len(tracks)))
        explained = np.zeros(len(fresh), bool)
        surety = (detections.scores[fresh] - high_score) / max(1 - high_score, 1e-9)
        explained[births[overlap > limit * np.minimum(surety, 1)[births]]] = True
        return fresh[~explained]

    def _adapt_noise(self, rows: np.ndarray, points: np.ndarray, detections: Detections, matched: np.ndarray) -> None:
        """Let the noise follow what this frame's clear matches deviate by from where they were expected."""
        table, state = self._table, self._state
        sure = detections.scores[matched] >= self.settings.lifecycle.high_score
        clear = ((table.missing[rows] == 1) & (table.hits[rows] >= _SETTLED) & sure).nonzero()[0]
        if len(clear) < _FEWEST_INNOVATIONS:
            return
        chosen = rows[clear]
        across = np.abs(points[clear] - state.position[chosen])[:, ::2]  # heights are often cut
        innovation = across.sum(1) / across.shape[1]
        expected = state.deviation(self._kalman)[chosen] * diagonals(detections.boxes[matched[clear]])
        share = float(median(innovation / expected)) / _EXPECTED_INNOVATION
        factor = min(max(share, _NOISE_STEP[0]), _NOISE_STEP[1]) ** self._kalman.adaptation
        self._noise = min(max(self._noise * factor, _NOISE_RANGE[0]), _NOISE_RANGE[1])

    def _tracks(self, frame: int, track_rows: np.ndarray) -> Tracks:
        """What the caller sees of the tracks, of which row `track_rows` (K,) has detection k, -1 none."""
        table, state = self._table, self._state
        indices = (track_rows >= 0).nonzero()[0]
        rows = track_rows[indices]
        confirmed = self._confirmed()
        missing = (confirmed & (table.missing > 0)).nonzero()[0]
        return Tracks(
            frame,
            indices,
            table.track_ids[rows],
            confirmed[rows],
            moved_boxes(table.boxes[rows], state.position[rows]),
            table.track_ids[missing],
            table.missing[missing],
            table.accumulated_score[missing],
            moved_boxes(table.boxes[missing], state.position[missing]),
        )

    def _common_velocity(self, rows: np.ndarray) -> np.ndarray:
        """Median velocity of the tracks `rows` over their points, for each coordinate (C,); 0 without tracks."""
        coordinates = self._state.velocity.shape[1]
        if not len(rows):
            return np.zeros(coordinates)
        velocity = self._state.velocity[rows].reshape(len(rows), -1, 2).mean(1)
        return np.tile(median(velocity), coordinates // 2)

    def _spawn_tracks(self, detections: Detections, fresh: np.ndarray) -> tuple[TrackTable, KalmanState]:
        """New tracks from the detections `fresh` (K,), at rest."""
        track_ids = np.fromiter(itertools.islice(self._ids, len(fresh)), np.int64, len(fresh))
        table = TrackTable.start(detections, fresh, track_ids)
        return table, KalmanState.start(points_of(table.boxes, self._points), self._kalman, self._noise)
