"""Sequences of detections or tracks, from whatever format a file or folder turns out to have.

| it is | read as |
|---|---|
| a folder of `{sequence}.txt`: lines with commas, of 6 columns, of 10 and more | MOT-Challenge boxes, MOTS text, MOTS detections |
| a folder of `{sequence}.json` | COCO results |
| a folder of `{sequence}/` with pictures of 16 bits; of 8 bits | MOTS PNG; masks as DAVIS has them |
| a folder of `{sequence}/` with `gt/gt.txt` or `det/det.txt` | MOT-Challenge boxes or MOTS text |
| a folder with `manifest.json` | a store of pseudo-labels |
| a JSON object with `videos`; with `images` | YouTube-VIS annotations; COCO with `track_id` |
| a JSON list of entries with `segmentations`; with `segmentation` | YouTube-VIS results; COCO results of one sequence |
"""  # noqa: E501

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from stc_track.formats import coco_tracks, mot_boxes, youtube_vis
from stc_track.formats.base import MOTS_CLASS_NAMES, UNTRACKED, Kind, Source, Sources
from stc_track.formats.coco_results import parse_coco_results, read_coco_results
from stc_track.formats.mask_pictures import CLASS_NAMES as MASK_CLASS_NAMES
from stc_track.formats.mask_pictures import iter_mask_pictures
from stc_track.formats.mots import CLASS_NAMES, Detection, MotsObject, iter_detections, iter_mots
from stc_track.formats.mots_png import iter_mots_png
from stc_track.formats.store_tracks import is_store, open_store
from stc_track.formats.youtube_vis import Annotations, Video
from stc_track.io import json_fields
from stc_track.io.errors import InputError, require_folder
from stc_track.io.files import is_plain, sequence_files
from stc_track.io.pictures import is_labels8
from stc_track.io.text import plain_lines

_TEXT_IN_FOLDER = ("gt/gt.txt", "det/det.txt")


def open_sources(
    path: Path,
    *,
    sequences: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    annotations: Annotations | None = None,
    text: Literal["detections", "any"] = "any",
    hint: str = "",
    boxes_as_masks: bool = True,
    regions: bool = False,
) -> Sources:
    """Open a file or folder; of text files and pictures nothing is read but what shows the format.

    Args:
        path: the file or folder.
        sequences: which to take; None takes all.
        size: (height, width) of the frames, for boxes of a sequence without `seqinfo.ini`.
        annotations: that YouTube-VIS results belong to; None names a video by its number.
        text: whether text without commas must be detections.
        boxes_as_masks: give MOT-Challenge boxes the box's part of the frame for a mask; without, they have none.
        hint: what the user can do where something is missing.
        regions: give a store's boxes where nothing is known as ignore regions; without, they are left out.

    Raises:
        InputError: nothing of a known format, a named sequence that is not there, a malformed JSON file.
    """
    if os.path.isfile(path) and path.suffix == ".json":
        from_json = _json_file(path, annotations)
        return Sources(_chosen(from_json.sequences, sequences, path, hint), from_json.class_names)
    if is_store(path):
        return open_store(path, sequences=sequences, regions=regions)
    folders = _folders(path) if os.path.isdir(path) else {}
    if folders and not any(inner.suffix in (".txt", ".json") for inner in path.iterdir() if inner.is_file()):
        opened = {name: _folder(name, folder, size, text, boxes_as_masks) for name, folder in folders.items()}
        return _named(_chosen(opened, sequences, path, hint))
    files = sequence_files(path, sequences, hint, (".txt", ".json"))
    for name in files.keys() & folders.keys():
        if again := [place for place in _TEXT_IN_FOLDER if (folders[name] / place).is_file()]:
            raise InputError(files[name], expected="one file a sequence", found=f"{name}/{again[0]} as well")
    return _named({name: _file(name, file, file.parent, size, text, boxes_as_masks) for name, file in files.items()})


def _named(sources: dict[str, Source]) -> Sources:
    """Class 10 is called an ignore region in MOTS' tracks alone; pictures of 8 bits tell no classes."""
    if sources and all(source.kind == "masks" for source in sources.values()):
        return Sources(sources, MASK_CLASS_NAMES)
    has_regions = any(source.kind in ("mots", "png") for source in sources.values())
    return Sources(sources, MOTS_CLASS_NAMES if has_regions else CLASS_NAMES)


def _chosen(sources: dict[str, Source], sequences: Sequence[str] | None, path: Path, hint: str) -> dict[str, Source]:
    if missing := [name for name in sequences or () if name not in sources]:
        raise InputError(path, expected=f"sequence {missing[0]}", found=", ".join(sources)[:80] or "none", hint=hint)
    return sources if sequences is None else {name: sources[name] for name in sequences}


def _folders(path: Path) -> dict[str, Path]:
    """Folders by name that hold pictures or a text file at one of the known places."""
    folders = {}
    for folder in sorted(require_folder(path, "sequences").iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        require_folder(folder, "one sequence")
        has_text = any((folder / place).is_file() for place in _TEXT_IN_FOLDER)
        if has_text or any(inner.suffix == ".png" for inner in folder.iterdir()):
            if not is_plain(folder.name):
                raise InputError(folder, expected="a plain name", found=ascii(folder.name))
            folders[folder.name] = folder
    return folders


def _folder(name: str, folder: Path, size: tuple[int, int] | None, text: str, boxes_as_masks: bool) -> Source:
    # truth is no detections where both are there
    for place in reversed(_TEXT_IN_FOLDER) if text == "detections" else _TEXT_IN_FOLDER:
        if (folder / place).is_file():
            return _file(name, folder / place, folder, size, text, boxes_as_masks)
    first = min((picture for picture in folder.glob("*.png") if picture.name[0] != "."), default=None)
    if first is not None and is_labels8(first):
        return Source(name, "masks", folder, partial(iter_mask_pictures, folder))
    return Source(name, "png", folder, partial(iter_mots_png, folder))


def _file(name: str, file: Path, folder: Path, size: tuple[int, int] | None, text: str, boxes_as_masks: bool) -> Source:
    if file.suffix == ".json":
        return Source(name, "coco-results", file, lambda: map(as_object, read_coco_results(file)))
    kind = _text_kind(file) if text == "any" else "mot" if mot_boxes.is_mot(file) else "detections"
    if kind == "detections":
        return Source(name, "detections", file, lambda: map(as_object, iter_detections(file, ordered=True)), file)
    if kind == "mots":
        return Source(name, "mots", file, lambda: _by_frame(iter_mots(file), file, None), file)
    frame_size = mot_boxes.frame_size(folder) or size
    if frame_size is None:
        raise InputError(
            file,
            expected="the frames' size, in seqinfo.ini beside it or by hand",
            found="neither",
            hint="`frame_size=HEIGHTxWIDTH`",
        )
    boxes = partial(mot_boxes.iter_mot, file, frame_size, masks=boxes_as_masks)
    return Source(name, "mot", file, lambda: _by_frame(boxes(), file, b","), file, mot_boxes.frame_rate(folder))


def _text_kind(file: Path) -> Kind:
    first = next((line for _, line in plain_lines(file, "a text file")), b"")
    if b"," in first[:200]:
        return "mot"
    return "detections" if len(first.split()) > 6 else "mots"


def _by_frame(objects: Iterator[MotsObject], file: Path, separator: bytes | None) -> Iterable[MotsObject]:
    """The objects by increasing frame: as they come where the file is sorted, else all of them in memory."""
    first = (line.split(separator, 1)[0].strip() for _, line in plain_lines(file, "a text file"))
    # a number that is not written in digits alone, or is none, is left to the reader: then all are sorted
    numbers = (int(field) if field.isdigit() and len(field) < 10 else -1 for field in first)
    ordered = all(0 <= earlier <= later for earlier, later in itertools.pairwise(numbers))
    return objects if ordered else sorted(objects, key=lambda obj: obj.frame)


def _json_file(path: Path, annotations: Annotations | None) -> Sources:
    content = json_fields.load(path, "JSON of YouTube-VIS or COCO")
    if isinstance(content, dict) and "videos" in content and "images" not in content:
        youtube_vis_file = youtube_vis.parse_annotations(content, path)
        return Sources(_of_videos(path, youtube_vis_file.tracks, youtube_vis_file.videos), youtube_vis_file.class_names)
    if isinstance(content, dict):
        coco = coco_tracks.parse_coco_tracks(content, path)
        opened = {name: Source(name, "coco", path, partial(iter, objects)) for name, objects in coco.sequences.items()}
        return Sources(opened, coco.class_names)
    if isinstance(content, list) and content and isinstance(content[0], dict) and "segmentations" in content[0]:
        tracks = youtube_vis.parse_results(content, path, annotations.videos if annotations else None)
        videos = annotations.videos if annotations else youtube_vis.videos_of(tracks)
        return Sources(_of_videos(path, tracks, videos), annotations.class_names if annotations else {})
    detections = parse_coco_results(content, path)
    return _named({path.stem: Source(path.stem, "coco-results", path, lambda: map(as_object, detections))})


def _of_videos(
    path: Path, tracks: list[youtube_vis.VideoTrack], videos: Mapping[int | str, Video]
) -> dict[str, Source]:
    return {
        video.name: Source(video.name, "ytvis", path, partial(youtube_vis.objects_of, tracks, video))
        for video in videos.values()
    }


def as_object(detection: Detection) -> MotsObject:
    """A detection as an object without a track."""
    return MotsObject(
        detection.frame,
        UNTRACKED,
        detection.class_id,
        detection.height,
        detection.width,
        detection.counts,
        detection.score,
        detection.box,
    )
