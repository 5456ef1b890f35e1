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
from pathlib import Path, PurePosixPath
from typing import Any

from stc_pseudo.datasets.base import Sequence
from stc_pseudo.datasets.boxes.rows import BoxRow, gather
from stc_track.formats.youtube_vis import frame_numbers, read_categories
from stc_track.io import json_fields
from stc_track.io.errors import InputError, require_file, require_folder
from stc_track.io.files import is_plain
from stc_track.masks import rle

log = logging.getLogger(__name__)

WHAT = "YouTube-VIS JSON"
IMAGES = "JPEGImages"


def read_youtube_vis(
    root: Path, sequences: Iterable[str] | None = None, annotations: Path | None = None, boxes: bool = True
) -> list[Sequence]:
    """Read videos of a data set in YouTube-VIS's layout; frames stay on disk.

    Args:
        root: the folder that holds the JSON file and `JPEGImages`.
        sequences: names of the videos' folders, or None for all, where `boxes` all that have one.
        annotations: the JSON file, or None for the only one in `root`.
        boxes: read the boxes too.

    Returns:
        sequences with frame numbers as `stc_track.formats.youtube_vis` counts them, the file's category numbers as
        classes, and annotations' ids as tracks.

    Raises:
        InputError: naming file and entry: a file or frame is missing, or a value is missing or foreign.
    """
    require_folder(root, "a YouTube-VIS JSON file and JPEGImages", "--root names the data set")
    path = annotations or annotation_file(root)
    content = json_fields.mapping(json_fields.load(path, WHAT), str(path))
    class_names = read_categories(content, path)
    entries = {}
    for index, entry in enumerate(json_fields.items(content.get("videos"), "videos", path)):
        where = f"{path}: video {index}"
        entry = json_fields.mapping(entry, where)
        name = _name(entry, where)
        json_fields.whole(entry.get("id"), "id", where)
        if name in entries:
            raise InputError(where, expected="a folder of its own", found=f"'{name}' a second time")
        entries[name] = (entry, where)
    by_video = _by_video(content, path) if boxes else {}
    if sequences is None:
        names = [name for name, (entry, _) in entries.items() if not boxes or by_video.get(entry["id"])]
        log.info("%s: %d of %d videos have boxes", path, len(names), len(entries))
    else:
        names = list(sequences)
    if not names:
        raise InputError(path, expected="videos with annotations" if boxes else "videos", found="none", hint="--boxes")
    for name in names:
        if name not in entries:
            raise InputError(
                path, expected=f"a video in a folder '{name}'", found=f"{len(entries)} others", hint="see --sequences"
            )
    folder = _image_folder(root, path, entries[names[0]][0]["file_names"][0])
    return [_sequence(name, *entries[name], folder, by_video if boxes else None, class_names) for name in names]


def annotation_file(root: Path) -> Path:
    """The only JSON file in a folder."""
    found = sorted(root.glob("*.json"))
    if len(found) != 1:
        raise InputError(
            root,
            expected="one JSON file",
            found=", ".join(path.name for path in found) or "none",
            hint="--boxes names the file",
        )
    return found[0]


def _name(entry: dict[str, Any], where: str) -> str:
    """The folder of a video's frames, which all must be in it."""
    files = json_fields.items(entry.get("file_names"), "file_names", where)
    folders = {PurePosixPath(json_fields.text(file, "file_names", where)).parent.as_posix() for file in files}
    names = [PurePosixPath(file).name for file in files]
    if len(folders) != 1 or not all(is_plain(name) for name in (*folders, *names)):
        raise InputError(
            where,
            expected="file_names as 'folder/00000.jpg', all of one folder",
            found=ascii(sorted(folders) or "none")[:80],
        )
    return folders.pop()


def _by_video(content: dict[str, Any], path: Path) -> dict[int, list[tuple[dict[str, Any], str]]]:
    by_video = defaultdict(list)
    for index, entry in enumerate(json_fields.items(content.get("annotations") or [], "annotations", path)):
        where = f"{path}: annotation {index}"
        entry = json_fields.mapping(entry, where)
        by_video[json_fields.whole(entry.get("video_id"), "video_id", where)].append((entry, where))
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
        hint="--root names the folder that holds JPEGImages",
    )


def _sequence(
    name: str,
    entry: dict[str, Any],
    where: str,
    folder: Path,
    by_video: dict[int, list[tuple[dict[str, Any], str]]] | None,
    class_names: dict[int, str],
) -> Sequence:
    height, width = (json_fields.whole(entry.get(key), key, where) for key in ("height", "width"))
    if not 0 < height * width <= rle.LARGEST_AREA:
        raise InputError(where, expected=f"frames of 1 to {rle.LARGEST_AREA} pixels", found=f"{width}x{height}")
    files = entry["file_names"]
    frames = tuple(require_file(folder / file, "a frame of the video", "--root") for file in files)
    numbers = tuple(frame_numbers(files, len(files)))
    boxes = {}
    if by_video is not None:
        rows = [
            row
            for annotation, place in by_video.get(entry["id"], ())
            for row in _rows(annotation, place, (height, width), len(frames), class_names)
        ]
        if not any(not row.ignore for row in rows):
            raise InputError(
                where,
                expected=f"at least one box of '{name}'",
                found="none",
                hint="leave the sequence out with --sequences",
            )
        boxes = gather(rows, (height, width), numbers)
    return Sequence(name, (height, width), frames, numbers, boxes=boxes, class_names=class_names)


def _rows(
    entry: dict[str, Any], where: str, size: tuple[int, int], length: int, class_names: dict[int, str]
) -> Iterator[BoxRow]:
    """The boxes of one annotation."""
    track, class_id = (json_fields.whole(entry.get(key), key, where) for key in ("id", "category_id"))
    if class_id not in class_names:
        raise InputError(where, expected="a category_id of categories", found=str(class_id))
    given = entry.get("bboxes") is not None
    key = "bboxes" if given else "segmentations"
    values = json_fields.items(entry.get(key), "bboxes or segmentations", where)
    if len(values) != length:
        raise InputError(where, expected=f"{key}, one or null for each of {length} frames", found=str(len(values)))
    for t, value in enumerate(values):
        if not value:
            continue
        place = f"{where}, frame {t}"
        if given:
            x, y, width, height = json_fields.reals(value, 4, "bboxes", place)
            box = x, y, x + width, y + height
        else:
            box = tuple(rle.tight_box(json_fields.drawn(value, place, size, "its video"), *size).tolist())
        # A mask may be empty, and the published boxes of the smallest ones have no area.
        if box[2] > box[0] and box[3] > box[1]:
            yield BoxRow(t, box, class_id, track, place, bool(entry.get("iscrowd")))
