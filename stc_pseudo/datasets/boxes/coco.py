"""Boxes in COCO's annotation JSON: `images`, `categories`, and `annotations` with `bbox` [x, y, width, height].

An annotation's object is named by `track_id` or `instance_id`, its own or among its `attributes` (CVAT); without one it
is an object of its own. `iscrowd` marks an ignore region, `score` a detector's confidence.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from stc_pseudo.datasets.base import Sequence
from stc_pseudo.datasets.boxes.frame_names import PictureNames
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.formats.youtube_vis import read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError

WHAT = "COCO annotation JSON"
TRACK_KEYS = ("track_id", "instance_id")
# A frame's position in its video, from 0, as files of video have it (MMTracking; `stc-pseudo export`).
FRAME_KEYS = ("frame_id", "frame_index", "frame")


def read_coco(path: Path, video: Sequence, alone: bool = True) -> tuple[list[BoxRow], dict[int, str]]:
    """Read one video's boxes from a file of one or of several videos.

    Where a picture's `file_name` has a folder of the video's name, only the pictures of that folder are the video's;
    otherwise all of them are, if it is the only video.

    Args:
        path: the file.
        video: its frames. Those of a folder are found by their names, those of a video file by `frame_id`,
            `frame_index` or `frame`, else by the number at the end of the name, all counted from 0.
        alone: no other video takes boxes from the file.

    Returns:
        the rows, and class number to name, both as in the file.

    Raises:
        InputError: naming file and entry: a missing or foreign value, a picture that is no frame of the video or has
            another size.
    """
    content = _load(path)
    if isinstance(content, list):
        raise InputError(
            path,
            expected=WHAT,
            found="a list, as of results",
            hint="put it under `annotations`, beside the `images` and `categories` that it speaks of",
        )
    content = json_fields.mapping(content, str(path))
    class_names = read_categories(content, path)
    positions = _positions(content, path, video, alone)
    rows = []
    for index, entry in enumerate(json_fields.items(content.get("annotations"), "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        image = _whole(entry, "image_id", where)
        if image not in positions:
            raise InputError(where, expected="an image_id of images", found=str(image))
        if positions[image] is None:
            continue
        class_id = _whole(entry, "category_id", where)
        if class_id not in class_names:
            raise InputError(where, expected="a category_id of categories", found=str(class_id))
        score = json_fields.reals([entry["score"]], 1, "score", where)[0] if "score" in entry else None
        rows.append(
            BoxRow(
                positions[image],
                json_fields.box(entry.get("bbox"), "bbox", where),
                class_id,
                _track(entry, where),
                where,
                bool(entry.get("iscrowd")),
                score,
            )
        )
    return rows, class_names


@lru_cache(maxsize=1)
def _load(path: Path) -> object:
    # A file may hold many videos: it is read once.
    return json_fields.load(path, WHAT)


def _positions(content: dict[str, Any], path: Path, video: Sequence, alone: bool) -> dict[int, int | None]:
    """Position in the video of each picture of the file by its `id`; None for pictures of other videos."""
    images = []
    for index, entry in enumerate(json_fields.items(content.get("images"), "images", path)):
        where = f"{path}: image {index}"
        entry = json_fields.mapping(entry, where)
        images.append(
            (_whole(entry, "id", where), json_fields.text(entry.get("file_name"), "file_name", where), entry, where)
        )
    of_video = [video.name in PurePosixPath(name.replace("\\", "/")).parts[:-1] for _, name, _, _ in images]
    if not any(of_video):
        if not alone:
            raise InputError(
                path,
                expected=f"pictures in a folder '{video.name}', as '{video.name}/000000.jpg'",
                found="none",
                hint="--sequences leaves videos out",
            )
        of_video = [True] * len(images)
    names, found = PictureNames(video), {}
    for mine, (identity, name, entry, where) in zip(of_video, images, strict=True):
        if identity in found:
            raise InputError(where, expected="an id of its own", found=f"{identity} a second time")
        found[identity] = None
        if mine:
            keys = [key for key in FRAME_KEYS if video.from_file and key in entry]
            found[identity] = _whole(entry, keys[0], where) if keys else names.position(name, where)
            size = entry.get("height", video.size[0]), entry.get("width", video.size[1])
            if size != tuple(video.size):
                raise InputError(
                    where,
                    expected="pictures of the frames' {1}x{0} pixels".format(*video.size),
                    found="{1}x{0}".format(*size)[:40],
                )
    return found


def _track(entry: dict[str, Any], where: str) -> int | str | None:
    attributes = entry.get("attributes") if isinstance(entry.get("attributes"), dict) else {}
    for source in (entry, attributes):
        for key in TRACK_KEYS:
            if source.get(key) is not None:
                value = source[key]
                if type(value) not in (int, str):
                    raise InputError(where, expected=f"{key}, a whole number or a name", found=ascii(value)[:40])
                return value
    return None


def _whole(entry: dict[str, Any], name: str, where: str) -> int:
    return json_fields.whole(entry.get(name), name, where)
