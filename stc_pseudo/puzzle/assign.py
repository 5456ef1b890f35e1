"""Pixels that several boxes claim go to one of them."""

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
    objects, best = np.zeros(size, np.uint16), np.full(size, 0.5, np.float32)
    for k, (place, share) in enumerate(shares, 1):
        wins = share > best[place]
        best[place][wins] = share[wins]
        objects[place][wins] = k
    return objects
