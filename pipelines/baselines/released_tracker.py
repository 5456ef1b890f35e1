"""The association of the method's released code, as a plain reference: Python loops over objects, two greedy passes.

No filter: a track is expected where its last movement leads, by Eq. 7; what lies further apart than twice the box's
longer side is no pair; a track ends after nine frames without a detection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

GATE = 2.0  # longer sides of the box
KEPT_FOR = 9  # frames

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class _Track:
    track_id: int
    box: Box
    movement: Box = (0.0, 0.0, 0.0, 0.0)
    missing: int = 0


class ReleasedTracker:
    """One class's tracks."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._begun = 0

    def update(self, boxes: list[Box]) -> list[int]:
        """Track id of each of the next frame's boxes x1 y1 x2 y2."""
        ids = [0] * len(boxes)
        named: dict[int, list[tuple[float, _Track]]] = {}
        for track in self._tracks:  # first pass: each track names its nearest detection
            nearest, least = None, math.inf
            for index, box in enumerate(boxes):
                distance = _distance(_expected(track), box)
                if distance < least and distance <= GATE * max(box[2] - box[0], box[3] - box[1]):
                    nearest, least = index, distance
            if nearest is not None:
                named.setdefault(nearest, []).append((least, track))
        for index, box in enumerate(boxes):  # second pass: each detection takes the nearest that named it
            if index in named:
                track = min(named[index], key=lambda pair: pair[0])[1]
                track.movement = tuple(new - old for new, old in zip(box, track.box, strict=True))
                track.box, track.missing = box, -1
            else:
                self._begun += 1
                track = _Track(self._begun, box, missing=-1)
                self._tracks.append(track)
            ids[index] = track.track_id
        for track in self._tracks:
            track.missing += 1
        self._tracks = [track for track in self._tracks if track.missing <= KEPT_FOR]
        return ids


def _expected(track: _Track) -> Box:
    return tuple(place + moved for place, moved in zip(track.box, track.movement, strict=True))


def _distance(first: Box, second: Box) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))
