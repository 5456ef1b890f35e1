"""What the tracker gives of a frame, and how it becomes objects of a file: disjoint, with ids as files name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stc_track.formats.mots import MotsObject
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint
from stc_track.masks.lazy import LazyMasks, touching_boxes

_SHOWN = 0.5  # share of an unseen object's mask that must be free: what is behind another is rightly not seen


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One track on one frame.

    Attributes:
        track_id: the tracker's.
        class_id: of the object.
        score: of its detection, or of the nearest one where it has none.
        box: (4,) float64, the smallest around the mask.
        masks, index: the frame's masks, and which of them is meant.
        confirmed: whether the track is.
        drawn: (S, 2), a mask that is none of the frame's; None where it is.
        given: the detector's box; None where there is no detection.
        seen: whether there is a detection; a mask that nobody detected yields to all others.
    """

    track_id: int
    class_id: int
    score: float
    box: np.ndarray
    masks: LazyMasks
    index: int
    confirmed: bool
    drawn: np.ndarray | None = None
    given: tuple[float, float, float, float] | None = None
    seen: bool = True

    def spans(self) -> np.ndarray:
        """The mask (S, 2)."""
        return self.masks[self.index] if self.drawn is None else self.drawn

    def counts(self, height: int, width: int) -> bytes:
        """The mask, compressed."""
        return self.masks.counts(self.index) if self.drawn is None else rle.from_spans(self.drawn, height, width)

    def rank(self) -> float:
        """Of two that claim a pixel the higher keeps it."""
        return self.score if self.seen else -np.inf

    def elsewhere(self, box: np.ndarray, spans: np.ndarray) -> Item:
        """The same track where nobody detected it."""
        return replace(self, box=box, drawn=spans, confirmed=True, given=None, seen=False)


@dataclass(frozen=True, slots=True, eq=False)
class OutputFrame:
    """The tracks of one frame of height x width pixels."""

    frame: int
    height: int
    width: int
    items: list[Item]


def disjoint_objects(frame: OutputFrame, names: TrackIdAllocator) -> Iterator[MotsObject]:
    """Objects of the frame's confirmed tracks, each pixel of one alone: the higher score keeps it."""
    items = [each for each in frame.items if each.confirmed]
    left = {}
    if len(items) > 1:
        clashing = np.flatnonzero(touching_boxes(np.array([each.box for each in items]))).tolist()
        if clashing:
            spans = [items[place].spans() for place in clashing]
            cut = make_disjoint(spans, np.array([items[place].rank() for place in clashing]))
            left = {
                place: _unless_hidden(items[place], old, new)
                for place, old, new in zip(clashing, spans, cut, strict=True)
                if new is not old
            }
    for place, each in enumerate(items):
        name = names.of(each.track_id, each.class_id)
        if place not in left:
            counts = each.counts(frame.height, frame.width)
        elif len(left[place]):
            counts = rle.from_spans(left[place], frame.height, frame.width)
        else:
            continue
        yield MotsObject(frame.frame, name, each.class_id, frame.height, frame.width, counts, each.score, each.given)


def _unless_hidden(item: Item, whole: np.ndarray, left: np.ndarray) -> np.ndarray:
    """What is left (S, 2) of a whole mask; nothing of one that nobody saw if others hide most of it."""
    if item.seen:
        return left
    shown, area = ((each[:, 1] - each[:, 0]).sum() for each in (left, whole))
    return left if shown >= _SHOWN * area else left[:0]
