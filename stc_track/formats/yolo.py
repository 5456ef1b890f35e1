"""YOLO's labels for segmentation: a text file a frame, a line an object, `class x1 y1 x2 y2 ...`, a data.yaml beside.

    OUT/data.yaml                          names of the classes, which count from 0 in the order of their numbers
    OUT/labels/{sequence}/{frame}.txt      one for every frame, empty without objects
    OUT/images/{sequence}/                 where trainers look for the frames; nothing is written there

Coordinates are shares of the frame's width and height, of the pixels along a mask's border: trainers fill polygons
together with their border. They count from a pixel's corner; some round and some cut off, so a quarter of a pixel is
added, with which both come to the same pixel. A line is one polygon, so parts and holes are joined by lines.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from stc_track.formats.base import Tracks
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_NAME, MotsObject
from stc_track.io.files import replacing, replacing_folder
from stc_track.io.pictures import Frames, require_countable
from stc_track.masks import rle
from stc_track.masks.outline import inner_outline

INSIDE = 0.25  # pixels from a pixel's corner


def write_yolo(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    """Write all sequences, a frame in memory at a time; each one's folder, and data.yaml, appear when they are whole.

    Args:
        out: the folder.
        sequences: without listed frames those with an object have a file, and those between.
        class_names: by number; a class without a name becomes `class N` and comes last. Ignored regions are left out.

    Raises:
        InputError: an object that a sequence's listed frames have no place for.
    """
    numbers = sorted(number for number, name in class_names.items() if (number, name) != (IGNORE_CLASS, IGNORE_NAME))
    indices = {number: index for index, number in enumerate(numbers)}
    for tracks in sequences:
        with replacing_folder(out / "labels" / tracks.name, ".txt") as folder:
            _write_sequence(folder, tracks, indices)
    names = [class_names.get(number, f"class {number}") for number in indices]
    with replacing(out / "data.yaml", "w") as file:
        file.write("path: .\ntrain: images\nval: images\nnames:\n")
        file.writelines(f"  {index}: {json.dumps(name)}\n" for index, name in enumerate(names))


def _write_sequence(folder: Path, tracks: Tracks, indices: dict[int, int]) -> None:
    frames, done = tracks.frames, -1
    for number, group in itertools.groupby(tracks.objects, key=lambda obj: obj.frame):
        objects = list(group)
        if frames is not None:
            position = frames.require(number, (objects[0].height, objects[0].width), tracks.name)
        else:
            require_countable(number, tracks.name)
            position, done = number, number - 1 if done < 0 else done
        _write_empty(folder, range(done + 1, position), frames)
        lines = [_line(indices.setdefault(obj.class_id, len(indices)), obj) for obj in objects if not obj.ignored]
        (folder / _name(position, frames)).write_text("".join(lines), encoding="ascii", newline="\n")
        done = position
    if frames is not None:
        _write_empty(folder, range(done + 1, len(frames.numbers)), frames)


def _write_empty(folder: Path, positions: range, frames: Frames | None) -> None:
    for position in positions:
        (folder / _name(position, frames)).touch()


def _name(position: int, frames: Frames | None) -> str:
    """The label file is called as its picture."""
    return f"{position:06d}.txt" if frames is None else f"{Path(frames.names[position]).stem}.txt"


def _line(index: int, obj: MotsObject) -> str:
    (x1, y1, _, _), mask = rle.decode_box(obj.counts, obj.height, obj.width)
    points = np.add(inner_outline(mask) - 0.5 + INSIDE, (x1, y1)) / (obj.width, obj.height)
    return f"{index} " + " ".join(f"{value:.7g}" for value in points.ravel().tolist()) + "\n"
