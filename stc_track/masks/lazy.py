"""Masks of one frame that are decoded only where they are looked at, and masks moved from box to box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.masks import rle


class LazyMasks(Sequence[np.ndarray]):
    """Compressed masks of one frame, each decoded when it is asked for and then kept.

    Args:
        counts: N compressed RLE strings of masks, checked (`rle.validate`).
        height, width: of the frame, pixels.
    """

    def __init__(self, counts: Sequence[bytes], height: int, width: int) -> None:
        self._counts, self._size = counts, (height, width)
        self._spans: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # one at a time, no slices
        if index not in self._spans:
            self._spans[index] = rle.spans(self._counts[index], *self._size)
        return self._spans[index]

    def counts(self, index: int) -> bytes:
        """A mask, compressed."""
        return self._counts[index]

    def areas(self) -> np.ndarray:
        """Pixels (N,) of the masks, which are not decoded for it."""
        return coco_mask.area([{"size": self._size, "counts": counts} for counts in self._counts])

    def boxes(self) -> np.ndarray:
        """The smallest boxes (N, 4) float64 x1 y1 x2 y2 around the masks; x1 = x2 where one is empty."""
        if not self._counts:
            return np.zeros((0, 4))
        boxes = coco_mask.toBbox([{"size": self._size, "counts": counts} for counts in self._counts])
        boxes[:, 2:] += boxes[:, :2]
        return boxes


def touching_boxes(boxes: np.ndarray) -> np.ndarray:
    """Which of the boxes (N, 4) share area with another; (N,) bool."""
    low, high = boxes[:, :2], boxes[:, 2:]
    meet = ((low[:, None] < high) & (low < high[:, None])).all(-1)
    return meet.sum(1) > 1  # each meets itself


def moved(spans: np.ndarray, start: np.ndarray, end: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask, moved and stretched as its box is.

    Args:
        spans: (S, 2) as `rle.spans` gives them.
        start: (4,) x1 y1 x2 y2, the box that the mask has.
        end: (4,), its box after the move.
        size: height and width of the frame, pixels; what leaves it is cut off.

    Returns:
        (S, 2); none where nothing is left.
    """
    height, width = size
    columns, tops, bottoms = _by_column(spans, height)
    scale = (end[2:] - end[:2]) / (start[2:] - start[:2])
    wanted = np.arange(max(0, round(end[0])), min(width, round(end[2])))
    if not len(wanted) or not len(columns):
        return np.zeros((0, 2), np.int64)
    sources = np.floor((wanted + 0.5 - end[0]) / scale[0] + start[0])
    sources = sources.clip(np.floor(start[0]), np.ceil(start[2]) - 1)  # rounding may step off the box
    first, last = np.searchsorted(columns, sources, "left"), np.searchsorted(columns, sources, "right")
    counts = last - first
    runs = np.repeat(last - counts.cumsum(), counts) + np.arange(counts.sum())
    rows = np.rint((np.column_stack((tops, bottoms))[runs] - start[1]) * scale[1] + end[1]).clip(0, height)
    columns_moved = np.repeat(wanted, counts)[:, None] * height + rows.astype(np.int64)
    return columns_moved[columns_moved[:, 1] > columns_moved[:, 0]]


def _by_column(spans: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs that stay within a column: columns (R,), first rows (R,) and rows after the last (R,)."""
    first, last = spans[:, 0] // height, (spans[:, 1] - 1) // height
    counts = last - first + 1
    columns = np.repeat(first - counts.cumsum() + counts, counts) + np.arange(counts.sum())
    starts, ends = np.repeat(spans[:, 0], counts), np.repeat(spans[:, 1], counts)
    tops = np.maximum(starts, columns * height) - columns * height
    return columns, tops, np.minimum(ends, (columns + 1) * height) - columns * height
