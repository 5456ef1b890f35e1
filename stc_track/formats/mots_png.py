"""MOTS as pictures (Voigtlaender et al., CVPR 2019): a folder a sequence, a 16-bit PNG a frame, named by its number.

A pixel is `class * 1000 + k` for track k of a class, 0 for background, 10000 for the ignore region (class 10).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stc_track.formats.mots import IDS_PER_CLASS, IGNORE_CLASS, MotsObject
from stc_track.io.errors import InputError
from stc_track.io.files import replacing_folder
from stc_track.io.pictures import (
    Frames,
    is_labels16,
    numbered_pictures,
    read_labels16,
    require_countable,
    write_labels16,
)
from stc_track.masks import rle

LARGEST_ID = 2**16 - 1
LARGEST_PICTURE = 2**27  # pixels


def iter_mots_png(folder: Path) -> Iterator[MotsObject]:
    """Objects of one sequence by increasing frame and id, one picture in memory at a time.

    Raises:
        InputError: naming the picture: it is not 16-bit grey, does not decode, has a second size, a name that is no
            number, or a value from 1 to 999.
    """
    size = None
    for number, path in numbered_pictures(folder, endings=(".png",)).items():
        labels = read_labels16(path)
        if size is not None and labels.shape != size:
            expected, found = (f"{height} x {width}" for height, width in (size, labels.shape))
            raise InputError(path, expected=f"{expected} pixels as in the pictures before", found=found)
        size = height, width = labels.shape
        for value, mask in label_spans(labels):
            if value < IDS_PER_CLASS:
                raise InputError(path, expected=f"pixels of class * {IDS_PER_CLASS} + k, or 0", found=str(value))
            class_id = value // IDS_PER_CLASS
            counts = rle.from_spans(mask, *size)
            yield MotsObject(number, value, class_id, height, width, counts, ignored=class_id == IGNORE_CLASS)


def label_spans(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Value and spans (S, 2), as `rle.spans` gives them, of each label but 0 of a picture (H, W) of labels."""
    column_order = labels.T.ravel()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column_order)) + 1))
    runs = np.column_stack((starts, np.append(starts[1:], len(column_order))))
    values = column_order[starts]
    for value in np.unique(values[values > 0]).tolist():
        yield value, runs[values == value]


def write_mots_png(folder: Path, objects: Iterable[MotsObject], frames: Frames | None = None) -> None:
    """Write the pictures of one sequence, one in memory at a time; the folder appears when it is whole.

    Args:
        folder: of the sequence; pictures that it held before are replaced.
        objects: by increasing frame, no two of a frame sharing a pixel.
        frames: each has its picture, with or without objects; None takes those from 0 to the last object's.

    Raises:
        InputError: an id that 16 bits do not hold, an object that `frames` has no place for, or a folder that holds
            something else, as a sequence's frames.
    """
    _require_labels(folder)
    with replacing_folder(folder, ".png") as temporary:
        size, done = frames and frames.size, -1
        for number, group in itertools.groupby(objects, key=lambda obj: obj.frame):
            of_frame = list(group)
            size = of_frame[0].height, of_frame[0].width
            if size[0] * size[1] > LARGEST_PICTURE:
                expected = f"pictures of at most {LARGEST_PICTURE} pixels"
                raise InputError(folder.name, expected=expected, found=f"{size[0]} x {size[1]}")
            if frames:
                frames.require(number, size, folder.name)
            else:
                require_countable(number, folder.name)
            _write_empty(temporary, _between(done + 1, number, frames), size)
            column_order = np.zeros(size[0] * size[1], np.uint16)
            for obj in of_frame:
                _require_label(obj, f"{folder.name}: frame {number}")
                for start, end in rle.spans(obj.counts, *size).tolist():
                    column_order[start:end] = obj.track_id
            _write(temporary, number, column_order.reshape(size[1], size[0]).T)
            done = number
        if frames:
            _write_empty(temporary, _between(done + 1, frames.numbers[-1] + 1, frames), frames.size)


def _require_label(obj: MotsObject, where: str) -> None:
    """Raise an InputError where no pixel of 16 bits can say which track of which class it is."""
    if not obj.class_id == obj.track_id // IDS_PER_CLASS > 0 or obj.track_id > LARGEST_ID:
        expected = f"ids of class * {IDS_PER_CLASS} + k, at most {LARGEST_ID}, for pixels of 16 bits"
        hint = f"a picture names classes from 1 on and {IDS_PER_CLASS - 1} tracks of each; other formats hold more"
        raise InputError(where, expected=expected, found=f"{obj.track_id} of class {obj.class_id}", hint=hint)


def _require_labels(folder: Path) -> None:
    """Raise an InputError where a folder's pictures are none of ours, which would be lost."""
    first = min(folder.glob("*.png"), default=None) if os.path.isdir(folder) else None
    if first is not None and not is_labels16(first):
        found, hint = "another picture, which it would replace", "`out=` names another place"
        raise InputError(first, expected="no file, or a 16-bit grey PNG of an earlier run", found=found, hint=hint)


def _between(first: int, end: int, frames: Frames | None) -> Iterable[int]:
    return range(first, end) if frames is None else (number for number in frames.numbers if first <= number < end)


def _write_empty(folder: Path, numbers: Iterable[int], size: tuple[int, int]) -> None:
    for number in numbers:
        _write(folder, number, np.zeros(size, np.uint16))


def _write(folder: Path, number: int, picture: np.ndarray) -> None:
    with (folder / f"{number:06d}.png").open("wb") as file:
        write_labels16(file, picture)
