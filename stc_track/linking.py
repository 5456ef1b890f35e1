"""Detections of a sequence, as the formats give them, to objects with tracks, as the formats take them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from stc_track.cues import CueReader
from stc_track.disjoint import make_disjoint
from stc_track.formats import rle
from stc_track.formats.mots import IDS_PER_CLASS, Detection, MotsObject
from stc_track.settings import TrackerSettings
from stc_track.tracker import Tracker
from stc_track.types import Detections

_IDS_PER_CLASS_BEYOND = 1_000_000  # of a class's tracks after the 999th, so that no two classes meet


def link(
    detections: Iterable[Detection], settings: TrackerSettings, cues: CueReader | None = None
) -> Iterator[MotsObject]:
    """Track one sequence, a frame in memory at a time; no two objects of a frame share a pixel.

    Args:
        detections: of one sequence, by increasing frame; those below the low score or of an empty mask are left out.
        settings: of the tracker.
        cues: depth and flow of the sequence, or None.

    Yields:
        objects by increasing frame; track k of class c has the id c * 1000 + k, or from k = 1000 on c * 1000000 + k.

    Raises:
        InputError: the cues do not know a frame.
    """
    tracker = Tracker(settings)
    names: dict[int, int] = {}
    counts: Counter[int] = Counter()
    for frame, group in itertools.groupby(detections, key=lambda each: each.frame):
        candidates = [each for each in group if each.score >= settings.low_score]
        spans = [rle.spans(each.counts, each.height, each.width) for each in candidates]
        objects = [(each, mask) for each, mask in zip(candidates, spans, strict=True) if len(mask)]
        if not objects:
            continue
        tracks = tracker.update(_as_arrays(frame, objects, cues))
        objects = [objects[index] for index in tracks.indices]
        cut = make_disjoint([mask for _, mask in objects], np.array([each.score for each, _ in objects]))
        for (each, mask), track, left in zip(objects, tracks.track_ids.tolist(), cut, strict=True):
            if track not in names:
                counts[each.class_id] += 1
                names[track] = _name(each.class_id, counts[each.class_id])
            if len(left):
                kept = each.counts if left is mask else rle.from_spans(left, each.height, each.width)
                size = each.height, each.width
                yield MotsObject(frame, names[track], each.class_id, *size, kept, each.score, each.box)


def _as_arrays(frame: int, objects: list[tuple[Detection, np.ndarray]], cues: CueReader | None) -> Detections:
    boxes = np.array([each.box for each, _ in objects], np.float64)
    first = objects[0][0]
    return Detections(
        frame,
        boxes,
        scores=np.array([each.score for each, _ in objects], np.float64),
        class_ids=np.array([each.class_id for each, _ in objects], np.int64),
        masks=tuple(mask for _, mask in objects),
        height=first.height,
        cues=cues and cues.at(frame, boxes, (first.height, first.width)),
    )


def _name(class_id: int, number: int) -> int:
    return class_id * (IDS_PER_CLASS if number < IDS_PER_CLASS else _IDS_PER_CLASS_BEYOND) + number
