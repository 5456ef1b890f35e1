"""COCO annotations of video: images with `sequence` and `frame`, annotations with `track_id`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stc_track.formats.base import Tracks
from stc_track.formats.coco_fields import CocoImage, image_of, read_images, track_of
from stc_track.formats.mots import MotsObject
from stc_track.formats.track_ids import number_names
from stc_track.formats.youtube_vis import read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain, replacing
from stc_track.masks import rle

_NUMBERED = re.compile(r"(?:frame_)?([0-9]{1,9})")  # CVAT: frame_000042


@dataclass(frozen=True, slots=True)
class CocoTracks:
    """A file's objects of each sequence, by increasing frame, and its class names by number."""

    sequences: dict[str, list[MotsObject]]
    class_names: dict[int, str]


@dataclass(frozen=True, slots=True)
class _Image:
    sequence: str
    frame: int
    size: tuple[int, int]


def parse_coco_tracks(content: object, path: Path) -> CocoTracks:
    """What a file of COCO annotations with track ids holds.

    A frame's sequence is its image's `sequence`, else its video's name in `videos`, else the folder of `file_name`;
    where no image has any of these, the file's own name. Its number is `frame`, else `frame_id`, else the picture's
    name. Crowds are ignored regions of their category.

    Args:
        content: the parsed JSON.
        path: named in errors.

    Raises:
        InputError: naming file and entry: a missing or foreign value, a broken RLE, an image or category that is not
            known, a sequence that is no plain name, an image or a frame twice.
    """
    content = json_fields.mapping(content, str(path))
    listed = read_images(content, path)
    bare = all(_sequence(image) == "" for image in listed)
    images: dict[int | str, _Image] = {}
    places: dict[tuple[str, int], str] = {}
    for image in listed:
        place = _image(image, path.stem if bare else _sequence(image))
        other = places.setdefault((place.sequence, place.frame), image.where)
        if other != image.where:
            raise InputError(
                image.where,
                expected=f"a frame of its own in sequence {place.sequence}",
                found=f"{place.frame} a second time, as in {other.removeprefix(f'{path}: ')}",
                hint="frames of several videos need `sequence`, or a folder in file_name",
            )
        images[image.key] = place
    class_names = read_categories(content, path)
    by_sequence: dict[str, list[tuple[int | str, MotsObject]]] = {place.sequence: [] for place in images.values()}
    for index, entry in enumerate(json_fields.items(json_fields.get(content, "annotations", []), "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        place = images[image_of(entry, images, where)]
        by_sequence[place.sequence].append(_object(entry, where, place, class_names))
    return CocoTracks({name: _numbered(objects) for name, objects in by_sequence.items()}, class_names)


def _numbered(objects: list[tuple[int | str, MotsObject]]) -> list[MotsObject]:
    """One sequence's objects by increasing frame, the names of their tracks as numbers."""
    numbers = number_names(track for track, _ in objects)
    numbered = (replace(obj, track_id=numbers[track]) for track, obj in objects)
    return sorted(numbered, key=lambda obj: obj.frame)


def _sequence(image: CocoImage) -> object:
    return json_fields.get(image.entry, "sequence", image.video or image.file.parent.name)


def _image(image: CocoImage, sequence: object) -> _Image:
    entry, where = image.entry, image.where
    height, width = (json_fields.whole(entry.get(name), name, where) for name in ("height", "width"))
    if not 0 < height * width <= rle.LARGEST_AREA:
        expected = f"an image of 1 to {rle.LARGEST_AREA} pixels"
        raise InputError(where, expected=expected, found=f"{height} x {width}")
    if not isinstance(sequence, str) or not is_plain(sequence):
        expected = "sequence, a plain name, or a file_name in a folder of such a name"
        raise InputError(where, expected=expected, found=ascii(sequence)[:60])
    frame_field = next((key for key in ("frame", "frame_id") if json_fields.get(entry, key) is not None), None)
    if frame_field is not None:
        return _Image(sequence, json_fields.whole(entry[frame_field], frame_field, where), (height, width))
    number = _NUMBERED.fullmatch(image.file.stem)
    if number is None:
        expected = "frame, a whole number, or a file_name that is one, as 000042.png"
        raise InputError(where, expected=expected, found=ascii(image.file.name)[:60])
    return _Image(sequence, int(number[1]), (height, width))


def _object(
    entry: dict[str, Any], where: str, image: _Image, class_names: dict[int, str]
) -> tuple[int | str, MotsObject]:
    """The name of an annotation's track, and the object with a number that is still to come."""
    class_id = json_fields.whole(entry.get("category_id"), "category_id", where)
    crowd = json_fields.flag(entry.get("iscrowd"), "iscrowd", where)
    track = track_of(entry, where)
    if track is None:
        raise InputError(where, expected="track_id, a whole number or a name", found="none")
    if class_id not in class_names:
        raise InputError(where, expected="a category_id of categories", found=str(class_id))
    counts = json_fields.drawn(entry.get("segmentation"), where, image.size, "its image")
    (score,) = json_fields.reals([json_fields.get(entry, "score", 1.0)], 1, "score", where)
    xywh = json_fields.get(entry, "bbox")
    box = None if xywh is None else json_fields.box(xywh, "bbox", where)
    detected = json_fields.flag(json_fields.get(entry, "detected", True), "detected", where)
    return track, MotsObject(
        image.frame, 0, class_id, *image.size, counts, score, box, ignored=crowd, detected=detected
    )


def write_coco_tracks(path: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    """Write one file of all sequences; the file appears when it is whole, and annotations stream into it.

    Args:
        path: the file.
        sequences: without listed frames only those frames become images that have an object.
        class_names: by number; a class without a name becomes `class N`. Ignored regions become crowds. What nobody
            detected, but a tracker filled in, has the key `detected`, false.

    Raises:
        InputError: an object that a sequence's listed frames have no place for.
    """
    images: list[dict[str, Any]] = []
    classes = dict(class_names)
    with replacing(path, "w") as file:
        file.write('{"annotations": [')
        count = 0
        for tracks in sequences:
            image_ids: dict[int, int] = {}
            if tracks.frames:
                for number, name in zip(tracks.frames.numbers, tracks.frames.names, strict=True):
                    images.append(_image_entry(len(images) + 1, tracks.name, number, name, tracks.frames.size))
                    image_ids[number] = len(images)
            for obj in tracks.objects:
                size = obj.height, obj.width
                if tracks.frames:
                    tracks.frames.require(obj.frame, size, tracks.name)
                elif obj.frame not in image_ids:
                    name = f"{obj.frame:06d}.png"
                    images.append(_image_entry(len(images) + 1, tracks.name, obj.frame, name, size))
                    image_ids[obj.frame] = len(images)
                classes.setdefault(obj.class_id, f"class {obj.class_id}")
                count += 1
                entry = _annotation_entry(count, image_ids[obj.frame], obj)
                file.write(("," if count > 1 else "") + "\n" + json.dumps(entry))
        categories = [{"id": number, "name": name} for number, name in sorted(classes.items())]
        file.write(f'],\n"images": {json.dumps(images)},\n"categories": {json.dumps(categories)}}}\n')


def _image_entry(image_id: int, sequence: str, number: int, name: str, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": image_id,
        "file_name": f"{sequence}/{name}",
        "height": size[0],
        "width": size[1],
        "sequence": sequence,
        "frame": number,
    }


def _annotation_entry(number: int, image_id: int, obj: MotsObject) -> dict[str, Any]:
    x1, y1, x2, y2 = obj.box or rle.tight_box(obj.counts, obj.height, obj.width).tolist()
    filled_in = {} if obj.detected else {"detected": False}
    return {
        "id": number,
        "image_id": image_id,
        "category_id": obj.class_id,
        "track_id": obj.track_id,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": rle.area(obj.counts, obj.height, obj.width),
        "iscrowd": int(obj.ignored),
        "score": obj.score,
        "segmentation": {"size": [obj.height, obj.width], "counts": obj.counts.decode()},
        **filled_in,
    }
