"""Detections as `supervision.Detections` has them, told by their attributes: no package is imported.

Such an object has `xyxy` (N, 4), `confidence` (N,) or None, `class_id` (N,) or None, `tracker_id` and, if it has masks,
`mask` (N, height, width) bool.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from stc_track.masks import rle
from stc_track.tracking.types import Detections, Tracks

UNTRACKED = -1
_COLUMNS = ("xyxy", "confidence", "class_id", "tracker_id")


def is_columns(detections: object) -> bool:
    """Whether an object has what `supervision.Detections` has."""
    return all(hasattr(detections, name) for name in _COLUMNS)


def from_columns(columns: Any, frame: int) -> tuple[Detections, np.ndarray]:
    """The tracker's detections of such an object; the object is only read.

    Args:
        columns: as `supervision.Detections`. Without `confidence` all are certain, without `class_id` of one class.
        frame: its number.

    Returns:
        the detections, and which rows (K,) of the object they are: boxes of no area and empty masks are none.

    Raises:
        ValueError: columns of other shapes, values that are not finite.
    """
    boxes = np.array(columns.xyxy, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"xyxy must have the shape (N, 4). Got {boxes.shape}")
    count = len(boxes)
    scores = np.ones(count) if columns.confidence is None else np.array(columns.confidence, np.float64)
    classes = np.zeros(count, np.int64) if columns.class_id is None else np.array(columns.class_id, np.int64)
    for name, values in (("confidence", scores), ("class_id", classes)):
        if values.shape != (count,):
            raise ValueError(f"{name} must have the shape ({count},), as xyxy has rows. Got {values.shape}")
    for name, values in (("xyxy", boxes), ("confidence", scores)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite. Got {values[~np.isfinite(values)][0]}")
    kept = (boxes[:, :2] < boxes[:, 2:]).all(1)
    mask_column, masks, height = getattr(columns, "mask", None), None, 0
    if mask_column is not None:
        pictures = np.asarray(mask_column, bool)
        if pictures.ndim != 3 or len(pictures) != count:
            raise ValueError(f"mask must have the shape ({count}, height, width). Got {pictures.shape}")
        kept &= pictures.any((1, 2))
        height, width = pictures.shape[1:]
        masks = [rle.spans(rle.encode(picture), height, width) for picture in pictures[kept]]
    detections = Detections(frame, boxes[kept], scores[kept], classes[kept], masks, height)
    return detections, np.flatnonzero(kept)


def with_track_ids(columns: Any, rows: np.ndarray, tracks: Tracks) -> Any:
    """A copy of the object that has the tracks' ids in `tracker_id`, `UNTRACKED` where no confirmed track is.

    Args:
        columns: what `from_columns` was given.
        rows: (K,) what it returned.
        tracks: of those detections.
    """
    ids = np.full(len(columns.xyxy), UNTRACKED, np.int64)
    ids[rows[tracks.indices[tracks.confirmed]]] = tracks.track_ids[tracks.confirmed]
    copied = copy.copy(columns)
    copied.tracker_id = ids
    return copied
