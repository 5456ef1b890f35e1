"""Writing YouTube-VIS JSON: annotations, and lists of results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stc_track.formats.base import Tracks, identity
from stc_track.formats.youtube_vis import Video
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.pictures import Frames
from stc_track.masks import rle


@dataclass(slots=True)
class _Track:
    """One object's masks, spans (S, 2) by position, what its entry says, and positions that a tracker filled in."""

    track_id: int
    class_id: int
    crowd: bool
    masks: dict[int, np.ndarray] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    undetected: list[int] = field(default_factory=list)


def write_annotations(path: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    """Write an annotation file of all sequences, a sequence in memory at a time; it appears when it is whole.

    Args:
        path: the file.
        sequences: without listed frames a video has those from 0 to the last object's. One without objects and listed
            frames is left out: nobody knows its size.
        class_names: by number; a class without a name becomes `class N`. Ignored regions become crowds. A track's
            key `undetected` lists positions of frames where a tracker filled it in.

    Raises:
        InputError: an object that a sequence's listed frames have no place for, or a track of two classes.
    """
    videos: list[dict[str, Any]] = []
    classes = dict(class_names)
    count = 0
    with replacing(path, "w") as file:
        file.write('{"annotations": [')
        for tracks in sequences:
            collected, frames = _collect(tracks)
            if frames is None:
                continue
            videos.append(
                {
                    "id": len(videos) + 1,
                    "width": frames.size[1],
                    "height": frames.size[0],
                    "length": len(frames.numbers),
                    "file_names": [f"{tracks.name}/{name}" for name in frames.names],
                }
            )
            for track in collected:
                classes.setdefault(track.class_id, f"class {track.class_id}")
                count += 1
                entry = {"id": count, "video_id": len(videos), **_annotation(track, frames)}
                file.write(("," if count > 1 else "") + "\n" + json.dumps(entry))
        categories = [{"id": number, "name": name} for number, name in sorted(classes.items())]
        file.write(f'],\n"videos": {json.dumps(videos)},\n"categories": {json.dumps(categories)}}}\n')


def _annotation(track: _Track, frames: Frames) -> dict[str, Any]:
    height, width = frames.size
    areas: list[int | None] = []
    boxes: list[list[int] | None] = []
    segmentations: list[dict[str, Any] | None] = []
    for position in range(len(frames.numbers)):
        mask = track.masks.get(position)
        if mask is None:
            for values in (areas, boxes, segmentations):
                values.append(None)
            continue
        counts = rle.from_spans(mask, height, width)
        x1, y1, x2, y2 = rle.spans_box(mask, height).tolist()
        areas.append(int((mask[:, 1] - mask[:, 0]).sum()))
        boxes.append([x1, y1, x2 - x1, y2 - y1])
        # plain counts, as the published files have them and as TrackEval wants them
        segmentations.append({"size": [height, width], "counts": rle.run_lengths(counts, height, width).tolist()})
    return {
        "track_id": track.track_id,
        "category_id": track.class_id,
        "iscrowd": int(track.crowd),
        "height": height,
        "width": width,
        "areas": areas,
        "bboxes": boxes,
        "segmentations": segmentations,
        **_filled_in(track),
    }


def _filled_in(track: _Track) -> dict[str, Any]:
    """The key that names the positions where nobody detected the track, if there are any."""
    return {"undetected": track.undetected} if track.undetected else {}


def write_results(path: Path, sequences: Iterable[Tracks], videos: Mapping[int | str, Video] | None = None) -> None:
    """Write a list of results of all sequences, a sequence in memory at a time; the file appears when it is whole.

    A track's score is the mean of its masks'. Ignored regions are left out.

    Args:
        path: the file.
        sequences: as for `write_annotations`.
        videos: of the annotation file that the results belong to: numbers and lengths are taken from there. None counts
            the sequences from 1.

    Raises:
        InputError: as `write_annotations`, or a sequence that `videos` does not have.
    """
    by_name = None if videos is None else {video.name: video for video in videos.values()}
    with replacing(path, "w") as file:
        file.write("[")
        separator = "\n"
        for index, tracks in enumerate(sequences, 1):
            video_id: int | str = index
            if by_name is not None:
                if tracks.name not in by_name:
                    other = f"sequence {tracks.name}"
                    raise InputError(path, expected="sequences of the annotations' videos", found=other)
                video_id, tracks = by_name[tracks.name].video_id, _as_listed(tracks, by_name[tracks.name])
            collected, frames = _collect(tracks)
            for entry in _results(collected, frames) if frames else ():
                file.write(separator + json.dumps({"video_id": video_id, **entry}))
                separator = ",\n"
        file.write("]\n")


def _as_listed(tracks: Tracks, video: Video) -> Tracks:
    names = tuple(f"{number:06d}" for number in video.numbers)
    size = video.size
    if size is None:
        raise ValueError(f"video {video.name} has no size")
    return Tracks(tracks.name, tracks.objects, Frames(tuple(video.numbers), names, size))


def _results(tracks: Iterable[_Track], frames: Frames) -> Iterator[dict[str, Any]]:
    for track in tracks:
        if track.crowd:
            continue
        masks: list[dict[str, Any] | None] = [None] * len(frames.numbers)
        for position, mask in track.masks.items():
            masks[position] = {"size": list(frames.size), "counts": rle.from_spans(mask, *frames.size).decode()}
        yield {
            "category_id": track.class_id,
            "score": float(np.mean(track.scores)),
            "segmentations": masks,
        } | _filled_in(track)


def _collect(tracks: Tracks) -> tuple[list[_Track], Frames | None]:
    """Tracks of one sequence, masks by position, and its frames; None where nothing is known of these."""
    collected: dict[tuple[int, int | None], _Track] = {}
    last, size = -1, None
    for obj in tracks.objects:
        size, last = (obj.height, obj.width), obj.frame
        position = tracks.frames.require(obj.frame, size, tracks.name) if tracks.frames else obj.frame
        track = collected.setdefault(identity(obj), _Track(obj.track_id, obj.class_id, crowd=obj.ignored))
        if track.class_id != obj.class_id:
            where, expected = f"{tracks.name}: frame {obj.frame}", f"id {obj.track_id} of class {track.class_id}"
            raise InputError(where, expected=expected, found=f"class {obj.class_id}")
        mask = rle.spans(obj.counts, *size)
        if position in track.masks:  # ignored regions may share their id
            mask = rle.union_spans(track.masks[position], mask)
        track.masks[position] = mask
        track.scores.append(obj.score)
        if not obj.detected:
            track.undetected.append(position)
    frames = tracks.frames or (None if size is None else Frames.counted(last + 1, size, tracks.name))
    return list(collected.values()), frames
