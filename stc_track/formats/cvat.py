"""CVAT's XML for video, version 1.1, with polygons: a track an object, a polygon a frame.

CVAT has no tracks of masks (`cvat_masks`). Where tracks matter more, a mask is written as its exact outline, one
polygon whose parts and holes are joined by lines that enclose nothing (`outline`). Every frame is a key frame; where an
object leaves, an entry with `outside="1"` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from stc_track.formats.base import Tracks, identity
from stc_track.formats.mots import IGNORE_NAME, MotsObject
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.pictures import Frames
from stc_track.masks import rle
from stc_track.masks.outline import outline


def write_cvat(path: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    """Write one sequence; the file appears when it is whole.

    Args:
        path: the file.
        tracks: CVAT counts frames from 0: those that are listed by their position, else by their number.
        class_names: by number; a class without a name becomes `class N`. CVAT knows no crowds: ignored regions are
            labelled as such, whatever their class.

    Raises:
        InputError: an object that the listed frames have no place for, or a track of two classes.
    """
    shapes: dict[tuple[int, int | None], dict[int, MotsObject]] = {}
    last, size = -1, (0, 0)
    for obj in tracks.objects:
        size, last = (obj.height, obj.width), obj.frame
        position = tracks.frames.require(obj.frame, size, tracks.name) if tracks.frames else obj.frame
        track = shapes.setdefault(identity(obj), {})
        # ignored regions may share their id
        track[position] = _joined(track[position], obj) if position in track else obj
    frames = tracks.frames or Frames.counted(last + 1, size, tracks.name)
    classes = sorted({obj.class_id for track in shapes.values() for obj in track.values() if not obj.ignored})
    labels = {number: class_names.get(number, f"class {number}") for number in classes}
    listed = [*labels.values(), *([IGNORE_NAME] if any(ignored is not None for _, ignored in shapes) else [])]
    with replacing(path, "w") as file:
        file.write(head(tracks.name, frames, list(dict.fromkeys(listed))))
        for index, ((track_id, ignored), track) in enumerate(shapes.items()):
            (class_id, *others) = {obj.class_id for obj in track.values()}
            if others:
                expected = f"id {track_id} of one class"
                raise InputError(tracks.name, expected=expected, found=f"classes {class_id} and {others[0]}")
            label = labels[class_id] if ignored is None else IGNORE_NAME
            file.write(f'  <track id="{index}" label={quoteattr(label)} source="auto">\n')
            for position, obj in track.items():
                file.write(_polygon(position, _points(obj), outside=False))
                if position + 1 not in track and position + 1 < len(frames.numbers):
                    file.write(_polygon(position + 1, _points(obj), outside=True))
            file.write("  </track>\n")
        file.write("</annotations>\n")


def head(name: str, frames: Frames, labels: list[str], attributes: str = "") -> str:
    """The XML before the first track: the task's name, length, size and labels.

    Args:
        name: of the sequence.
        frames: which it has.
        labels: names of the classes.
        attributes: XML of the attributes that each label has.
    """
    listed = "".join(
        f"<label><name>{escape(label)}</name><attributes>{attributes}</attributes></label>" for label in labels
    )
    height, width = frames.size
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><task>'
        f"<name>{escape(name)}</name><size>{len(frames.numbers)}</size><mode>interpolation</mode><overlap>0</overlap>"
        f"<labels>{listed}</labels>"
        f"<original_size><width>{width}</width><height>{height}</height></original_size></task></meta>\n"
    )


def _joined(first: MotsObject, second: MotsObject) -> MotsObject:
    size = first.height, first.width
    both = rle.union_spans(rle.spans(first.counts, *size), rle.spans(second.counts, *size))
    return replace(first, counts=rle.from_spans(both, *size))


def _points(obj: MotsObject) -> str:
    (x1, y1, _, _), mask = rle.decode_box(obj.counts, obj.height, obj.width)
    return ";".join(f"{x}.00,{y}.00" for x, y in np.add(outline(mask), (x1, y1)).tolist())


def _polygon(frame: int, points: str, *, outside: bool) -> str:
    return (
        f'    <polygon frame="{frame}" keyframe="1" outside="{int(outside)}" occluded="0" '
        f'points="{points}" z_order="0"></polygon>\n'
    )
