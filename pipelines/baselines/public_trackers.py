"""Public trackers on our detections: SORT, ByteTrack and OC-SORT of the `trackers` package (roboflow).

They link boxes. Here the boxes are the masks' own, each class has a tracker of its own, frames without detections are
passed as well, and a detection's mask goes where its box goes.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from stc_track.formats.mots import CLASS_NAMES, IDS_PER_CLASS, Detection, MotsObject
from stc_track.io.errors import InputError
from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint

BASELINES = {"SORT": "SORTTracker", "ByteTrack": "ByteTrackTracker", "OC-SORT": "OCSORTTracker"}
# those that only boxes are measured with as well; BoT-SORT is given no pictures, so it compensates no camera
BOX_BASELINES = {**BASELINES, "C-BIoU": "CBIoUTracker", "BoT-SORT": "BoTSORTTracker"}


class Baseline:
    """One public tracker for one class.

    Args:
        name: one of BOX_BASELINES.
        options: its constructor's arguments; what is left out has the package's default.

    Raises:
        InputError: the package is not installed.
    """

    def __init__(self, name: str, **options: Any) -> None:
        try:
            import supervision
            import trackers
        except ImportError as error:
            hint = "pip install 'stc-seg[baselines]'"
            raise InputError("trackers", expected="the package", found="none", hint=hint) from error
        self._detections = supervision.Detections
        self._tracker = getattr(trackers, BOX_BASELINES[name])(**options)

    def update(self, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Link the next frame's boxes (N, 4) of scores (N,).

        Returns:
            indices (K,) of the boxes that belong to a track, and their track ids (K,).
        """
        detections = self._detections(
            xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int), data={"index": np.arange(len(boxes))}
        )
        tracked = self._tracker.update(detections)
        ids = np.asarray(tracked.tracker_id)
        kept = ids >= 0
        return np.asarray(tracked.data.get("index", np.zeros(0, int)))[kept], ids[kept]


def link_by_baseline(detections: Iterable[Detection], name: str, options: dict[str, Any]) -> Iterator[MotsObject]:
    """As `stc_track.tracking.link.link`, by a public tracker for each class.

    Args:
        detections: of one sequence, by increasing frame.
        name: one of BASELINES.
        options: of the tracker; `low_score` leaves out detections below it before the tracker sees them.
    """
    options = dict(options)
    low_score = options.pop("low_score", 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        baselines = {class_id: Baseline(name, **options) for class_id in CLASS_NAMES}
    last = None
    for frame, group in itertools.groupby(detections, key=lambda detection: detection.frame):
        group = [detection for detection in group if detection.score >= low_score]
        for _ in range(0 if last is None else frame - last - 1):
            for baseline in baselines.values():
                baseline.update(np.zeros((0, 4)), np.zeros(0))
        last = frame
        objects, ids = [], []
        for class_id, baseline in baselines.items():
            of_class = [detection for detection in group if detection.class_id == class_id]
            boxes = np.array([detection.box for detection in of_class], np.float64).reshape(-1, 4)
            indices, track_ids = baseline.update(
                boxes, np.array([detection.score for detection in of_class], np.float64)
            )
            objects += [of_class[index] for index in indices]
            ids += [class_id * IDS_PER_CLASS * 1000 + int(number) for number in track_ids]
        spans = [rle.spans(detection.counts, detection.height, detection.width) for detection in objects]
        cut = make_disjoint(spans, np.array([detection.score for detection in objects]))
        for detection, track_id, mask, left in zip(objects, ids, spans, cut, strict=True):
            if len(left):
                counts = detection.counts if left is mask else rle.from_spans(left, detection.height, detection.width)
                yield MotsObject(frame, track_id, detection.class_id, detection.height, detection.width, counts)
