"""Boxes in COCO's annotation JSON: `images`, `categories`, and `annotations` with `bbox` [x, y, width, height].

An annotation's object is named by `track_id` or `instance_id`, its own or among its `attributes` (CVAT); without one it
is an object of its own. `iscrowd` marks an ignore region, `score` a detector's confidence.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.frame_names import FrameNames, OnePicture, of_video
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.formats.coco_fields import CocoImage, image_of, read_images, track_of
from stc_track.formats.youtube_vis import read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError

if TYPE_CHECKING:
    from stc_pseudo.datasets.boxes.source import BoxSource

WHAT = "COCO annotation JSON"
# A frame's position in its video, from 0, as files of video have it (MMTracking; `stc-pseudo export`).
FRAME_KEYS = ("frame_id", "frame_index", "frame")


def read_coco(
    path: Path, video: VideoSequence, source: BoxSource, alone: bool = True
) -> tuple[list[BoxRow], dict[int, str]]:
    """Read one video's boxes from a file of one or of several videos.

    A picture belongs to the video that its `video_id` means, or whose name is one of its `file_name`'s folders.
    Where no picture is the video's, all are, if it is the only video and they are not of several.

    Args:
        path: the file.
        video: its frames. Those of a folder are found by their names, those of a video file by `frame_id`,
            `frame_index` or `frame`, counted from 0, else by the number at the end of the name.
        source: what the file calls the video, and how its names count.
        alone: no other video takes boxes from the file.

    Returns:
        the rows, and class number to name, both as in the file.

    Raises:
        InputError: naming file and entry: a missing or foreign value, a picture that is no frame of the video, is the
            second of one, or has another size.
    """
    state = path.stat() if path.is_file() else None
    content = _load(path, state and (state.st_mtime_ns, state.st_size))
    if isinstance(content, list):
        raise InputError(
            path,
            expected=WHAT,
            found="a list, as of results",
            hint="put it under `annotations`, beside the `images` and `categories` that it speaks of",
        )
    content = json_fields.mapping(content, str(path))
    class_names = read_categories(content, path)
    positions = _positions(content, path, video, source, alone)
    rows = []
    for index, entry in enumerate(json_fields.items(json_fields.get(content, "annotations"), "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        position = positions[image_of(entry, positions, where)]
        if position is None:
            continue
        class_id = json_fields.whole(entry.get("category_id"), "category_id", where)
        if class_id not in class_names:
            raise InputError(where, expected="a category_id of categories", found=str(class_id))
        written = json_fields.get(entry, "score")
        score = None if written is None else json_fields.reals([written], 1, "score", where)[0]
        rows.append(
            BoxRow(
                position,
                json_fields.box(entry.get("bbox"), "bbox", where),
                class_id,
                track_of(entry, where),
                where,
                json_fields.flag(entry.get("iscrowd"), "iscrowd", where),
                score,
            )
        )
    return rows, class_names


@lru_cache(maxsize=1)
def _load(path: Path, state: object) -> object:
    # A file may hold many videos: it is read once.
    return json_fields.load(path, WHAT)


def _positions(
    content: dict, path: Path, video: VideoSequence, source: BoxSource, alone: bool
) -> dict[int | str, int | None]:
    """Position in the video of each picture of the file by its `id`; None for pictures of other videos."""
    images = read_images(content, path)
    labels = [(*image.file.parts[:-1], *_video_of(image)) for image in images]
    of_this_video = of_video(labels, video, source.video_name, alone, path)
    names = FrameNames(video, source.first_frame or 0, source.frame_step, source.frame_range)
    positions: dict[int | str, int | None] = {image.key: None for image in images}
    once = OnePicture(video)
    for image, counts in zip(images, of_this_video, strict=True):
        if counts and (position := _position(image, video, names)) is not None:
            once.take(position, image.where)
            _require_size(image, video)
            positions[image.key] = position
    return positions


def _video_of(image: CocoImage) -> tuple[str, ...]:
    """The name of an image's video, where the file has one."""
    sequence = json_fields.get(image.entry, "sequence", image.video)
    return (sequence,) if isinstance(sequence, str) else ()


def _position(image: CocoImage, video: VideoSequence, names: FrameNames) -> int | None:
    for key in FRAME_KEYS if video.from_file else ():
        if json_fields.get(image.entry, key) is None:
            continue
        position = json_fields.whole(image.entry[key], key, image.where)
        if names.range is not None and position not in names.range:
            return None
        if position >= len(video):
            found = f"{key} {position}"
            raise InputError(image.where, expected=f"a picture of frames 0 to {len(video) - 1}", found=found)
        return position
    if not image.file.name:
        raise InputError(image.where, expected="file_name, a picture's name", found="none")
    return names.position(image.file, image.where)


def _require_size(image: CocoImage, video: VideoSequence) -> None:
    size = tuple(
        json_fields.whole(json_fields.get(image.entry, key, side), key, image.where)
        for key, side in zip(("height", "width"), video.size, strict=True)
    )
    if size != tuple(video.size):
        raise InputError(
            image.where,
            expected="pictures of the frames' {1}x{0} pixels".format(*video.size),
            found="{1}x{0}".format(*size),
        )
