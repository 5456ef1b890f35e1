"""Detections of a sequence, as the formats give them, to objects with tracks, as the formats take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from stc_track.formats.mots import Detection, MotsObject
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.masks.lazy import LazyMasks
from stc_track.tracking.class_trackers import ClassTrackers
from stc_track.tracking.cues import CueReader
from stc_track.tracking.incoming import Incoming
from stc_track.tracking.output import OutputFrame, TrackedObject, disjoint_objects
from stc_track.tracking.settings import OutputSettings, TrackerSettings
from stc_track.tracking.tracker import Tracker
from stc_track.tracking.types import Detections, Tracks

Delayed = Callable[[Iterable[OutputFrame], int], Iterable[OutputFrame]]


def link(
    detections: Iterable[Detection],
    settings: TrackerSettings | None = None,
    cues: CueReader | None = None,
    delayed: Delayed | None = None,
    *,
    where: str = "detections",
    frame_step: int | None = None,
    score_scale: float | None = 1.0,
    draw_boxes: bool = False,
    by_class: Mapping[int, TrackerSettings] | None = None,
) -> Iterator[MotsObject]:
    """Track one sequence, a frame in memory at a time; no two masks of a frame share a pixel.

    Args:
        detections: of one sequence, by increasing frame; those below the low score or of an empty mask are left out.
            Where they have no masks, objects have none.
        settings: of the tracker; None takes the defaults.
        cues: depth and flow of the sequence, or None.
        delayed: what is done with frames once later ones are known, such as `smoothing.smoothed`; it takes the frames
            and their step. None outputs each frame from the past alone.
        where: names the sequence in messages.
        frame_step: as in `Incoming`.
        score_scale: as in `Incoming`; None finds it.
        draw_boxes: give objects that are boxes the box's part of the frame for a mask.
        by_class: settings of the classes that have their own, by class id.

    Yields:
        objects by increasing frame; track k of class c has the id c * 1000 + k, or from k = 1000 on c * 1000000 + k.

    Raises:
        InputError: the cues do not know a frame, or scores of two scales.
    """
    settings = settings or TrackerSettings()
    incoming = Incoming(detections, where, frame_step, score_scale)
    frames: Iterable[OutputFrame] = _frames(incoming, settings, cues, by_class or {})
    if delayed is not None:
        frames = delayed(frames, incoming.frame_step)
    names = TrackIdAllocator()
    for frame in frames:
        if draw_boxes:
            frame = replace(frame, objects=[tracked.with_mask(frame.size) for tracked in frame.objects])
        yield from disjoint_objects(frame, names)


def _frames(
    incoming: Incoming, settings: TrackerSettings, cues: CueReader | None, by_class: Mapping[int, TrackerSettings]
) -> Iterator[OutputFrame]:
    """The tracker's output on each frame that has detections; arguments and errors as `link`."""
    step = incoming.frame_step
    tracker = ClassTrackers(by_class, settings, step) if by_class else Tracker(settings, step)
    remembered = _MissingTracks(settings.output, {key: s.output for key, s in by_class.items()})
    lowest = {key: s.lifecycle.low_score for key, s in by_class.items()}
    low_score = settings.lifecycle.low_score
    last: int | None = None
    for group in incoming.frames():
        detections = [detection for detection in group if detection.score >= lowest.get(detection.class_id, low_score)]
        if not detections:
            continue
        frame, size = detections[0].frame, (detections[0].height, detections[0].width)
        has_masks = all(detection.counts for detection in detections)
        detection_boxes = np.array([detection.box for detection in detections], np.float64)
        boxes = (
            LazyMasks([detection.counts for detection in detections], *size).boxes() if has_masks else detection_boxes
        )
        x1, y1, x2, y2 = boxes.T
        within = (x2 > x1) & (x2 > 0) & (y2 > 0) & (x1 < size[1]) & (y1 < size[0])
        if not within.all():
            detections = [detection for detection, keep in zip(detections, within.tolist(), strict=True) if keep]
            boxes, detection_boxes = boxes[within], detection_boxes[within]
        if not detections:
            continue
        masks = LazyMasks([detection.counts for detection in detections], *size) if has_masks else None
        tracks = tracker.update(_as_arrays(detections, detection_boxes, masks, cues, last))
        last = frame
        columns = (column.tolist() for column in (tracks.indices, tracks.track_ids, tracks.confirmed))
        objects = [
            TrackedObject(
                track_id, detections[index].class_id, detections[index].score, boxes[index], confirmed, masks, index,
                detection_box=detections[index].box,
            )
            for index, track_id, confirmed in zip(*columns, strict=True)
        ]  # fmt: skip
        yield OutputFrame(frame, *size, objects + remembered.predicted(objects, tracks, size))


class _MissingTracks:
    """The last objects of tracks, for those that are missing."""

    def __init__(self, settings: OutputSettings, by_class: Mapping[int, OutputSettings]) -> None:
        self._settings, self._by_class = settings, by_class
        self._last: dict[int, TrackedObject] = {}

    def predicted(self, objects: list[TrackedObject], tracks: Tracks, size: tuple[int, int]) -> list[TrackedObject]:
        """Missing tracks where they are expected; they yield to every detection."""
        every = (self._settings, *self._by_class.values())
        if not any(output.predict_missing or output.predict_missing_masks for output in every):
            return []
        self._last = {
            track_id: self._last[track_id] for track_id in tracks.missing_ids.tolist() if track_id in self._last
        }
        x1, y1, x2, y2 = tracks.missing_boxes.T
        within = (x1 > 0) & (y1 > 0) & (x2 < size[1]) & (y2 < size[0]) & (x2 > x1) & (y2 > y1)  # others leave
        longest = max(max(output.predict_missing, output.predict_missing_masks) for output in every)
        within &= (tracks.missing_for <= longest) & (
            tracks.missing_scores >= min(output.predict_score for output in every)
        )
        places = within.nonzero()[0]
        predicted = []
        for place in places.tolist():
            last, box = self._last.get(int(tracks.missing_ids[place])), tracks.missing_boxes[place]
            if last is None or last.detection_box is None:
                continue
            settings = self._by_class.get(last.class_id, self._settings)
            longest = settings.predict_missing_masks if last.has_mask else settings.predict_missing
            if tracks.missing_scores[place] < settings.predict_score:
                continue
            # as the detector's box moves, which need not be the mask's own
            moved_from = np.array(last.detection_box)
            if tracks.missing_for[place] <= longest and (shown := last.undetected(moved_from, box, size)):
                predicted.append(shown)
        self._last |= {tracked.track_id: tracked for tracked in objects}
        return predicted


def _as_arrays(
    detections: list[Detection], boxes: np.ndarray, masks: LazyMasks | None, cues: CueReader | None, last: int | None
) -> Detections:
    first = detections[0]
    size = first.height, first.width
    return Detections(
        first.frame,
        boxes,
        scores=np.array([detection.score for detection in detections], np.float64),
        class_ids=np.array([detection.class_id for detection in detections], np.int64),
        masks=masks,
        height=first.height,
        cues=cues.at(first.frame, boxes, size) if cues else None,
        camera=None if cues is None or last is None else cues.camera(last, first.frame, size),
    )
