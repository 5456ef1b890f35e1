"""From any of the formats to any of them: tracks with ids of their own, frames in order, no pixel with two owners."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.formats.base import UNTRACKED, Sources, Tracks
from stc_track.formats.exporters import EXPORTERS, Format, write
from stc_track.formats.mot_boxes import filled
from stc_track.formats.mots import MotsObject
from stc_track.formats.youtube_vis import Annotations
from stc_track.io.errors import InputError
from stc_track.io.pictures import Frames, list_frames
from stc_track.io.progress import Bar
from stc_track.io.values import LARGEST_WHOLE
from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint

Missing = Literal["keep", "drop", "box", "refuse"]
_IGNORED_SCORE = -np.inf  # a known object keeps what an ignore region covers as well


@dataclass(frozen=True, slots=True)
class Changes:
    """What is changed on the way.

    Attributes:
        shift: added to every frame's number.
        classes: new number of a class by its old one; the others stay. What is ignored stays so.
        cut: whether a pixel that several objects cover goes to the one of highest score; else it stays theirs.
        keep_empty: whether boxes whose mask is empty stay; an empty mask without a box is left out.
    """

    shift: int = 0
    classes: Mapping[int, int] = field(default_factory=dict)
    cut: bool = True
    keep_empty: bool = False

    def names(self, class_names: Mapping[int, str]) -> dict[int, str]:
        """Names by the new numbers; a class that joins another takes its name.

        Examples:
            >>> Changes(classes={3: 1, 7: 4}).names({1: "car", 3: "van", 7: "tram"})
            {1: 'car', 4: 'tram'}
        """
        names = {number: name for number, name in class_names.items() if number not in self.classes}
        for old, new in self.classes.items():
            if old in class_names:
                names.setdefault(new, class_names[old])
        return names


def prepared(place: Path | str, objects: Iterable[MotsObject], changes: Changes) -> Iterator[MotsObject]:
    """One sequence's tracks, changed and checked, a frame in memory at a time.

    Args:
        place: named in errors.
        objects: by increasing frame.
        changes: what is changed.

    Raises:
        InputError: an object without a track, a frame below 0, or an id twice on one frame.
    """
    for frame, group in itertools.groupby(shifted(place, objects, changes), key=lambda obj: obj.frame):
        of_frame = list(group)
        seen: set[int] = set()
        for obj in of_frame:
            if obj.track_id == UNTRACKED:
                hint = "`stc-track` links them, `stc-convert --to detections` takes them as they are"
                expected = "objects with a track"
                raise InputError(f"{place}: frame {frame}", expected=expected, found="detections", hint=hint)
            if obj.track_id in seen and not obj.ignored:
                found_twice = f"id {obj.track_id} a second time"
                raise InputError(f"{place}: frame {frame}", expected="each id once", found=found_twice)
            if not obj.ignored:  # these may share an id
                seen.add(obj.track_id)
        yield from _disjoint(of_frame) if changes.cut else of_frame


def shifted(place: Path | str, objects: Iterable[MotsObject], changes: Changes) -> Iterator[MotsObject]:
    """One sequence's objects with frames and classes changed; `Changes.keep_empty` says what becomes of empty masks."""
    for obj in objects:
        if not 0 <= obj.frame + changes.shift <= LARGEST_WHOLE:
            where, found = f"{place}: frame {obj.frame}", str(obj.frame + changes.shift)
            raise InputError(where, expected=f"frames of 0 to {LARGEST_WHOLE} after the shift", found=found)
        if not has_mask(obj) and not (changes.keep_empty and obj.box):
            continue
        yield _changed(obj, obj.frame + changes.shift, changes)


def has_mask(obj: MotsObject) -> bool:
    """Whether an object has a mask with a pixel, or, without any counts, never had one but a box alone."""
    return not obj.counts or coco_mask.area(_coco(obj)) > 0


def masks_of_boxes(place: Path | str, objects: Iterable[MotsObject], missing: Missing) -> Iterator[MotsObject]:
    """One sequence's objects, those with a box and an empty mask as asked.

    Args:
        place: named in errors.
        objects: by increasing frame.
        missing: they stay as they are (keep), are left out (drop), get the filled box (box), or raise an error
            (refuse).

    Raises:
        InputError: such an object, where `missing` is refuse.
    """
    for obj in objects:
        if has_mask(obj) or obj.box is None:
            yield obj
        elif missing == "refuse":
            expected = "a mask of each object, which the format cannot do without"
            found = f"a box alone, of track {obj.track_id}"
            hint = "`missing=` drop leaves such boxes out, `missing=` box fills them"
            raise InputError(f"{place}: frame {obj.frame}", expected=expected, found=found, hint=hint)
        elif missing != "drop":
            filling = missing == "box"
            yield replace(obj, counts=filled(obj.box, obj.height, obj.width)) if filling else obj


def _changed(obj: MotsObject, frame: int, changes: Changes) -> MotsObject:
    class_id = changes.classes.get(obj.class_id, obj.class_id)
    return obj if (frame, class_id) == (obj.frame, obj.class_id) else replace(obj, frame=frame, class_id=class_id)


def _coco(obj: MotsObject) -> dict[str, Any]:
    return {"size": [obj.height, obj.width], "counts": obj.counts}


def _disjoint(objects: list[MotsObject]) -> Iterator[MotsObject]:
    masks = [_coco(obj) for obj in objects]
    if coco_mask.area(coco_mask.merge(masks)) == coco_mask.area(masks).sum():
        yield from objects
        return
    spans = [rle.spans(obj.counts, obj.height, obj.width) for obj in objects]
    scores = np.array([_IGNORED_SCORE if obj.ignored else obj.score for obj in objects])
    for obj, mask, left in zip(objects, spans, make_disjoint(spans, scores), strict=True):
        if len(left) or not len(mask):
            yield obj if left is mask else replace(obj, counts=rle.from_spans(left, obj.height, obj.width))


@dataclass
class Written:
    """What `convert` wrote.

    Attributes:
        objects: masks, and boxes that have none.
        regions: ignore regions.
        frames: with an object on them.
        sequences: all of them.
    """

    objects: int = 0
    regions: int = 0
    frames: int = 0
    sequences: int = 0


def convert(
    kind: Format,
    out: Path,
    sources: Sources,
    changes: Changes,
    *,
    missing: Missing = "drop",
    frames: Path | None = None,
    annotations: Annotations | None = None,
    desc: str = "convert",
) -> Written:
    """Write what a source holds in a format: a store, a folder of masks, or tracks.

    Args:
        kind: the format.
        out: as of `exporters.write`.
        sources: as `open_sources` or `store_tracks.store_sources` gives them.
        changes: what is changed on the way; `cut` as the format can hold it. `keep_empty` follows from `missing`.
        missing: of boxes without a mask, as of `masks_of_boxes`; keep is refuse where the format has no place for them.
        frames: folder of all sequences' frames, which says which there are; None leaves that to the sources.
        annotations: that YouTube-VIS results are to belong to, or None.
        desc: name of the work in the progress bar.

    Raises:
        InputError: something that the format cannot hold.
    """
    written = Written()
    if missing == "keep" and not EXPORTERS[kind].boxes_alone:
        missing = "refuse"
    changes = replace(changes, keep_empty=missing == "keep")

    def prepare() -> Iterator[Tracks]:
        for name, source in Bar(sources.sequences.items(), unit="sequence", desc=desc):
            objects = masks_of_boxes(source.place, source.objects(), missing)
            objects = (shifted if kind == "detections" else prepared)(source.place, objects, changes)
            listed = list_frames(frames, name) if frames else shift_frames(source.frames, changes.shift)
            yield Tracks(name, _counted(objects, written), listed)
            written.sequences += 1

    write(kind, out, prepare(), changes.names(sources.class_names), annotations)
    return written


def _counted(objects: Iterable[MotsObject], written: Written) -> Iterator[MotsObject]:
    last = None
    for obj in objects:
        written.objects += not obj.ignored
        written.regions += obj.ignored
        written.frames += obj.frame != last
        last = obj.frame
        yield obj


def shift_frames(frames: Frames | None, shift: int) -> Frames | None:
    """The frames with a number added to each one's."""
    if frames is None or not shift:
        return frames
    return replace(frames, numbers=tuple(number + shift for number in frames.numbers))
