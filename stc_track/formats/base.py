"""What every source of tracks gives, and what every writer takes: a sequence's objects, and which frames it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stc_track.formats.mots import CLASS_NAMES, IGNORE_CLASS, IGNORE_NAME, MotsObject
from stc_track.io.pictures import Frames

UNTRACKED = -1  # the track_id of a detection
MOTS_CLASS_NAMES = {**CLASS_NAMES, IGNORE_CLASS: IGNORE_NAME}


@dataclass(frozen=True, slots=True)
class Tracks:
    """One sequence.

    Attributes:
        name: of the sequence, a plain one.
        objects: by increasing frame; may be an iterator that is read once.
        frames: which frames there are; None where nobody listed them.
    """

    name: str
    objects: Iterable[MotsObject]
    frames: Frames | None = None


Kind = Literal["mot", "mots", "png", "masks", "ytvis", "coco", "detections", "coco-results", "store"]


@dataclass(frozen=True, slots=True)
class Source:
    """One sequence.

    Attributes:
        name: of the sequence.
        kind: of the format.
        place: the file or folder, for messages.
        objects: opens it and gives its objects by increasing frame; a detection has the track_id UNTRACKED.
        text: the file, where one line is one object.
        frame_rate: frames a second; None where nothing says it.
        frames: which there are; None where nothing lists them.
    """

    name: str
    kind: Kind
    place: Path
    objects: Callable[[], Iterable[MotsObject]]
    text: Path | None = None
    frame_rate: float | None = None
    frames: Frames | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Sequences by name, and what the numbers of their classes mean."""

    sequences: dict[str, Source]
    class_names: Mapping[int, str]


def identity(obj: MotsObject) -> tuple[int, int | None]:
    """What tells a sequence's tracks apart: their ids; ignored regions may share one, and go by their class as well."""
    return obj.track_id, obj.class_id if obj.ignored else None
