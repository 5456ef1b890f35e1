"""YouTube-VIS 2019 and 2021 (Yang et al., Video Instance Segmentation, ICCV 2019).

    ROOT/instances.json, or any one JSON file        videos, categories, annotations
    ROOT/JPEGImages/{video}/{frame}.jpg              as `file_names` says; or in ROOT/{split}/, the JSON file's name

Only boxes are read: `bboxes` where an annotation has them, else the smallest ones around its `segmentations`. Either
holds null where the object is not seen. `iscrowd` marks an ignore region.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stc_pseudo.datasets.base import FrameRange, VideoSequence
from stc_pseudo.datasets.boxes.rows import BoxRow, gather
from stc_track.formats.youtube_vis import Video, parse_video, read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError, require_file, require_folder
from stc_track.io.files import is_plain
from stc_track.masks import rle

log = logging.getLogger(__name__)

WHAT = "YouTube-VIS JSON"
IMAGES = "JPEGImages"


def read_youtube_vis(
    root: Path,
    sequences: Iterable[str] | None = None,
    annotations: Path | None = None,
    boxes: bool = True,
    frame_range: FrameRange | None = None,
) -> list[VideoSequence]:
    """Read videos of a data set in YouTube-VIS's layout; frames stay on disk.

    Args:
        root: the folder that holds the JSON file and `JPEGImages`.
        sequences: names of the videos' folders, or None for all, where `boxes` all that have one.
        annotations: the JSON file, or None for the only one in `root`.
        boxes: read the boxes too.
        frame_range: of the frames that count, and must be on disk; None for all.

    Returns:
        sequences with frame numbers as `stc_track.formats.youtube_vis` counts them, the file's category numbers as
        classes, and annotations' ids as tracks.

    Raises:
        InputError: naming file and entry: a file or frame is missing, or a value is missing or foreign.
    """
    require_folder(root, "a YouTube-VIS JSON file and JPEGImages", "`root=` names the data set")
    path = annotations or annotation_file(root)
    content = json_fields.mapping(json_fields.load(path, WHAT), str(path))
    class_names = read_categories(content, path)
    videos: dict[str, _Video] = {}
    for index, entry in enumerate(json_fields.items(content.get("videos"), "videos", path)):
        where = f"{path}: video {index}"
        entry = json_fields.mapping(entry, where)
        video = _Video(parse_video(entry, where), _files(entry, where), where)
        if video.said.name in videos:
            raise InputError(where, expected="a folder of its own", found=f"'{video.said.name}' a second time")
        videos[video.said.name] = video
    by_video = _by_video(content, path, {video.said.video_id for video in videos.values()}) if boxes else {}
    if sequences is None:
        names = [name for name, video in videos.items() if not boxes or by_video.get(video.said.video_id)]
        log.info("%s: %d of %d videos have boxes", path, len(names), len(videos))
    else:
        names = list(sequences)
    if not names:
        raise InputError(path, expected="videos with annotations" if boxes else "videos", found="none")
    for name in names:
        if name not in videos:
            raise InputError(
                path, expected=f"a video in a folder '{name}'", found=f"{len(videos)} others", hint="see `sequences=`"
            )
    first = videos[names[0]]
    present = [
        file
        for file, number in zip(first.files, first.said.numbers, strict=True)
        if frame_range is None or number in frame_range
    ]
    folder = _image_folder(root, path, (present or first.files)[0])
    return [
        _sequence(videos[name], folder, by_video if boxes else None, class_names, frame_range).within(frame_range)
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class _Video:
    """An entry of `videos`: what it says, the files of its frames, and its place for messages."""

    said: Video
    files: list[str]
    where: str


def annotation_file(root: Path, hint: str = "keep one there; `stc-pseudo build --boxes` names the file") -> Path:
    """The only JSON file in a folder; an InputError with `hint` where there is none, or are several."""
    files = sorted(root.glob("*.json"))
    if len(files) != 1:
        raise InputError(
            root, expected="one JSON file", found=", ".join(path.name for path in files) or "none", hint=hint
        )
    return files[0]


def _files(entry: dict[str, Any], where: str) -> list[str]:
    """The frames' files, which all must be in one folder that lies below that of all frames."""
    files = [
        json_fields.text(file, "file_names", where)
        for file in json_fields.items(entry.get("file_names"), "file_names", where)
    ]
    paths = [PurePosixPath(file) for file in files]
    if len({path.parent for path in paths}) != 1 or not all(is_plain(part) for path in paths for part in path.parts):
        folders = sorted({path.parent.as_posix() for path in paths})
        expected = "file_names as 'folder/00000.jpg', all of one folder"
        raise InputError(where, expected=expected, found=ascii(folders or "none")[:80])
    return files


def _by_video(
    content: dict[str, Any], path: Path, known: set[int | str]
) -> dict[int | str, list[tuple[dict[str, Any], str]]]:
    by_video = defaultdict(list)
    for index, entry in enumerate(json_fields.items(json_fields.get(content, "annotations", []), "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        video_id = json_fields.identity(entry.get("video_id"), "video_id", where)
        if video_id not in known:
            raise InputError(where, expected="a video_id of the videos", found=str(video_id))
        by_video[video_id].append((entry, where))
    return by_video


def _image_folder(root: Path, annotations: Path, first: str) -> Path:
    candidates = [root / IMAGES, root / annotations.stem / IMAGES, annotations.parent / IMAGES]
    for folder in candidates:
        if (folder / first).is_file():
            return folder
    raise InputError(
        candidates[0] / first,
        expected="the first video's first frame",
        found="nothing there",
        hint="`root=` names the folder that holds JPEGImages",
    )


def _sequence(
    video: _Video,
    folder: Path,
    by_video: dict[int | str, list[tuple[dict[str, Any], str]]] | None,
    class_names: dict[int, str],
    frame_range: FrameRange | None,
) -> VideoSequence:
    said, numbers = video.said, tuple(video.said.numbers)
    frames = tuple(
        require_file(folder / file, "a frame of the video", "`root=`, or `frames_range=` for a part of it")
        if frame_range is None or number in frame_range
        else folder / file
        for file, number in zip(video.files, numbers, strict=True)
    )
    boxes = {}
    if by_video is not None:
        rows = [
            row
            for annotation, place in by_video.get(said.video_id, ())
            for row in _rows(annotation, place, said.size, numbers, class_names)
            if frame_range is None or numbers[row.position] in frame_range
        ]
        if not any(not row.ignore for row in rows):
            raise InputError(
                video.where,
                expected=f"at least one box of '{said.name}'" + (f" on frames {frame_range}" if frame_range else ""),
                found="none",
                hint="leave the sequence out with `sequences=`",
            )
        boxes = gather(rows, said.size, numbers)
    return VideoSequence(said.name, said.size, frames, numbers, boxes=boxes, class_names=class_names)


def _rows(
    entry: dict[str, Any], where: str, size: tuple[int, int], numbers: tuple[int, ...], class_names: dict[int, str]
) -> Iterator[BoxRow]:
    """The boxes of one annotation: those that it gives, on other frames those of its masks."""
    track, class_id = json_fields.identity(entry.get("id"), "id", where), entry.get("category_id")
    class_id = json_fields.whole(class_id, "category_id", where)
    crowd = json_fields.flag(entry.get("iscrowd"), "iscrowd", where)
    if class_id not in class_names:
        raise InputError(where, expected="a category_id of categories", found=str(class_id))
    boxes, masks = (_each(entry, key, len(numbers), where) for key in ("bboxes", "segmentations"))
    if boxes is None and masks is None:
        raise InputError(where, expected="bboxes or segmentations, a JSON list", found="neither")
    nothing = [None] * len(numbers)
    for t, (value, mask) in enumerate(zip(boxes or nothing, masks or nothing, strict=True)):
        place = f"{where}, frame {t}"
        if value:
            x, y, width, height = json_fields.reals(value, 4, "bboxes", place)
            box = x, y, x + width, y + height
        elif mask:
            box = tuple(rle.tight_box(json_fields.drawn(mask, place, size, "its video"), *size).tolist())
        else:
            continue
        # A mask may be empty, and the published boxes of the smallest ones have no area.
        if box[2] > box[0] and box[3] > box[1]:
            yield BoxRow(t, box, class_id, track, place, crowd)


def _each(entry: dict[str, Any], key: str, length: int, where: str) -> list | None:
    """The value of each frame; None where there are none."""
    if json_fields.get(entry, key) is None:
        return None
    values = json_fields.items(entry[key], key, where)
    if len(values) != length:
        raise InputError(where, expected=f"{key}, one or null for each of {length} frames", found=str(len(values)))
    return values
