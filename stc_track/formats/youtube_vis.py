"""YouTube-VIS JSON (Yang et al., Video Instance Segmentation, ICCV 2019): annotations, and lists of results.

Annotations: `{"videos": [...], "categories": [...], "annotations": [...]}`, a track an entry with one RLE, list of
polygons or null for each frame of its video. Results are a list of `{"video_id", "category_id", "score",
"segmentations"}`. Of either, our key `undetected` lists the positions of frames where a tracker filled the object in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from stc_track.formats.mots import MotsObject
from stc_track.formats.track_ids import number_names
from stc_track.io import json_fields
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain
from stc_track.masks import rle

_LONGEST_VIDEO = 1_000_000  # frames


@dataclass(frozen=True, slots=True)
class Video:
    """One video.

    Attributes:
        video_id: the file's number or name of it.
        name: the folder of its frames, else its number.
        size: (height, width), pixels; None where only results are known that have no mask.
        numbers: of its frames: their file names where these count on by one, else from 0.
    """

    video_id: int | str
    name: str
    size: tuple[int, int] | None
    numbers: range


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """One object through one video.

    Attributes:
        video_id, category_id: the file's numbers.
        track_id: unique in the video but for crowds: `track_id`, else `id`.
        masks: compressed RLE of each frame of the video, None where the object is not seen.
        size: (height, width), pixels; None without any mask.
        score: confidence; 1 in annotations.
        crowd: whether the annotation is one of a crowd, which no result needs to find.
        undetected: positions in `masks` where a tracker filled the object in.
    """

    video_id: int | str
    category_id: int
    track_id: int
    masks: tuple[bytes | None, ...]
    size: tuple[int, int] | None
    score: float = 1.0
    crowd: bool = False
    undetected: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Annotations:
    """A file of annotations: videos by number, class names by number, and the tracks."""

    videos: dict[int | str, Video]
    class_names: dict[int, str]
    tracks: list[VideoTrack]


def read_annotations(path: Path) -> Annotations:
    """Read an annotation file; raises as `parse_annotations`, or where the file is no JSON."""
    return parse_annotations(json_fields.load(path, "YouTube-VIS JSON"), path)


def parse_annotations(content: object, path: Path) -> Annotations:
    """What an annotation file holds; `annotations` may be missing, as in the published validation split.

    Args:
        content: the parsed JSON.
        path: named in errors.

    Raises:
        InputError: naming file and entry: a missing or foreign value, a broken RLE, another size or length than the
            video's, a number or name twice, a name that is no plain folder.
    """
    content = json_fields.mapping(content, str(path))
    videos: dict[int | str, Video] = {}
    names: set[str] = set()
    for index, entry in enumerate(json_fields.items(content.get("videos"), "videos", path)):
        video = parse_video(entry, f"{path}: video {index}")
        if video.video_id in videos or video.name in names:
            found = f"{video.video_id} '{video.name}' a second time"
            raise InputError(f"{path}: video {index}", expected="an id and a name of its own", found=found)
        videos[video.video_id] = video
        names.add(video.name)
    class_names = read_categories(content, path)
    tracks, seen = [], set()
    for index, entry in enumerate(json_fields.items(json_fields.get(content, "annotations", []), "annotations", path)):
        track = _annotation(entry, f"{path}: annotation {index}", videos, class_names)
        if (track.video_id, track.track_id) in seen and not track.crowd:
            found = f"{track.track_id} a second time"
            raise InputError(f"{path}: annotation {index}", expected="an id of its own", found=found)
        if not track.crowd:
            seen.add((track.video_id, track.track_id))
        tracks.append(track)
    return Annotations(videos, class_names, _numbered(tracks))


def _numbered(tracks: list[VideoTrack]) -> list[VideoTrack]:
    """The same tracks, their names as numbers where a video has other names."""
    by_video: dict[int | str, list[int | str]] = {}
    for track in tracks:
        by_video.setdefault(track.video_id, []).append(track.track_id)
    numbers = {video: number_names(ids) for video, ids in by_video.items()}
    return [replace(track, track_id=numbers[track.video_id][track.track_id]) for track in tracks]


def read_categories(content: dict[str, Any], path: Path) -> dict[int, str]:
    """The class names by number in `categories` of a COCO or YouTube-VIS file."""
    names: dict[int, str] = {}
    for index, entry in enumerate(json_fields.items(content.get("categories"), "categories", path)):
        where = f"{path}: category {index}"
        entry = json_fields.mapping(entry, where)
        number = json_fields.whole(entry.get("id"), "id", where)
        if number in names:
            raise InputError(where, expected="an id of its own", found=f"{number} a second time")
        names[number] = json_fields.text(entry.get("name"), "name", where)
    return names


def parse_video(entry: object, where: str) -> Video:
    """What an entry of `videos` says; `file_names` say how long it is, rather than `length`, where both are there.

    Raises:
        InputError: a missing or foreign value, or a folder of frames that has no plain name.
    """
    entry = json_fields.mapping(entry, where)
    video_id = json_fields.identity(entry.get("id"), "id", where)
    height, width = (json_fields.whole(entry.get(name), name, where) for name in ("height", "width"))
    if not 0 < height * width <= rle.LARGEST_AREA:
        expected = f"a video of 1 to {rle.LARGEST_AREA} pixels"
        raise InputError(where, expected=expected, found=f"{height} x {width}")
    if json_fields.get(entry, "file_names") is None:
        length = json_fields.whole(entry.get("length"), "length", where)
        files = []
    else:
        files = [
            json_fields.text(file, "file_names", where)
            for file in json_fields.items(entry["file_names"], "file_names", where)
        ]
        length = len(files)
    if length > _LONGEST_VIDEO:
        raise InputError(where, expected=f"a length of at most {_LONGEST_VIDEO} frames", found=str(length))
    name = PurePosixPath(files[0]).parent.name if files else ""
    name = name or str(video_id)
    if not is_plain(name):
        raise InputError(where, expected="frames in a folder of a plain name", found=ascii(name)[:60])
    return Video(video_id, name, (height, width), frame_numbers(files, length))


def frame_numbers(files: list[str], length: int) -> range:
    """Numbers of a video's frames: their file names where these count on by one, else from 0."""
    stems = [PurePosixPath(file).stem for file in files]
    if stems and stems[0].isascii() and stems[0].isdecimal() and len(stems[0]) <= 9:
        counted = range(int(stems[0]), int(stems[0]) + length)
        if all(
            stem.isascii() and stem.isdecimal() and int(stem[:10]) == number
            for stem, number in zip(stems, counted, strict=True)
        ):
            return counted
    return range(length)


def _annotation(
    entry: object, where: str, videos: Mapping[int | str, Video], class_names: Mapping[int, str]
) -> VideoTrack:
    entry = json_fields.mapping(entry, where)
    name = "id" if json_fields.get(entry, "track_id") is None else "track_id"  # ours keep the id that was converted
    track_id, video_id = (json_fields.identity(entry.get(key), key, where) for key in (name, "video_id"))
    category_id = json_fields.whole(entry.get("category_id"), "category_id", where)
    crowd = json_fields.flag(entry.get("iscrowd"), "iscrowd", where)
    video = _known(video_id, videos, where)
    if category_id not in class_names:
        raise InputError(where, expected="a category_id of categories", found=str(category_id))
    masks = json_fields.items(entry.get("segmentations"), "segmentations", where)
    _require_length(masks, video, where)
    counts = tuple(
        None if not mask else json_fields.drawn(mask, f"{where}, frame {t}", _size(video), "its video")
        for t, mask in enumerate(masks)
    )
    # a name may be a text until `_numbered` makes numbers of all
    filled_in = _undetected(entry, len(counts), where)
    return VideoTrack(
        video_id, category_id, track_id, counts, video.size, crowd=crowd, undetected=filled_in,  # type: ignore[arg-type]
    )  # fmt: skip


def read_results(path: Path, videos: Mapping[int | str, Video] | None = None) -> list[VideoTrack]:
    """Read a list of results; raises as `parse_results`, or where the file is no JSON."""
    return parse_results(json_fields.load(path, "YouTube-VIS JSON"), path, videos)


def parse_results(content: object, path: Path, videos: Mapping[int | str, Video] | None = None) -> list[VideoTrack]:
    """What a list of results holds; a track's id is its position, from 1.

    Args:
        content: the parsed JSON.
        path: named in errors.
        videos: by number, as `read_annotations` gives them; None takes any.

    Raises:
        InputError: naming file and result: a missing or foreign value, a broken RLE, a second size in one video,
            a video that is not known or of another length.
    """
    tracks: list[VideoTrack] = []
    sizes: dict[int | str, tuple[int, int]] = {}
    for index, entry in enumerate(json_fields.items(content, "results", path)):
        where = f"{path}: result {index}"
        entry = json_fields.mapping(entry, where)
        video_id = json_fields.identity(entry.get("video_id"), "video_id", where)
        category_id = json_fields.whole(entry.get("category_id"), "category_id", where)
        (score,) = json_fields.reals([entry.get("score")], 1, "score", where)
        masks = json_fields.items(entry.get("segmentations"), "segmentations", where)
        if videos is not None:
            video = _known(video_id, videos, where)
            _require_length(masks, video, where)
            sizes[video_id] = _size(video)
        counts: list[bytes | None] = []
        for t, mask in enumerate(masks):
            if mask:
                height, width, mask_counts = json_fields.mask(
                    mask, f"{where}, frame {t}", sizes.get(video_id), "the video's others"
                )
                sizes[video_id] = height, width
            counts.append(mask_counts if mask else None)
        filled_in = _undetected(entry, len(counts), where)
        size = sizes.get(video_id)
        tracks.append(VideoTrack(video_id, category_id, index + 1, tuple(counts), size, score, undetected=filled_in))
    return tracks


def _undetected(entry: dict[str, Any], length: int, where: str) -> frozenset[int]:
    """The positions under `undetected`, of a track of so many frames; none without the key."""
    positions = json_fields.items(json_fields.get(entry, "undetected", []), "undetected", where)
    if positions and not length:
        raise InputError(where, expected="segmentations for what is undetected", found="none")
    return frozenset(json_fields.whole(place, "undetected", where, high=length - 1) for place in positions)


def _known(video_id: int | str, videos: Mapping[int | str, Video], where: str) -> Video:
    if video_id not in videos:
        raise InputError(where, expected="a video_id of the annotations' videos", found=str(video_id))
    return videos[video_id]


def _size(video: Video) -> tuple[int, int]:
    """Size of a video of annotations, which has one."""
    if video.size is None:
        raise ValueError(f"video {video.name} has no size")
    return video.size


def _require_length(masks: list[Any], video: Video, where: str) -> None:
    if len(masks) != len(video.numbers):
        expected = f"a segmentation or null for each of {len(video.numbers)} frames"
        raise InputError(where, expected=expected, found=f"{len(masks)}")


def videos_of(tracks: Iterable[VideoTrack]) -> dict[int | str, Video]:
    """What results alone tell of their videos, by number; a video's name is its number."""
    videos: dict[int | str, Video] = {}
    for track in tracks:
        before = videos.get(track.video_id)
        length = max(len(track.masks), len(before.numbers) if before else 0)
        size = track.size or (before.size if before else None)
        videos[track.video_id] = Video(track.video_id, str(track.video_id), size, range(length))
    return videos


def objects_of(tracks: Iterable[VideoTrack], video: Video) -> Iterator[MotsObject]:
    """One video's objects by increasing frame; what is marked as a crowd is an ignored region of its category."""
    of_video = [track for track in tracks if track.video_id == video.video_id]
    for t, number in enumerate(video.numbers):
        for track in of_video:
            mask = track.masks[t] if t < len(track.masks) else None
            if mask is not None and track.size is not None:
                height, width = track.size
                name = track.track_id, track.category_id
                yield MotsObject(
                    number, *name, height, width, mask, track.score,
                    ignored=track.crowd, detected=t not in track.undetected,
                )  # fmt: skip
