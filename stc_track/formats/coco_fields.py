"""What all readers of COCO's annotation JSON share: images by id, the video of an image, the name of a track."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stc_track.io import json_fields
from stc_track.io.errors import InputError

TRACK_KEYS = ("track_id", "instance_id")


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An entry of `images`.

    Attributes:
        key: its id.
        file: its `file_name`, with folders.
        video: name of the video that its `video_id` means in `videos` (MMTracking, BDD100K); None without one.
        entry: all of it.
        where: file and place, for messages.
    """

    key: int | str
    file: PurePosixPath
    video: str | None
    entry: dict[str, Any]
    where: str


def read_images(content: dict[str, Any], path: Path) -> list[CocoImage]:
    """The images of a file, in its order.

    Raises:
        InputError: naming file and entry: no list, a foreign value, an id twice, or a `video_id` that `videos` lacks.
    """
    videos = _video_names(content, path)
    images, seen = [], set()
    for index, entry in enumerate(json_fields.items(content.get("images"), "images", path)):
        where = f"{path}: image {index}"
        entry = json_fields.mapping(entry, where)
        key = json_fields.identity(entry.get("id"), "id", where)
        if key in seen:
            raise InputError(where, expected="an id of its own", found=f"{key} a second time")
        seen.add(key)
        name = json_fields.text(json_fields.get(entry, "file_name", ""), "file_name", where)
        video = None
        if videos and json_fields.get(entry, "video_id") is not None:
            number = json_fields.identity(entry["video_id"], "video_id", where)
            if number not in videos:
                raise InputError(where, expected="a video_id of videos", found=str(number))
            video = videos[number]
        images.append(CocoImage(key, PurePosixPath(name.replace("\\", "/")), video, entry, where))
    return images


def _video_names(content: dict[str, Any], path: Path) -> dict[int | str, str]:
    names = {}
    for index, entry in enumerate(json_fields.items(json_fields.get(content, "videos", []), "videos", path)):
        where = f"{path}: video {index}"
        entry = json_fields.mapping(entry, where)
        if json_fields.get(entry, "name") is not None:
            key = json_fields.identity(entry.get("id"), "id", where)
            if key in names:
                raise InputError(where, expected="an id of its own", found=f"{key} a second time")
            names[key] = json_fields.text(entry["name"], "name", where)
    return names


def image_of(entry: dict[str, Any], image_keys: Container[int | str], where: str) -> int | str:
    """The image that an annotation belongs to, one of those known.

    Raises:
        InputError: another one, or none.
    """
    key = json_fields.identity(entry.get("image_id"), "image_id", where)
    if key not in image_keys:
        raise InputError(where, expected="an image_id of images", found=str(key))
    return key


def track_of(entry: dict[str, Any], where: str) -> int | str | None:
    """What names an annotation's track: one of `TRACK_KEYS`, its own or among its `attributes` (CVAT); None without."""
    attributes = entry.get("attributes")
    for source in (entry, attributes if isinstance(attributes, dict) else {}):
        for key in TRACK_KEYS:
            if json_fields.get(source, key) is not None:
                return json_fields.identity(source[key], key, where)
    return None
