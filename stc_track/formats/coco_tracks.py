"""COCO annotations of video: images with `sequence` and `frame`, annotations with `track_id`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stc_track.formats.base import Tracks
from stc_track.formats.mots import MotsObject
from stc_track.formats.youtube_vis import read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain, replacing
from stc_track.masks import rle


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

    A frame's sequence is its image's `sequence`, else the folder of `file_name`; its number is `frame`, else
    `frame_id`, else the file's name. Crowds are ignored regions of their category.

    Args:
        content: the parsed JSON.
        path: named in errors.

    Raises:
        InputError: naming file and entry: a missing or foreign value, a broken RLE, an image or category that is not
            known, a sequence that is no plain name, an image twice.
    """
    content = json_fields.mapping(content, str(path))
    images: dict[int, _Image] = {}
    for index, entry in enumerate(json_fields.items(content.get("images"), "images", path)):
        where = f"{path}: image {index}"
        entry = json_fields.mapping(entry, where)
        image_id = json_fields.whole(entry.get("id"), "id", where)
        if image_id in images:
            raise InputError(where, expected="an id of its own", found=f"{image_id} a second time")
        images[image_id] = _image(entry, where)
    class_names = read_categories(content, path)
    sequences: dict[str, list[MotsObject]] = {image.sequence: [] for image in images.values()}
    for index, entry in enumerate(json_fields.items(content.get("annotations"), "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        image_id = json_fields.whole(entry.get("image_id"), "image_id", where)
        if image_id not in images:
            raise InputError(where, expected="an image_id of images", found=str(image_id))
        image = images[image_id]
        sequences[image.sequence].append(_object(entry, where, image, class_names))
    for objects in sequences.values():
        objects.sort(key=lambda each: each.frame)
    return CocoTracks(sequences, class_names)


def _image(entry: dict, where: str) -> _Image:
    height, width = (json_fields.whole(entry.get(name), name, where) for name in ("height", "width"))
    if not 0 < height * width <= rle.LARGEST_AREA:
        expected = f"an image of 1 to {rle.LARGEST_AREA} pixels"
        raise InputError(where, expected=expected, found=f"{height} x {width}")
    file = PurePosixPath(json_fields.text(entry.get("file_name", ""), "file_name", where))
    sequence = entry.get("sequence", file.parent.name)
    if not isinstance(sequence, str) or not is_plain(sequence):
        expected = "sequence, a plain name, or a file_name in a folder of such a name"
        raise InputError(where, expected=expected, found=ascii(sequence)[:60])
    given = next((entry[name] for name in ("frame", "frame_id") if name in entry), None)
    if given is None and file.stem.isascii() and file.stem.isdecimal() and len(file.stem) <= 9:
        given = int(file.stem)
    return _Image(sequence, json_fields.whole(given, "frame", where), (height, width))


def _object(entry: dict, where: str, image: _Image, class_names: dict[int, str]) -> MotsObject:
    track_id, class_id, crowd = (
        json_fields.whole(entry.get(name, 0 if name == "iscrowd" else None), name, where)
        for name in ("track_id", "category_id", "iscrowd")
    )
    if class_id not in class_names:
        raise InputError(where, expected="a category_id of categories", found=str(class_id))
    counts = json_fields.drawn(entry.get("segmentation"), where, image.size, "its image")
    (score,) = json_fields.reals([entry.get("score", 1.0)], 1, "score", where)
    box = json_fields.box(entry["bbox"], "bbox", where) if "bbox" in entry else None
    return MotsObject(image.frame, track_id, class_id, *image.size, counts, score, box, ignored=bool(crowd))


def write_coco_tracks(path: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    """Write one file of all sequences; the file appears when it is whole, and annotations stream into it.

    Args:
        path: the file.
        sequences: without listed frames only those frames become images that have an object.
        class_names: by number; a class without a name becomes `class N`. Ignored regions become crowds.

    Raises:
        InputError: an object that a sequence's listed frames have no place for.
    """
    images: list[dict] = []
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
            for each in tracks.objects:
                size = each.height, each.width
                if tracks.frames:
                    tracks.frames.require(each.frame, size, tracks.name)
                elif each.frame not in image_ids:
                    name = f"{each.frame:06d}.png"
                    images.append(_image_entry(len(images) + 1, tracks.name, each.frame, name, size))
                    image_ids[each.frame] = len(images)
                classes.setdefault(each.class_id, f"class {each.class_id}")
                count += 1
                entry = _annotation_entry(count, image_ids[each.frame], each)
                file.write(("," if count > 1 else "") + "\n" + json.dumps(entry))
        categories = [{"id": number, "name": name} for number, name in sorted(classes.items())]
        file.write(f'],\n"images": {json.dumps(images)},\n"categories": {json.dumps(categories)}}}\n')


def _image_entry(image_id: int, sequence: str, number: int, name: str, size: tuple[int, int]) -> dict:
    return {
        "id": image_id,
        "file_name": f"{sequence}/{name}",
        "height": size[0],
        "width": size[1],
        "sequence": sequence,
        "frame": number,
    }


def _annotation_entry(number: int, image_id: int, each: MotsObject) -> dict:
    x1, y1, x2, y2 = each.box or rle.tight_box(each.counts, each.height, each.width).tolist()
    return {
        "id": number,
        "image_id": image_id,
        "category_id": each.class_id,
        "track_id": each.track_id,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": rle.area(each.counts, each.height, each.width),
        "iscrowd": int(each.ignored),
        "score": each.score,
        "segmentation": {"size": [each.height, each.width], "counts": each.counts.decode()},
    }
