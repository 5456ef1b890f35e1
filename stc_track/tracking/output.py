"""What the tracker outputs of a frame, and how it becomes objects of a file: disjoint, with ids as files name them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stc_track.formats.mot_boxes import filled
from stc_track.formats.mots import MotsObject
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint
from stc_track.masks.lazy import LazyMasks, moved, touching_boxes

_SHOWN = 0.5  # share of an undetected object's mask that must be free: what is behind another is rightly not seen


@dataclass(slots=True, eq=False)  # a frozen one takes four times as long to make, and there is one a track and frame
class TrackedObject:
    """One track on one frame; read-only.

    Attributes:
        track_id: the tracker's.
        class_id: of the object.
        score: of its detection, or of the nearest one where it has none.
        box: (4,) float64, the smallest around the mask; the object's own where there is no mask.
        confirmed: whether the track is.
        masks, index: the frame's masks, and which of them is meant; no masks where detections are boxes.
        mask: (S, 2), a mask that is none of the frame's; None where it is.
        detection_box: the detector's box; None where there is no detection.
        detected: whether there is a detection; a mask that nobody detected yields to all others.
    """

    track_id: int
    class_id: int
    score: float
    box: np.ndarray
    confirmed: bool
    masks: LazyMasks | None = None
    index: int = 0
    mask: np.ndarray | None = None
    detection_box: tuple[float, float, float, float] | None = None
    detected: bool = True

    @property
    def has_mask(self) -> bool:
        """Whether it is more than a box."""
        return self.mask is not None or self.masks is not None

    def spans(self) -> np.ndarray:
        """The mask (S, 2)."""
        if self.mask is not None:
            return self.mask
        assert self.masks is not None
        return self.masks[self.index]

    def counts(self, height: int, width: int) -> bytes:
        """The mask, compressed; empty where there is none."""
        if self.mask is not None:
            return rle.from_spans(self.mask, height, width)
        return b"" if self.masks is None else self.masks.counts(self.index)

    def rank(self) -> float:
        """Of two that cover a pixel the higher keeps it."""
        return self.score if self.detected else -np.inf

    def undetected(self, start: np.ndarray, end: np.ndarray, size: tuple[int, int]) -> TrackedObject | None:
        """The same track where nobody detected it: what the box `start` shows, moved and stretched to the box `end`.

        Args:
            start: (4,) the box that its mask belongs to.
            end: (4,) where it is.
            size: (height, width) of the frame.

        Returns:
            None where nothing of it is within the frame.
        """
        if not self.has_mask:
            return replace(self, box=end, confirmed=True, detection_box=None, detected=False)
        spans = moved(self.spans(), start, end, size)
        if not len(spans):
            return None
        box = rle.spans_box(spans, size[0])
        return replace(self, box=box, mask=spans, confirmed=True, detection_box=None, detected=False)

    def with_mask(self, size: tuple[int, int]) -> TrackedObject:
        """The same track with its box's part of the frame for a mask, where it has none."""
        if self.has_mask:
            return self
        x1, y1, x2, y2 = self.box.tolist()
        return replace(self, mask=rle.spans(filled((x1, y1, x2, y2), *size), *size))


@dataclass(frozen=True, slots=True, eq=False)
class OutputFrame:
    """The tracks of one frame of height x width pixels."""

    frame: int
    height: int
    width: int
    objects: list[TrackedObject]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


def disjoint_objects(frame: OutputFrame, names: TrackIdAllocator) -> Iterator[MotsObject]:
    """Objects of the frame's confirmed tracks, each pixel of one alone, by score; boxes may overlap."""
    objects = [tracked for tracked in frame.objects if tracked.confirmed]
    left = _cut([tracked for tracked in objects if tracked.has_mask])
    for tracked in objects:
        name = names.of(tracked.track_id, tracked.class_id)
        if not tracked.has_mask:
            box = tracked.detection_box or tuple(tracked.box.tolist())
            yield MotsObject(
                frame.frame, name, tracked.class_id, *frame.size, b"", tracked.score, box, detected=tracked.detected
            )
            continue
        spans = left.get(id(tracked))
        if spans is None:
            counts = tracked.counts(frame.height, frame.width)
        elif len(spans):
            counts = rle.from_spans(spans, frame.height, frame.width)
        else:
            continue
        yield MotsObject(
            frame.frame, name, tracked.class_id, *frame.size, counts, tracked.score, tracked.detection_box,
            detected=tracked.detected,
        )  # fmt: skip


def _cut(objects: Sequence[TrackedObject]) -> dict[int, np.ndarray]:
    """What is left (S, 2) of the masks that others take pixels of, by the object's `id()`."""
    if len(objects) < 2:
        return {}
    touching = np.flatnonzero(touching_boxes(np.array([tracked.box for tracked in objects]))).tolist()
    clashing = [objects[place] for place in touching]
    spans = [tracked.spans() for tracked in clashing]
    cut = make_disjoint(spans, np.array([tracked.rank() for tracked in clashing]))
    return {
        id(tracked): _unless_hidden(tracked, old, new)
        for tracked, old, new in zip(clashing, spans, cut, strict=True)
        if new is not old
    }


def _unless_hidden(tracked: TrackedObject, whole: np.ndarray, left: np.ndarray) -> np.ndarray:
    """What is left (S, 2) of a whole mask; nothing of one that nobody detected if others hide most of it."""
    if tracked.detected:
        return left
    shown, area = ((spans[:, 1] - spans[:, 0]).sum() for spans in (left, whole))
    return left if shown >= _SHOWN * area else left[:0]
