"""Detections for the tracker with known truth: true masks without their ids, exact or noisy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from stc_track.formats.mots import IGNORE_CLASS, Detection, MotsObject
from stc_track.masks import rle

_OBJECTS_A_FRAME = 8  # about as many as KITTI MOTS has
_BORDER = 1  # pixels by which a mask may grow


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of a detector, applied to true masks.

    Attributes:
        seed: of everything random.
        miss: share of objects that are missed; of small ones (below `small` pixels of area) `miss_small`.
        false_alarms: ellipses of a random former object's size, mean number a frame.
        shift: standard deviation of the mask's displacement, share of the box's sides.
        erode: share of the masks that lose a pixel all around, as many gain one.
    """

    seed: int = 0
    miss: float = 0.05
    miss_small: float = 0.2
    small: int = 400
    false_alarms: float = 0.3
    shift: float = 0.03
    erode: float = 0.3


def perfect(frames: dict[int, list[MotsObject]]) -> list[Detection]:
    """The true masks with score 1, in a fixed order that betrays no id."""
    detections = [
        Detection(frame, box, 1.0, obj.class_id, obj.height, obj.width, obj.counts)
        for frame, objects in sorted(frames.items())
        for obj in objects
        if obj.class_id != IGNORE_CLASS
        and (box := tuple(rle.tight_box(obj.counts, obj.height, obj.width).tolist()))[2] > 0
    ]
    return sorted(detections, key=lambda detection: (detection.frame, detection.box))


def noisy(detections: Iterable[Detection], noise: Noise) -> list[Detection]:
    """The same with misses, displaced, eroded and grown masks, scores that fall with size, and false alarms.

    Scores are drawn from Beta(8, 2), those of small objects from Beta(3, 2), those of false alarms from Beta(2, 4).
    """
    random = np.random.default_rng(noise.seed)
    kept = []
    for detection in detections:
        spans = rle.spans(detection.counts, detection.height, detection.width)
        small = (spans[:, 1] - spans[:, 0]).sum() < noise.small
        if random.random() < (noise.miss_small if small else noise.miss):
            continue
        score = float(random.beta(3, 2) if small else random.beta(8, 2))
        kept += _detection(detection, _moved(detection, spans, noise, random), score)
        if random.random() < noise.false_alarms / _OBJECTS_A_FRAME:
            kept += _detection(detection, _ellipse(detection, random), float(random.beta(2, 4)))
    return kept


def _moved(detection: Detection, spans: np.ndarray, noise: Noise, random: np.random.Generator) -> np.ndarray:
    """Spans of the mask (S, 2), displaced, perhaps eroded or grown."""
    x1, y1, x2, y2 = np.array(detection.box, int)
    offset = np.rint(random.normal(0, noise.shift, 2) * (y2 - y1, x2 - x1)).astype(int)
    crop = np.zeros((x2 - x1 + 2 * _BORDER, y2 - y1 + 2 * _BORDER), bool)  # columns first, as spans are
    lengths = spans[:, 1] - spans[:, 0]
    pixels = np.arange(lengths.sum()) + np.repeat(spans[:, 0] - lengths.cumsum() + lengths, lengths)
    crop[pixels // detection.height - x1 + _BORDER, pixels % detection.height - y1 + _BORDER] = True
    x, y = x1 - _BORDER + offset[1], y1 - _BORDER + offset[0]
    inside = _within(crop, x, y, detection)
    change = random.random()
    if change < noise.erode:
        eroded = ndimage.binary_erosion(inside)
        inside = eroded if eroded.any() else inside
    elif change < 2 * noise.erode:
        inside = _within(ndimage.binary_dilation(inside), x, y, detection)
    return _spans(inside, x, y, detection.height)


def _ellipse(detection: Detection, random: np.random.Generator) -> np.ndarray:
    """Spans (S, 2) of an ellipse somewhere on the frame, of the same size and height in the picture."""
    x1, y1, x2, y2 = detection.box
    centre = random.uniform(0, detection.width), (y1 + y2) / 2
    radii = max((x2 - x1) / 2, 1), max((y2 - y1) / 2, 1)
    left, top = (int(np.floor(c - r)) for c, r in zip(centre, radii, strict=True))
    right, bottom = (int(np.ceil(c + r)) + 1 for c, r in zip(centre, radii, strict=True))
    x, y = np.ogrid[left:right, top:bottom]
    crop = ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1
    return _spans(_within(crop, left, top, detection), left, top, detection.height)


def _within(crop: np.ndarray, x: int, y: int, detection: Detection) -> np.ndarray:
    """The crop (columns, rows) at (x, y) without what lies outside the frame."""
    columns, rows = x + np.arange(crop.shape[0]), y + np.arange(crop.shape[1])
    return crop & ((columns >= 0) & (columns < detection.width))[:, None] & ((rows >= 0) & (rows < detection.height))


def _spans(crop: np.ndarray, x: int, y: int, height: int) -> np.ndarray:
    """Spans (S, 2) of a crop (columns, rows) whose first pixel lies at (x, y)."""
    edges = np.diff(np.pad(crop, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    columns, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return (columns + x)[:, None] * height + y + np.column_stack((starts, ends))


def _detection(like: Detection, spans: np.ndarray, score: float) -> list[Detection]:
    if not len(spans):
        return []
    counts = rle.from_spans(spans, like.height, like.width)
    box = tuple(rle.spans_box(spans, like.height).tolist())
    return [replace(like, counts=counts, box=box, score=score)]
