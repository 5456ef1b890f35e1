"""Datumaro's own format: `OUT/annotations/default.json`, an item a frame; frames belong to `OUT/images/default/`.

An item is called `{sequence}/{frame}`, so that the frames of a sequence lie in a folder of its name. Masks are RLE, a
box without a mask stays a box, and track, score and frame number are attributes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stc_track.formats.base import Tracks
from stc_track.formats.mots import MotsObject
from stc_track.io.files import replacing
from stc_track.io.pictures import Frames
from stc_track.masks import rle


def write_datumaro(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    """Write all sequences, a frame in memory at a time; the file appears when it is whole.

    Args:
        out: the folder of the data set.
        sequences: without listed frames only those with an object become items.
        class_names: by number; a class without a name becomes `class N` and comes last. Ignored regions have the
            attribute `is_crowd`, true.

    Raises:
        InputError: an object that a sequence's listed frames have no place for.
    """
    indices = {number: index for index, number in enumerate(sorted(class_names))}
    with replacing(out / "annotations" / "default.json", "w") as file:
        file.write('{"items": [')
        separator = "\n"
        for tracks in sequences:
            for item in _items(tracks, indices):
                file.write(separator + json.dumps(item))
                separator = ",\n"
        names = [class_names.get(number, f"class {number}") for number in indices]
        labels = [{"name": name, "parent": "", "attributes": []} for name in names]
        categories = {"label": {"labels": labels, "attributes": []}}
        file.write(f'],\n"categories": {json.dumps(categories)},\n"info": {{}}}}\n')


def _items(tracks: Tracks, indices: dict[int, int]) -> Iterator[dict[str, Any]]:
    frames, done = tracks.frames, -1
    for number, group in itertools.groupby(tracks.objects, key=lambda obj: obj.frame):
        objects = list(group)
        size = objects[0].height, objects[0].width
        name = f"{number:06d}.png"
        if frames is not None:
            position = frames.require(number, size, tracks.name)
            yield from _empty(tracks.name, range(done + 1, position), frames)
            name, done = frames.names[position], position
        annotations = [
            _annotation(index, indices.setdefault(obj.class_id, len(indices)), obj) for index, obj in enumerate(objects)
        ]
        yield _item(tracks.name, number, name, size, annotations)
    if frames is not None:
        yield from _empty(tracks.name, range(done + 1, len(frames.numbers)), frames)


def _empty(sequence: str, positions: range, frames: Frames) -> Iterator[dict[str, Any]]:
    for position in positions:
        yield _item(sequence, frames.numbers[position], frames.names[position], frames.size, [])


def _item(
    sequence: str, number: int, name: str, size: tuple[int, int], annotations: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "id": f"{sequence}/{Path(name).stem}",
        "annotations": annotations,
        "attr": {"frame": number},
        "image": {"path": f"{sequence}/{name}", "size": list(size)},
    }


def _annotation(index: int, label: int, obj: MotsObject) -> dict[str, Any]:
    attributes: dict[str, Any] = {"track_id": obj.track_id, "score": obj.score, "is_crowd": obj.ignored}
    if not obj.detected:
        attributes["detected"] = False
    entry: dict[str, Any] = {"id": index, "attributes": attributes, "group": 0, "label_id": label, "z_order": 0}
    if obj.box is not None and not rle.area(obj.counts, obj.height, obj.width):
        x1, y1, x2, y2 = obj.box
        return {**entry, "type": "bbox", "bbox": [x1, y1, x2 - x1, y2 - y1]}
    counts = {"counts": obj.counts.decode(), "size": [obj.height, obj.width]}
    return {**entry, "type": "mask", "rle": counts}
