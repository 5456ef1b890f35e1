"""COCO's compressed run-length encoding (RLE) of masks, checked, and set operations on it without decoding.

A mask is read column by column; `counts` holds the lengths of its alternating runs, background first. Each length, from
the fourth on as the difference to the one two before it, is written in 5-bit groups, least first, as the characters
`0` (48) to `o` (111): bit 5 of a character says that more follow, bit 4 of the last is the sign.

pycocotools decodes such a string without checking it (a truncated string gives random pixels or a crash), so everything
that comes from a file passes through `validate` or `run_lengths`.
"""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

LARGEST_AREA = 2**31 - 1  # pixels; pycocotools counts in 32 bits
_LONGEST_NUMBER = 7  # characters; 35 bits hold any difference of two lengths


class RleError(ValueError):
    """A string that is not the RLE of a mask of the given size.

    Attributes:
        expected: what should have been there.
        found: what was there.
    """

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found


def run_lengths(counts: bytes, height: int, width: int) -> np.ndarray:
    """Lengths of the alternating runs, background first, in column order.

    Args:
        counts: compressed RLE.
        height: pixels, at least 1.
        width: pixels, at least 1.

    Returns:
        (R,) int64, each at least 0, their sum height * width.

    Raises:
        RleError: the string is empty, holds a foreign character, ends within a number, or describes another size.
    """
    if height < 1 or width < 1 or height * width > LARGEST_AREA:
        raise RleError(f"a mask of 1 to {LARGEST_AREA} pixels", f"{height} x {width}")
    codes = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    if not len(codes):
        raise RleError("an RLE string", "an empty one")
    if codes.min() < 0 or codes.max() > 63:
        raise RleError("an RLE string of the characters '0' to 'o'", ascii(counts[:24]))
    ends = np.flatnonzero(codes < 32)
    if not len(ends) or ends[-1] != len(codes) - 1:
        raise RleError("a whole RLE string", "one that ends within a number")
    starts = np.concatenate(([0], ends[:-1] + 1))
    digits = ends - starts + 1
    if digits.max() > _LONGEST_NUMBER:
        raise RleError("an RLE string", f"one with a number of {digits.max()} characters")
    place = np.arange(len(codes)) - np.repeat(starts, digits)
    runs = np.add.reduceat((codes & 31) << (5 * place), starts)
    runs -= np.where(codes[ends] & 16, 1 << (5 * digits), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])  # the first length stands alone: differences begin at the fourth
    if runs.min() < 0:
        raise RleError("an RLE string of lengths of at least 0", f"a length of {runs.min()}")
    if (total := int(runs.sum())) != height * width:
        raise RleError(f"an RLE string of {height} x {width} = {height * width} pixels", f"one of {total}")
    return runs


def validate(counts: bytes, height: int, width: int) -> None:
    """Raise RleError unless `counts` is the RLE of a height x width mask."""
    run_lengths(counts, height, width)


def from_run_lengths(runs: np.ndarray, height: int, width: int) -> bytes:
    """Compress run lengths (R,), background first, that add up to height * width."""
    return coco_mask.frPyObjects({"counts": runs.tolist(), "size": [height, width]}, height, width)["counts"]


def encode(mask: np.ndarray) -> bytes:
    """Compress a mask (H, W) bool.

    Examples:
        >>> encode(np.array([[False, True], [False, True]]))
        b'22'
    """
    return coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"]


def decode(counts: bytes, height: int, width: int) -> np.ndarray:
    """The mask (height, width) bool; raises RleError as `run_lengths` does."""
    runs = run_lengths(counts, height, width)
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def decode_box(counts: bytes, height: int, width: int) -> tuple[tuple[int, int, int, int], np.ndarray]:
    """The smallest box around the foreground and what lies in it; raises RleError as `run_lengths` does.

    Returns:
        x1 y1 x2 y2, pixels, x2 and y2 exclusive, and the mask (y2 - y1, x2 - x1) bool; zeros for an empty mask.
    """
    intervals = spans(counts, height, width)
    x1, y1, x2, y2 = (int(side) for side in spans_box(intervals, height))
    steps = np.zeros((x2 - x1) * height + 1, np.int8)  # of the columns from x1 on
    starts, ends = (intervals - x1 * height).T
    steps[starts] += 1
    steps[ends] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).astype(bool).reshape(x2 - x1, height)
    return (x1, y1, x2, y2), columns[:, y1:y2].T


def area(counts: bytes, height: int, width: int) -> int:
    """Foreground pixels; raises RleError as `run_lengths` does."""
    return int(run_lengths(counts, height, width)[1::2].sum())


def spans(counts: bytes, height: int, width: int) -> np.ndarray:
    """Foreground runs as half-open intervals of column-order pixel numbers (x * height + y).

    Returns:
        (S, 2) int64, each of positive length, increasing and disjoint. Raises RleError as `run_lengths` does.
    """
    edges = np.cumsum(run_lengths(counts, height, width))
    pairs = edges[: len(edges) // 2 * 2].reshape(-1, 2)
    return pairs[pairs[:, 1] > pairs[:, 0]]


def from_spans(intervals: np.ndarray, height: int, width: int) -> bytes:
    """Compress intervals (S, 2) as `spans` gives them; neighbours may touch."""
    if not len(intervals):
        return from_run_lengths(np.array([height * width]), height, width)
    apart = np.flatnonzero(intervals[1:, 0] > intervals[:-1, 1])
    starts = intervals[np.concatenate(([0], apart + 1)), 0]
    ends = intervals[np.concatenate((apart, [len(intervals) - 1])), 1]
    edges = np.column_stack((starts, ends)).ravel()
    runs = np.diff(np.concatenate(([0], edges, [height * width])))
    return from_run_lengths(runs if runs[-1] else runs[:-1], height, width)


def tight_box(counts: bytes, height: int, width: int) -> np.ndarray:
    """The smallest box around the foreground; raises RleError as `run_lengths` does.

    Returns:
        (4,) float32 x1 y1 x2 y2, pixels, x2 and y2 exclusive; zeros for an empty mask.
    """
    return spans_box(spans(counts, height, width), height)


def spans_box(intervals: np.ndarray, height: int) -> np.ndarray:
    """The smallest box (4,) float32 around intervals (S, 2) as `spans` gives them; zeros where there are none."""
    if not len(intervals):
        return np.zeros(4, np.float32)
    first, last = intervals[:, 0], intervals[:, 1] - 1
    several_columns = first // height < last // height
    top = np.where(several_columns, 0, first % height).min()
    bottom = np.where(several_columns, height - 1, last % height).max()
    return np.array([first[0] // height, top, last[-1] // height + 1, bottom + 1], np.float32)


def subtract_spans(kept: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Intervals (S, 2) of the pixels in `kept` and not in `cut`, both as `spans` gives them."""
    edges = np.unique(np.concatenate((kept.ravel(), cut.ravel())))
    inside = _covers(kept, edges[:-1]) & ~_covers(cut, edges[:-1])
    return np.column_stack((edges[:-1], edges[1:]))[inside]


def union_spans(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intervals (S, 2), touching ones not joined, of the pixels in either, both as `spans` gives them."""
    edges = np.unique(np.concatenate((first.ravel(), second.ravel())))
    inside = _covers(first, edges[:-1]) | _covers(second, edges[:-1])
    return np.column_stack((edges[:-1], edges[1:]))[inside]


def _covers(intervals: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Whether each pixel number (P,) lies in one of the sorted disjoint intervals; (P,) bool."""
    started = np.searchsorted(intervals[:, 0], pixels, "right")
    ended = np.searchsorted(intervals[:, 1], pixels, "right")
    return started > ended
