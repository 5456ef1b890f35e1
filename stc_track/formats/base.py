"""What every writer of tracks takes: one sequence's objects, and which frames it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stc_track.formats.mots import CLASS_NAMES, IGNORE_CLASS, IGNORE_NAME, MotsObject
from stc_track.io.pictures import Frames

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


def identity(each: MotsObject) -> tuple[int, int | None]:
    """What tells a sequence's tracks apart: their ids; ignored regions may share one, and go by their class as well."""
    return each.track_id, each.class_id if each.ignored else None
