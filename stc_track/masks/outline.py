"""The outline of a mask as one polygon, exact to the pixel."""

from __future__ import annotations

import numpy as np

# (dx, dy) of right, down, left, up
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def outline(mask: np.ndarray) -> np.ndarray:
    """Corners of one polygon along the pixels' edges; filled by the even-odd rule it is the mask.

    Parts and holes are joined by lines that are walked there and back, which enclose nothing.

    Args:
        mask: (H, W) bool, at least one pixel of it True.

    Returns:
        (P, 2) int64 x, y of corners of pixels, 0 to W and 0 to H.

    Examples:
        >>> outline(np.array([[False, True, True]])).tolist()
        [[1, 0], [3, 0], [3, 1], [1, 1]]
    """
    loops = _loops(mask)
    if len(loops) == 1:
        return loops[0]
    there = [np.concatenate((loop, loop[:1])) for loop in loops]
    back = [loop[:1] for loop in loops[-2:0:-1]]
    return np.concatenate(there + back)


def _loops(mask: np.ndarray) -> list[np.ndarray]:
    """Closed walks along the border, mask on the right; corners alone, (P, 2) x, y each."""
    padded = np.pad(mask, 1)
    ahead: dict[tuple[int, int], list[int]] = {}  # at a corner: the directions in which an edge leaves it
    _add(ahead, padded[1:, 1:-1] & ~padded[:-1, 1:-1], 0, (0, 0))  # a pixel below, none above: walk right
    _add(ahead, padded[1:-1, :-1] & ~padded[1:-1, 1:], 1, (0, 0))  # at left, none at right: walk down
    _add(ahead, padded[:-1, 1:-1] & ~padded[1:, 1:-1], 2, (1, 0))  # above, none below: walk left
    _add(ahead, padded[1:-1, 1:] & ~padded[1:-1, :-1], 3, (0, 1))  # at right, none at left: walk up
    loops = []
    while ahead:
        start = min(ahead, key=lambda corner: (corner[1], corner[0]))
        loops.append(_walk(ahead, start))
    return loops


def _add(ahead: dict[tuple[int, int], list[int]], edges: np.ndarray, direction: int, offset: tuple[int, int]) -> None:
    rows, columns = np.nonzero(edges)
    for x, y in zip((columns + offset[0]).tolist(), (rows + offset[1]).tolist(), strict=True):
        ahead.setdefault((x, y), []).append(direction)


def _walk(ahead: dict[tuple[int, int], list[int]], start: tuple[int, int]) -> np.ndarray:
    """Follow the edges from `start` until it closes, taking them out of `ahead`."""
    corners, place, heading = [], start, None
    while place in ahead:
        choices = ahead[place]
        # where two walks meet, turn right: pixels that touch at a corner stay apart
        direction = choices[0] if heading is None or len(choices) == 1 else (heading + 1) % 4
        choices.remove(direction)
        if not choices:
            del ahead[place]
        if direction != heading:
            corners.append(place)
        heading = direction
        place = place[0] + _STEPS[direction][0], place[1] + _STEPS[direction][1]
    return np.array(corners)
