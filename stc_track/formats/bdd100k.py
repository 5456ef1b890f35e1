"""BDD100K's bitmasks of segmentation tracking (Yu et al., CVPR 2020): a folder a video, an RGBA PNG a frame.

    {sequence}/{sequence}-{frame}.png      frames count from 1, seven digits

R is the category, G its attributes (8 truncated, 4 occluded, 2 crowd, 1 ignored), B * 256 + A the track; all are 0
where nothing is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from stc_track.formats.base import Tracks
from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError
from stc_track.io.files import replacing_folder
from stc_track.io.pictures import require_countable
from stc_track.masks import rle

CATEGORIES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")  # from 1 on
SYNONYMS = {"person": "pedestrian", "van": "car", "caravan": "car", "motor": "motorcycle", "bike": "bicycle"}
CROWD = 2
LARGEST_ID = 2**16 - 1


def write_bdd100k(folder: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    """Write one sequence's pictures, one in memory at a time; the folder appears when it is whole.

    Args:
        folder: of the sequence; pictures that it held before are replaced.
        tracks: no two objects of a frame share a pixel. Frames that are listed each have their picture, by position;
            else those from 0 to the last object's.
        class_names: by number; they decide an object's category. Crowds keep theirs; ignored regions of another class
            are left out.

    Raises:
        InputError: a class that is none of BDD100K's, an id beyond 16 bits, an object that the listed frames have no
            place for, or a folder that holds something else.
    """
    categories = {number: SYNONYMS.get(name, name) for number, name in class_names.items()}
    numbers = {number: CATEGORIES.index(name) + 1 for number, name in categories.items() if name in CATEGORIES}
    with replacing_folder(folder, ".png") as temporary:
        done = -1
        for number, group in itertools.groupby(tracks.objects, key=lambda obj: obj.frame):
            objects = list(group)
            size = objects[0].height, objects[0].width
            if tracks.frames is not None:
                position = tracks.frames.require(number, size, tracks.name)
            else:
                require_countable(number, tracks.name)
                position = number
            _write_empty(temporary, tracks.name, range(done + 1, position), size)
            picture = np.zeros((size[1] * size[0], 4), np.uint8)  # column by column
            for obj in objects:
                if obj.ignored and obj.class_id not in numbers:
                    continue
                _require(obj, numbers, class_names, f"{tracks.name}: frame {number}")
                colour = numbers[obj.class_id], CROWD * obj.ignored, *divmod(obj.track_id, 256)
                for start, end in rle.spans(obj.counts, *size).tolist():
                    picture[start:end] = colour
            _write(temporary, tracks.name, position, picture.reshape(size[1], size[0], 4).transpose(1, 0, 2))
            done = position
        if tracks.frames is not None:
            _write_empty(temporary, tracks.name, range(done + 1, len(tracks.frames.numbers)), tracks.frames.size)


def _require(obj: MotsObject, numbers: Mapping[int, int], class_names: Mapping[int, str], where: str) -> None:
    if obj.class_id not in numbers:
        found = repr(class_names.get(obj.class_id, f"class {obj.class_id}"))
        hint = "other formats hold any class"
        raise InputError(where, expected=f"classes of BDD100K: {', '.join(CATEGORIES)}", found=found, hint=hint)
    if not 1 <= obj.track_id <= LARGEST_ID:
        hint = "`stc-convert --to mots` numbers tracks by class * 1000"
        raise InputError(where, expected=f"ids of 1 to {LARGEST_ID}", found=str(obj.track_id), hint=hint)


def _write_empty(folder: Path, name: str, positions: Iterable[int], size: tuple[int, int]) -> None:
    for position in positions:
        _write(folder, name, position, np.zeros((*size, 4), np.uint8))


def _write(folder: Path, name: str, position: int, picture: np.ndarray) -> None:
    Image.fromarray(np.ascontiguousarray(picture), "RGBA").save(folder / f"{name}-{position + 1:07d}.png")
