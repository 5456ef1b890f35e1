"""Overlap of masks, from their runs, and of boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stc_track.masks.lazy import LazyMasks


def iou(tracks: Sequence[np.ndarray], detections: Sequence[np.ndarray]) -> np.ndarray:
    """Intersection over union of two masks: 1 equal, 0 apart.

    Args:
        tracks: P masks, each (S, 2) as `rle.spans` gives them, S >= 1.
        detections: P masks of the same form, each compared with its own of `tracks`.

    Returns:
        (P,) float64 in [0, 1].
    """
    if not len(tracks):
        return np.zeros(0)
    track_spans, track_first, track_area = _joined(tracks)
    detection_spans, detection_first, detection_area = _joined(detections)
    # every pair gets pixel numbers of its own, so that one interpolation serves all pairs
    beyond = max(track_spans.max(), detection_spans.max()) + 1 - min(0, track_spans.min())
    track_spans = track_spans + np.repeat(beyond * np.arange(len(tracks)), np.diff(track_first))[:, None]
    detection_spans = detection_spans + np.repeat(beyond * np.arange(len(tracks)), np.diff(detection_first))[:, None]
    # pixels of the detections up to each of their edges; between edges that number is linear
    ends = (detection_spans[:, 1] - detection_spans[:, 0]).cumsum()
    counted = np.column_stack((np.concatenate(([0], ends[:-1])), ends))
    inside = np.interp(track_spans.ravel(), detection_spans.ravel(), counted.ravel()).reshape(track_spans.shape)
    shared = np.add.reduceat(inside[:, 1] - inside[:, 0], track_first[:-1])
    return shared / (track_area + detection_area - shared)


def areas(masks: Sequence[np.ndarray]) -> np.ndarray:
    """Pixels (N,) float64 of masks, each (S, 2) as `rle.spans` gives them."""
    if isinstance(masks, LazyMasks):
        return masks.areas().astype(np.float64)
    return np.array([(mask[:, 1] - mask[:, 0]).sum() for mask in masks], np.float64)


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of every box with every other one: 1 equal, 0 apart.

    Args:
        boxes: (N, 4) x1 y1 x2 y2, pixels.
        others: (M, 4) of the same form.

    Returns:
        (N, M) in [0, 1]; 0 where both are empty.

    Examples:
        >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
        [[1.0, 0.333, 0.0]]
    """
    low, high = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(min=0).prod(-1)
    areas, other_areas = ((corners[:, 2:] - corners[:, :2]).prod(1) for corners in (boxes, others))
    return shared / np.maximum(areas[:, None] + other_areas - shared, 1e-9)


def shifted(spans: np.ndarray, offset: np.ndarray, height: int) -> np.ndarray:
    """A mask (S, 2) moved by offset (2,) x y, rounded to pixels.

    What leaves a column enters its neighbour: the few pixels at the upper and lower border that this misplaces do not
    matter to a cost.
    """
    x, y = np.rint(offset).astype(np.int64)
    return spans + (x * height + y)


def _joined(masks: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All runs (S, 2), the place (P + 1,) where each mask's begin, and the masks' areas (P,)."""
    first = np.zeros(len(masks) + 1, np.int64)
    first[1:] = np.cumsum([len(mask) for mask in masks])
    spans = np.concatenate(masks)
    return spans, first, np.add.reduceat(spans[:, 1] - spans[:, 0], first[:-1])
