"""From any of the formats to any of them: tracks with ids of their own, frames in order, no pixel with two owners."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.formats import coco_tracks, mot_boxes, mots_png, youtube_vis_writers
from stc_track.formats.base import Tracks
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, Detection, DetectionWriter, MotsObject, write_mots
from stc_track.formats.sources import UNTRACKED
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.formats.youtube_vis import Annotations
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain
from stc_track.io.values import LARGEST_WHOLE
from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint

Format = Literal["mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "mot", "detections"]
ONE_FILE: tuple[Format, ...] = ("ytvis", "ytvis-results", "coco")  # the others are one file or folder a sequence
_WITHOUT_OVERLAPS: tuple[Format, ...] = ("mots", "png")
_IGNORED_SCORE = -np.inf  # a known object keeps what an ignore region covers as well


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed on the way.

    Attributes:
        shift: added to every frame's number.
        classes: new number of a class by its old one; the others stay. What is ignored stays so.
        cut: whether a pixel that several objects cover goes to the one of highest score; else it stays theirs.
    """

    shift: int = 0
    classes: Mapping[int, int] = field(default_factory=dict)
    cut: bool = True

    def names(self, class_names: Mapping[int, str]) -> dict[int, str]:
        """Names by the new numbers; a class that joins another takes its name.

        Examples:
            >>> Changes(classes={3: 1, 7: 4}).names({1: "car", 3: "van", 7: "tram"})
            {1: 'car', 4: 'tram'}
        """
        found = {number: name for number, name in class_names.items() if number not in self.classes}
        for old, new in self.classes.items():
            if old in class_names:
                found.setdefault(new, class_names[old])
        return found


def prepared(place: Path | str, objects: Iterable[MotsObject], changes: Changes) -> Iterator[MotsObject]:
    """One sequence's tracks, changed and checked, a frame in memory at a time; empty masks are left out.

    Args:
        place: named in errors.
        objects: by increasing frame.
        changes: what is changed.

    Raises:
        InputError: an object without a track, a frame below 0, or an id twice on one frame.
    """
    for frame, group in itertools.groupby(shifted(place, objects, changes), key=lambda each: each.frame):
        found = list(group)
        seen: set[int] = set()
        for each in found:
            if each.track_id == UNTRACKED:
                hint = "`stc-track` links them, `stc-convert --to detections` takes them as they are"
                expected = "objects with a track"
                raise InputError(f"{place}: frame {frame}", expected=expected, found="detections", hint=hint)
            if each.track_id in seen and not each.ignored:
                found_twice = f"id {each.track_id} a second time"
                raise InputError(f"{place}: frame {frame}", expected="each id once", found=found_twice)
            if not each.ignored:  # these may share an id
                seen.add(each.track_id)
        yield from _disjoint(found) if changes.cut else found


def shifted(place: Path | str, objects: Iterable[MotsObject], changes: Changes) -> Iterator[MotsObject]:
    """One sequence's objects with frames and classes changed; empty masks are left out."""
    for each in objects:
        if not 0 <= each.frame + changes.shift <= LARGEST_WHOLE:
            where, found = f"{place}: frame {each.frame}", str(each.frame + changes.shift)
            raise InputError(where, expected=f"frames of 0 to {LARGEST_WHOLE} after the shift", found=found)
        if not each.counts or coco_mask.area(_coco(each)):  # boxes alone have no mask
            yield _changed(each, each.frame + changes.shift, changes)


def _changed(each: MotsObject, frame: int, changes: Changes) -> MotsObject:
    class_id = changes.classes.get(each.class_id, each.class_id)
    return each if (frame, class_id) == (each.frame, each.class_id) else replace(each, frame=frame, class_id=class_id)


def _coco(each: MotsObject) -> dict[str, Any]:
    return {"size": [each.height, each.width], "counts": each.counts}


def _disjoint(found: list[MotsObject]) -> Iterator[MotsObject]:
    masks = [_coco(each) for each in found]
    if coco_mask.area(coco_mask.merge(masks)) == coco_mask.area(masks).sum():
        yield from found
        return
    spans = [rle.spans(each.counts, each.height, each.width) for each in found]
    scores = np.array([_IGNORED_SCORE if each.ignored else each.score for each in found])
    for each, mask, left in zip(found, spans, make_disjoint(spans, scores), strict=True):
        if len(left):
            yield each if left is mask else replace(each, counts=rle.from_spans(left, each.height, each.width))


def _named(objects: Iterable[MotsObject], where: str, class_names: Mapping[int, str]) -> Iterator[MotsObject]:
    """The objects as MOTS numbers them."""
    names = TrackIdAllocator(keep=True)
    for each in objects:
        if each.class_id == IGNORE_CLASS and not each.ignored:
            expected = f"no class {IGNORE_CLASS}, which MOTS keeps for ignore regions"
            found = f"class {IGNORE_CLASS}" + (f" '{class_names[IGNORE_CLASS]}'" if IGNORE_CLASS in class_names else "")
            raise InputError(where, expected=expected, found=found, hint=f"`classes={IGNORE_CLASS}=11` renumbers it")
        if each.ignored:
            track_id, class_id = IGNORE_ID, IGNORE_CLASS
        else:
            track_id, class_id = names.of(each.track_id, each.class_id), each.class_id
        if track_id > LARGEST_WHOLE:
            expected, hint = f"ids of class * 1000 + k, at most {LARGEST_WHOLE}", "`classes=` renumbers classes"
            raise InputError(where, expected=expected, found=f"{track_id} of class {class_id}", hint=hint)
        same = (track_id, class_id) == (each.track_id, each.class_id)
        yield each if same else replace(each, track_id=track_id, class_id=class_id)


def require_place(kind: Format, out: Path, source: Path, what: str, annotations: Path | None = None) -> None:
    """Raise an InputError where `out` is no place for the format, or would overwrite what is read.

    Args:
        kind: the format.
        out: the file or folder.
        source: what is converted or tracked.
        what: the command's name for it.
        annotations: that are read as well, or None.
    """
    if kind in ONE_FILE and (out.suffix != ".json" or os.path.isdir(out)):
        found = "a folder" if os.path.isdir(out) else "another name"
        raise InputError(out, expected=f"a file .json, for {kind}", found=found, hint="`out=` names it")
    if kind not in ONE_FILE and os.path.isfile(out):
        raise InputError(out, expected="a folder", found="a file", hint="`out=` names another")
    if out.resolve() == source.resolve():
        noun = "file" if kind in ONE_FILE else "folder"
        raise InputError(out, expected=f"a {noun} other than {what}", found="the same", hint="`out=` names another")
    if annotations is not None and out.resolve() == annotations.resolve():
        raise InputError(
            out, expected="a file other than `annotations=`", found="the same", hint="`out=` names another"
        )
    if kind in ONE_FILE and source.is_dir() and out.resolve().parent == source.resolve():  # where it is a sequence
        expected = f"a file outside {what}, whose files are sequences"
        raise InputError(out, expected=expected, found="one in it", hint="`out=` names another")


def write(
    kind: Format,
    out: Path,
    sequences: Iterable[Tracks],
    class_names: Mapping[int, str],
    annotations: Annotations | None = None,
) -> None:
    """Write sequences one after the other.

    Args:
        kind: the format.
        out: a file for those of ONE_FILE, else a folder.
        sequences: prepared ones; without overlaps for MOTS.
        class_names: by number.
        annotations: that YouTube-VIS results are to belong to, or None.

    Raises:
        InputError: something that the format cannot hold.
    """
    if kind == "ytvis":
        youtube_vis_writers.write_annotations(out, sequences, class_names)
    elif kind == "ytvis-results":
        youtube_vis_writers.write_results(out, sequences, annotations.videos if annotations else None)
    elif kind == "coco":
        coco_tracks.write_coco_tracks(out, sequences, class_names)
    else:
        for tracks in sequences:
            if not is_plain(tracks.name):
                raise InputError(out, expected="sequences of plain names", found=ascii(tracks.name))
            _write_sequence(kind, out, tracks, class_names)


def _write_sequence(kind: Format, out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    if kind == "mots":
        write_mots(out / f"{tracks.name}.txt", _named(tracks.objects, tracks.name, class_names))
    elif kind == "png":
        objects = _named(tracks.objects, tracks.name, class_names)
        mots_png.write_mots_png(out / tracks.name, objects, tracks.frames)
    elif kind == "cvat":
        from stc_track.formats import cvat  # XML is slow to import

        cvat.write_cvat(out / f"{tracks.name}.xml", tracks, class_names)
    elif kind == "mot":
        known = (each for each in tracks.objects if not each.ignored)
        mot_boxes.write_mot(out / f"{tracks.name}.txt", known)
    else:
        with DetectionWriter(out / f"{tracks.name}.txt") as writer:
            for each in tracks.objects:
                if not each.ignored:
                    writer.write(as_detection(each))


def as_detection(each: MotsObject) -> Detection:
    """An object without its track; a box that nobody gave is the mask's."""
    box = each.box or tuple(rle.tight_box(each.counts, each.height, each.width).tolist())
    return Detection(each.frame, box, each.score, each.class_id, each.height, each.width, each.counts)
