"""Detections of a sequence, as the formats give them, to objects with tracks, as the formats take them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from stc_track.formats.mots import Detection, MotsObject
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.masks import rle
from stc_track.masks.lazy import LazyMasks, moved
from stc_track.tracking.cues import CueReader
from stc_track.tracking.output import Item, OutputFrame, disjoint_objects
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.smoothing import SmoothingSettings, smoothed
from stc_track.tracking.tracker import Tracker
from stc_track.tracking.types import Detections, Tracks


def link(
    detections: Iterable[Detection],
    settings: TrackerSettings,
    cues: CueReader | None = None,
    smoothing: SmoothingSettings | None = None,
) -> Iterator[MotsObject]:
    """Track one sequence, a frame in memory at a time; no two objects of a frame share a pixel.

    Args:
        detections: of one sequence, by increasing frame; those below the low score or of an empty mask are left out.
        settings: of the tracker.
        cues: depth and flow of the sequence, or None.
        smoothing: what is done with some frames' delay; None gives each frame from the past alone.

    Yields:
        objects by increasing frame; track k of class c has the id c * 1000 + k, or from k = 1000 on c * 1000000 + k.

    Raises:
        InputError: the cues do not know a frame.
    """
    frames = _frames(detections, settings, cues)
    if smoothing is not None:
        frames = smoothed(frames, smoothing)
    names = TrackIdAllocator()
    for frame in frames:
        yield from disjoint_objects(frame, names)


def _frames(
    detections: Iterable[Detection], settings: TrackerSettings, cues: CueReader | None
) -> Iterator[OutputFrame]:
    """The tracker's output on each frame that has detections; arguments and errors as `link`."""
    tracker = Tracker(settings)
    remembered = _Masks(settings.predict_missing, settings.predict_score)
    for frame, group in itertools.groupby(detections, key=lambda each: each.frame):
        objects = [each for each in group if each.score >= settings.low_score]
        if not objects:
            continue
        size = objects[0].height, objects[0].width
        boxes = LazyMasks([each.counts for each in objects], *size).boxes()
        solid = boxes[:, 2] > boxes[:, 0]
        objects = [each for each, keep in zip(objects, solid.tolist(), strict=True) if keep]
        if not objects:
            continue
        masks = LazyMasks([each.counts for each in objects], *size)
        tracks = tracker.update(_as_arrays(frame, objects, masks, cues))
        boxes = boxes[solid]
        items = [
            Item(
                track_id,
                objects[index].class_id,
                objects[index].score,
                boxes[index],
                masks,
                index,
                confirmed,
                given=objects[index].box,
            )
            for index, track_id, confirmed in zip(
                tracks.indices.tolist(), tracks.track_ids.tolist(), tracks.confirmed.tolist(), strict=True
            )
        ]
        yield OutputFrame(frame, *size, items + remembered.predicted(items, tracks, size))


class _Masks:
    """The last items of tracks, for the masks of those that are missing: for up to `frames` frames, of `score`."""

    def __init__(self, frames: int, score: float) -> None:
        self._frames, self._score = frames, score
        self._items: dict[int, Item] = {}

    def predicted(self, items: list[Item], tracks: Tracks, size: tuple[int, int]) -> list[Item]:
        """Items of missing tracks where they are expected; they yield to every detection."""
        if not self._frames:
            return []
        self._items = {each: self._items[each] for each in tracks.missing_ids.tolist() if each in self._items}
        low, high = tracks.missing_boxes[:, :2], tracks.missing_boxes[:, 2:]
        within = (low > 0).all(1) & (high < size[::-1]).all(1) & (high > low).all(1)  # at the border objects leave
        known = (tracks.missing_for <= self._frames) & (tracks.missing_evidence >= self._score)
        lately = np.flatnonzero(within & known)
        found = []
        for track_id, box in zip(tracks.missing_ids[lately].tolist(), tracks.missing_boxes[lately], strict=True):
            if (last := self._items.get(track_id)) is not None:
                # as the detector's box moves, which need not be the mask's own
                spans = moved(last.spans(), np.array(last.given), box, size)
                if len(spans):
                    found.append(last.elsewhere(rle.spans_box(spans, size[0]), spans))
        self._items |= {each.track_id: each for each in items}
        return found


def _as_arrays(frame: int, objects: list[Detection], masks: LazyMasks, cues: CueReader | None) -> Detections:
    boxes = np.array([each.box for each in objects], np.float64)
    first = objects[0]
    size = first.height, first.width
    return Detections(
        frame,
        boxes,
        scores=np.array([each.score for each in objects], np.float64),
        class_ids=np.array([each.class_id for each in objects], np.int64),
        masks=masks,
        height=first.height,
        cues=cues and cues.at(frame, boxes, size),
        camera=cues and cues.camera(frame, size),
    )
