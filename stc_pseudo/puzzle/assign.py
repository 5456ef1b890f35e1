"""Pixels that several boxes want go to one of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

Placed = tuple[tuple[slice, slice], np.ndarray]


def assign_pixels(shares: Iterable[Placed], size: tuple[int, int]) -> np.ndarray:
    """Give each pixel to the box with the largest share of it, if that is above one half.

    Args:
        shares: of each box, where its pixels lie in the frame and (h, w) float32, how far they are its object's.
        size: (height, width) of the frame.

    Returns:
        (height, width) uint16, 0 for none, k for the box at k - 1.
    """
    shares, objects = list(shares), np.zeros(size, np.uint16)
    if not shares:
        return objects
    # The rectangle that all lie in: a frame is much larger than its boxes.
    top, left = (min(place[axis].start for place, _ in shares) for axis in (0, 1))
    bottom, right = (max(place[axis].stop for place, _ in shares) for axis in (0, 1))
    owner, best = objects[top:bottom, left:right], np.full((bottom - top, right - left), 0.5, np.float32)
    for k, ((rows, columns), share) in enumerate(shares, 1):
        place = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        wins = share > best[place]
        best[place][wins] = share[wins]
        owner[place][wins] = k
    return objects
