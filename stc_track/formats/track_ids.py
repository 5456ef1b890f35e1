"""Ids of tracks as MOTS files have them (Voigtlaender et al., CVPR 2019): class * 1000 + k for track k of a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stc_track.formats.mots import IDS_PER_CLASS, IGNORE_ID
from stc_track.io.values import LARGEST_ID

_IDS_PER_CLASS_BEYOND = 1_000_000  # of a class's tracks after the 999th, so that they are no other class's


def track_name(class_id: int, number: int) -> int:
    """The id that files have for a class's track `number`, from 1.

    Examples:
        >>> track_name(2, 7), track_name(2, 1000)
        (2007, 2001000)
    """
    return class_id * (IDS_PER_CLASS if number < IDS_PER_CLASS else _IDS_PER_CLASS_BEYOND) + number


def is_track_name(track_id: int, class_id: int) -> bool:
    """Whether an id is one that `track_name` gives to a track of the class."""
    near, far = (divmod(track_id, per_class) for per_class in (IDS_PER_CLASS, _IDS_PER_CLASS_BEYOND))
    return near[0] == class_id or (far[0] == class_id and far[1] >= IDS_PER_CLASS)


def track_number(track_id: int, class_id: int) -> int:
    """The k of an id that `track_name` gives; an id that is none stays whole.

    Examples:
        >>> track_number(2007, 2), track_number(2001000, 2), track_number(2007, 1)
        (7, 1000, 2007)
    """
    if not is_track_name(track_id, class_id):
        return track_id
    return track_id % (IDS_PER_CLASS if track_id // IDS_PER_CLASS == class_id else _IDS_PER_CLASS_BEYOND)


def number_names(names: Iterable[int | str], largest: int = LARGEST_ID) -> dict[int | str, int]:
    """A number for each of the names that a file gives to its tracks.

    Args:
        names: in the order of the file.
        largest: number that may stay.

    Returns:
        the names themselves where all of them are numbers of 0 to `largest`, else numbers from 1 on.

    Examples:
        >>> number_names([7, 3, 7]), number_names([7, "left", 7])
        ({7: 7, 3: 3}, {7: 1, 'left': 2})
    """
    distinct = list(dict.fromkeys(names))
    numbers = [name for name in distinct if isinstance(name, int) and 0 <= name <= largest]
    if len(numbers) == len(distinct):
        return {name: name for name in numbers}
    return {name: number for number, name in enumerate(distinct, 1)}


class TrackIdAllocator:
    """The names of one sequence's tracks: `track_name` of each class's tracks in the order of asking, no name twice.

    The id of ignore regions is nobody's name.

    Args:
        keep: whether an id that is a name of its class already stays, unless another track has taken it. Files' ids
            are to stay where they can; a tracker's count over all classes, and one that looks like a name is none.

    Examples:
        >>> asked = (2004, 2), (7, 2), (9, 1), (7, 2)
        >>> kept, counted = TrackIdAllocator(keep=True), TrackIdAllocator()
        >>> [kept.of(*each) for each in asked], [counted.of(*each) for each in asked]
        ([2004, 2001, 1001, 2001], [2001, 2002, 1001, 2002])
    """

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep
        self._names: dict[tuple[int, int], int] = {}
        self._taken = {IGNORE_ID}
        self._counts: Counter[int] = Counter()

    def of(self, track_id: int, class_id: int) -> int:
        """The name of a track; the same at every call."""
        key = track_id, class_id
        if key not in self._names:
            stays = self._keep and is_track_name(track_id, class_id) and track_id not in self._taken
            self._names[key] = track_id if stays else self._next(class_id)
            self._taken.add(self._names[key])
        return self._names[key]

    def _next(self, class_id: int) -> int:
        while True:
            self._counts[class_id] += 1
            name = track_name(class_id, self._counts[class_id])
            if name not in self._taken:  # kept, or of class 1001 where track 1001 of class 1 asks
                return name
