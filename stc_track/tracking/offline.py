"""What the whole sequence allows: tracks that continue each other are joined, and gaps are filled along a line.

A track that ends and one that begins later are one object where both motions lead to each other: the earlier one's last
detections extrapolated forward, the later one's first ones backward, in sizes of the box, and boxes of like shape.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from stc_track.io.field_checks import Count, NotNegative, check
from stc_track.tracking.output import OutputFrame, TrackedObject
from stc_track.tracking.smoothing import fill

_ENDS = 8  # detections at a track's end that tell its velocity
_SHAPE = 1.0  # what a factor of e between two heights counts, in diagonals


@dataclass(frozen=True, slots=True)
class OfflineSettings:
    """What is done with the whole sequence.

    Attributes:
        max_gap: longest gap, in frames, that is bridged and filled. Raising it joins and guesses more.
        join_distance: largest distance of two tracks that are joined, in diagonals of the box for each frame of the
            gap's square root. Raising it joins more, strangers too; 0 joins none.
        min_hits: tracks that are detected on fewer frames are left out. Raising it suppresses false and short tracks.
    """

    max_gap: Count = 30
    join_distance: NotNegative = 0.1
    min_hits: Count = 0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """One end of a track: class, frame, box (4,), velocity (2,) in pixels a frame."""

    class_id: int
    frame: int
    box: np.ndarray
    velocity: np.ndarray


def whole_sequence(
    frames: Iterable[OutputFrame], frame_step: int = 1, settings: OfflineSettings | None = None
) -> list[OutputFrame]:
    """The frames again, with tracks joined and gaps filled; the sequence is in memory.

    Args:
        frames: by increasing number.
        frame_step: difference of the numbers of neighbouring frames.
        settings: what is done.
    """
    settings = settings or OfflineSettings()
    all_frames = list(frames)
    tracks: dict[int, list[tuple[int, TrackedObject]]] = {}
    confirmed = {tracked.track_id for frame in all_frames for tracked in frame.objects if tracked.confirmed}
    for frame in all_frames:
        for tracked in frame.objects:
            if tracked.detected and tracked.track_id in confirmed:
                tracks.setdefault(tracked.track_id, []).append((frame.frame, tracked))
    names = join(tracks, frame_step, settings)
    joined: dict[int, list[tuple[int, TrackedObject]]] = {}
    for track_id, observed in tracks.items():
        joined.setdefault(names[track_id], []).extend(observed)
    kept = {track_id: sorted(observed, key=lambda pair: pair[0]) for track_id, observed in joined.items()
            if len(observed) >= settings.min_hits}  # fmt: skip
    result = {
        frame.frame: replace(
            frame,
            objects=[
                replace(tracked, track_id=names[tracked.track_id], confirmed=True)
                for tracked in frame.objects
                if tracked.detected and names.get(tracked.track_id) in kept
            ],
        )
        for frame in all_frames
    }
    sizes = {frame.frame: frame.size for frame in all_frames}
    for track_id, observations in kept.items():
        for (first, before), (last, after) in itertools.pairwise(observations):
            if 1 < (last - first) // frame_step <= settings.max_gap + 1:
                start, end = (replace(tracked, track_id=track_id) for tracked in (before, after))
                fill(result, (first, start), (last, end), sizes[last], frame_step)
    return [result[number] for number in sorted(result)]


def join(
    tracks: dict[int, list[tuple[int, TrackedObject]]], frame_step: int, settings: OfflineSettings
) -> dict[int, int]:
    """Id of the first of the tracks that are one object, by each track's id.

    Args:
        tracks: number of the frame and object of each detection, by increasing frame, by track.
        frame_step: as in `whole_sequence`.
        settings: as there.
    """
    from scipy.optimize import linear_sum_assignment  # takes longer to import than the rest of a short run

    ids = list(tracks)
    names = {track_id: track_id for track_id in ids}
    if not settings.join_distance or len(ids) < 2:
        return names
    lasts = [_end(tracks[track_id][-_ENDS:], frame_step, last=True) for track_id in ids]
    firsts = [_end(tracks[track_id][:_ENDS], frame_step, last=False) for track_id in ids]
    costs = np.array([[_cost(last, first, frame_step, settings) for first in firsts] for last in lasts])
    for row, column in zip(*linear_sum_assignment(costs), strict=True):
        if costs[row, column] < 0:
            names[ids[column]] = ids[row]
    # a chain takes the name of its beginning; tracks begin in the order of their ends, so no chain is a circle
    for track_id in ids:
        while names[names[track_id]] != names[track_id]:
            names[track_id] = names[names[track_id]]
    return names


def _end(observations: list[tuple[int, TrackedObject]], frame_step: int, *, last: bool) -> _End:
    numbers = np.array([number for number, _ in observations], float) / frame_step
    boxes = np.array([tracked.box for _, tracked in observations], float)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    spread = numbers - numbers.mean()
    velocity = spread @ centres / (spread @ spread) if len(observations) > 2 else np.zeros(2)
    place = -1 if last else 0
    return _End(observations[0][1].class_id, observations[place][0], boxes[place], velocity)


def _cost(last: _End, first: _End, frame_step: int, settings: OfflineSettings) -> float:
    """Distance of two ends less what it may be, in diagonals; 0 where they are no pair."""
    gap = (first.frame - last.frame) // frame_step
    if not 1 <= gap <= settings.max_gap + 1 or last.class_id != first.class_id:
        return 0.0
    centres = [(end.box[:2] + end.box[2:]) / 2 for end in (last, first)]
    sides = [end.box[2:] - end.box[:2] for end in (last, first)]
    size = sum(float(np.hypot(*side)) for side in sides) / 2
    away = centres[1] - centres[0]
    # both motions, and standing still, may be right: what hides an object often stops or turns it
    distance = min(
        float(np.hypot(*(away - gap * velocity))) for velocity in (last.velocity, first.velocity, np.zeros(2))
    )
    shape = _SHAPE * abs(float(np.log(sides[1][1] / sides[0][1])))
    return min(distance / size + shape - settings.join_distance * (1 + gap**0.5), 0.0)
