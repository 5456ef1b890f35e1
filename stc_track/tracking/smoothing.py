"""What a few frames' delay allows: gaps filled, births known from before, false alarms known to be alone.

This is not online: a frame is given out when `SmoothingSettings.delay` later frames have been seen. Memory holds these
frames alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stc_track.masks.lazy import moved
from stc_track.tracking.output import Item, OutputFrame


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """What is done with delay; zeros do nothing.

    Attributes:
        fill_gap: gaps of up to so many frames are filled: the nearer end's mask, moved along the interpolated boxes.
        min_sightings: tracks that are seen on fewer frames, up to the delay, are left out.
    """

    fill_gap: int = 0
    min_sightings: int = 0

    @property
    def delay(self) -> int:
        """Frames that are seen before one is given out; at least the detections that confirm a track."""
        return max(self.fill_gap + 1, self.min_sightings, 2)


class _Track:
    """Sightings of one track within the delay on either side: frame to item."""

    def __init__(self) -> None:
        self.seen: dict[int, Item] = {}
        self.sightings = 0
        self.confirmed = False

    def add(self, frame: int, item: Item) -> None:
        self.seen[frame] = item
        self.sightings += 1
        self.confirmed = self.confirmed or item.confirmed

    def forget(self, before: int) -> None:
        self.seen = {frame: item for frame, item in self.seen.items() if frame >= before}


def smoothed(frames: Iterable[OutputFrame], settings: SmoothingSettings) -> Iterator[OutputFrame]:
    """The frames again, later; frames between that no detection is on appear where a gap is filled."""
    tracks: dict[int, _Track] = {}
    held: dict[int, OutputFrame] = {}
    for frame in frames:
        number = frame.frame
        # every frame up to here lies in nobody's future any more, if it is that far away
        for each in sorted(each for each in held if each < number - settings.delay):
            yield _given_out(held.pop(each), tracks, settings)
        _forget(tracks, number - 2 * settings.delay - 1)
        held[number] = frame
        for item in (each for each in frame.items if each.seen):
            track = tracks.setdefault(item.track_id, _Track())
            _fill(track, item, frame, held, settings.fill_gap)
            track.add(number, item)
    for each in sorted(held):
        yield _given_out(held[each], tracks, settings)


def _forget(tracks: dict[int, _Track], before: int) -> None:
    for track_id in list(tracks):
        tracks[track_id].forget(before)
        if not tracks[track_id].seen:
            del tracks[track_id]


def _fill(track: _Track, item: Item, frame: OutputFrame, held: dict[int, OutputFrame], longest: int) -> None:
    """Put the track into the frames between its last sighting and this one."""
    last = max(track.seen, default=frame.frame)
    gap = frame.frame - last - 1
    if not 0 < gap <= longest:
        return
    before, size = track.seen[last], (frame.height, frame.width)
    for number in range(last + 1, frame.frame):
        share = (number - last) / (gap + 1)
        box = (1 - share) * before.box + share * item.box
        nearer = before if share <= 0.5 else item
        spans = moved(nearer.spans(), nearer.box, box, size)
        if len(spans):
            place = held.setdefault(number, OutputFrame(number, *size, []))
            kept = [each for each in place.items if each.track_id != item.track_id]  # what was predicted there
            held[number] = replace(place, items=[*kept, nearer.elsewhere(box, spans)])


def _given_out(frame: OutputFrame, tracks: dict[int, _Track], settings: SmoothingSettings) -> OutputFrame:
    items = []
    for item in frame.items:
        track = tracks.get(item.track_id)
        if track is None or not track.confirmed or track.sightings < settings.min_sightings:
            continue
        items.append(replace(item, confirmed=True))
    return replace(frame, items=items)
