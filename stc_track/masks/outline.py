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
    return _joined(_loops(mask))


def inner_outline(mask: np.ndarray) -> np.ndarray:
    """Centres of the pixels at the corners of one polygon along the border, as programs want it that fill borders too.

    Args:
        mask: (H, W) bool, at least one pixel of it True.

    Returns:
        (P, 2) float64 x, y of centres of pixels, 0.5 to W - 0.5 and 0.5 to H - 0.5, at least four. Where parts and
        holes are joined, such programs fill a line one pixel wide.

    Examples:
        >>> inner_outline(np.array([[False, True, True]])).tolist()
        [[1.5, 0.5], [2.5, 0.5], [2.5, 0.5], [1.5, 0.5]]
    """
    return _joined([_moved_in(loop) for loop in _loops(mask)])


def _moved_in(loop: np.ndarray) -> np.ndarray:
    """A closed walk (P, 2) moved by half a pixel to its right, where the mask is."""
    ahead = np.sign(np.roll(loop, -1, 0) - loop)
    right = np.column_stack((-ahead[:, 1], ahead[:, 0])) / 2
    return loop + right + np.roll(right, 1, 0)


def _joined(loops: list[np.ndarray]) -> np.ndarray:
    """One closed walk over all, which goes back the way it came."""
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
