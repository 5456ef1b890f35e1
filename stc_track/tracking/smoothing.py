"""What a few frames' delay allows: gaps filled, births known from before, false alarms known to be alone.

This is not online: a frame is output when `SmoothingSettings.delay` later frames have been seen. Memory holds these
frames alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stc_track.io.field_checks import Count, check
from stc_track.tracking.output import OutputFrame, TrackedObject


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """What is done with delay; zeros do nothing.

    Attributes:
        fill_gap: gaps of up to so many frames are filled: the nearer end's mask, moved along the interpolated boxes.
            Raising it finds more and guesses more.
        min_hits: tracks that are detected on fewer frames, up to the delay, are left out. Raising it suppresses false
            tracks and short ones.
    """

    fill_gap: Count = 0
    min_hits: Count = 0

    def __post_init__(self) -> None:
        check(self)

    @property
    def delay(self) -> int:
        """Frames that are seen before one is output; at least the detections that confirm a track."""
        return max(self.fill_gap + 1, self.min_hits, 2)


class _Track:
    """Detections of one track within the delay on either side: frame to object."""

    def __init__(self) -> None:
        self.seen: dict[int, TrackedObject] = {}
        self.hits = 0
        self.confirmed = False

    def add(self, frame: int, tracked: TrackedObject) -> None:
        self.seen[frame] = tracked
        self.hits += 1
        self.confirmed = self.confirmed or tracked.confirmed

    def forget(self, before: int) -> None:
        self.seen = {frame: tracked for frame, tracked in self.seen.items() if frame >= before}


def smoothed(
    frames: Iterable[OutputFrame], frame_step: int = 1, settings: SmoothingSettings | None = None
) -> Iterator[OutputFrame]:
    """The frames again, later; frames between that no detection is on appear where a gap is filled.

    Args:
        frames: by increasing number.
        frame_step: difference of the numbers of neighbouring frames.
        settings: what is done.
    """
    settings = settings or SmoothingSettings()
    tracks: dict[int, _Track] = {}
    waiting: dict[int, OutputFrame] = {}
    for frame in frames:
        number = frame.frame
        # every frame up to here lies in nobody's future any more, if it is that far away
        for due in sorted(due for due in waiting if due < number - settings.delay * frame_step):
            yield _output(waiting.pop(due), tracks, settings)
        _forget(tracks, number - (2 * settings.delay + 1) * frame_step)
        waiting[number] = frame
        for tracked in (tracked for tracked in frame.objects if tracked.detected):
            track = tracks.setdefault(tracked.track_id, _Track())
            last = max(track.seen, default=number)
            if 1 < (number - last) // frame_step <= settings.fill_gap + 1:
                fill(waiting, (last, track.seen[last]), (number, tracked), frame.size, frame_step)
            track.add(number, tracked)
    for due in sorted(waiting):
        yield _output(waiting[due], tracks, settings)


def fill(
    frames: dict[int, OutputFrame],
    start: tuple[int, TrackedObject],
    end: tuple[int, TrackedObject],
    size: tuple[int, int],
    frame_step: int,
) -> None:
    """Put a track into the frames between two of its detections, along a straight line; writes into `frames`.

    Args:
        frames: by number.
        start, end: number of the frame and the track's object there.
        size: (height, width), pixels.
        frame_step: difference of the numbers of neighbouring frames.
    """
    (first, before), (last, after) = start, end
    for number in range(first + frame_step, last, frame_step):
        share = (number - first) / (last - first)
        box = (1 - share) * before.box + share * after.box
        nearer = before if share <= 0.5 else after
        shown = nearer.undetected(nearer.box, box, size)
        if shown is not None:
            place = frames.setdefault(number, OutputFrame(number, *size, []))
            # without what was predicted there
            kept = [tracked for tracked in place.objects if tracked.track_id != after.track_id]
            frames[number] = replace(place, objects=[*kept, replace(shown, track_id=after.track_id)])


def _forget(tracks: dict[int, _Track], before: int) -> None:
    for track_id in list(tracks):
        tracks[track_id].forget(before)
        if not tracks[track_id].seen:
            del tracks[track_id]


def _output(frame: OutputFrame, tracks: dict[int, _Track], settings: SmoothingSettings) -> OutputFrame:
    objects = []
    for tracked in frame.objects:
        track = tracks.get(tracked.track_id)
        if track is not None and track.confirmed and track.hits >= settings.min_hits:
            objects.append(replace(tracked, confirmed=True))
    return replace(frame, objects=objects)
