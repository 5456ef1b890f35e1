"""Masks as pictures of 8 bits, as DAVIS and YouTube-VOS have them: a folder a sequence, a PNG a frame.

A value is an object, 0 background. 255 of a picture with a palette is a region where nothing is known; of a grey
picture without any other value it is the one object, as in DAVIS 2016. There are no classes: everything is an `object`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stc_track.formats.mots import MotsObject
from stc_track.formats.mots_png import label_spans
from stc_track.io.errors import InputError
from stc_track.io.pictures import numbered_pictures, read_labels8
from stc_track.masks import rle

CLASS_NAMES = {1: "object"}
UNKNOWN = 255
MOST_OBJECTS = 200  # of a frame; a grey photograph has more values


def iter_mask_pictures(folder: Path) -> Iterator[MotsObject]:
    """Objects of one sequence by increasing frame and value, one picture in memory at a time.

    Raises:
        InputError: naming the picture: it has no 8-bit values, or those of a photograph, does not decode, has a second
            size, or a name that is no number.
    """
    size = None
    for number, path in numbered_pictures(folder, endings=(".png",)).items():
        labels, has_palette = read_labels8(path)
        if size is not None and labels.shape != size:
            expected, found = (f"{height} x {width}" for height, width in (size, labels.shape))
            raise InputError(path, expected=f"{expected} pixels as in the pictures before", found=found)
        size = height, width = labels.shape
        spans = dict(label_spans(labels))
        if len(spans) > MOST_OBJECTS:
            found = f"a picture of {len(spans)} values"
            raise InputError(path, expected=f"masks of at most {MOST_OBJECTS} objects", found=found)
        if not has_palette and set(spans) == {UNKNOWN}:
            spans = {1: spans[UNKNOWN]}
        for value, mask in spans.items():
            yield MotsObject(number, value, 1, height, width, rle.from_spans(mask, *size), ignored=value == UNKNOWN)
