"""What every writer of tracks takes: one sequence's objects, and which frames it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stc_track.formats.errors import InputError
from stc_track.formats.mots import CLASS_NAMES, IGNORE_CLASS, IGNORE_NAME, MotsObject
from stc_track.formats.pictures import Frames

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


def require_free_ignore_class(class_names: Mapping[int, str], where: str) -> None:
    """Raise an InputError where class 10, which a crowd becomes, is something else."""
    if class_names.get(IGNORE_CLASS, IGNORE_NAME) != IGNORE_NAME:
        expected = f"no crowds, or no class {IGNORE_CLASS} but '{IGNORE_NAME}': crowds become ignore regions"
        raise InputError(where, expected=expected, found=f"class {IGNORE_CLASS} '{class_names[IGNORE_CLASS]}'")


def is_ignored(each: MotsObject, class_names: Mapping[int, str]) -> bool:
    """Whether an object is a region where nothing is known; class 10 is one only where it has that name."""
    return each.class_id == IGNORE_CLASS and class_names.get(IGNORE_CLASS) == IGNORE_NAME
