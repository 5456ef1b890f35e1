"""Camera motion from the tracks alone: the displacement that most of them share, where no flow is given.

Each pair of a track and a detection of like height that lies near proposes the displacement between them; the one that
most tracks can follow wins, if it convinces more of them than standing still does. One displacement serves a camera
that turns or shakes; what a step forward adds is left to each track's own filter.
"""

from __future__ import annotations

import numpy as np

_FEWEST = 4  # tracks that must agree
_MOST = 40  # tracks that are asked
_REACH = 1.0  # largest displacement, in diagonals
_LIKE = 0.2  # largest difference of the logarithms of two heights
_TOLERANCE = 0.1  # of agreement, in diagonals
_STILL_BONUS = 1.0  # tracks by which standing still leads
_STILL_ENOUGH = 0.6  # share of the tracks that stand still where nothing else is looked for


def common_displacement(
    tracks: np.ndarray, detections: np.ndarray, track_classes: np.ndarray, detection_classes: np.ndarray
) -> np.ndarray:
    """Displacement (2,) x y, pixels, that most tracks share; 0 where there is none.

    Args:
        tracks: (G, 4) x1 y1 x2 y2, where tracks that were seen last frame are expected.
        detections: (N, 4) of the frame.
        track_classes: (G,).
        detection_classes: (N,).

    Examples:
        >>> boxes = np.array([[0.0, 0, 20, 40], [100, 0, 130, 60], [210, 9, 240, 90], [300, 5, 330, 70]])
        >>> common_displacement(boxes, boxes + 15, *np.ones((2, 4), int)).tolist()
        [15.0, 15.0]
    """
    still = np.zeros(2)
    if len(tracks) > _MOST:
        chosen = np.linspace(0, len(tracks) - 1, _MOST).astype(int)
        tracks, track_classes = tracks[chosen], track_classes[chosen]
    if len(tracks) < _FEWEST or len(detections) < _FEWEST:
        return still
    rows, offsets = _candidates(tracks, detections, track_classes[:, None] == detection_classes)
    if len(rows) < _FEWEST:
        return still
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))  # of each track's candidates
    bonus = _agreement(offsets, still[None], firsts)[0] + _STILL_BONUS
    if bonus - _STILL_BONUS >= _STILL_ENOUGH * len(tracks):
        return still
    proposals = offsets[:, :2]
    agreement = _agreement(offsets, proposals, firsts)
    best = int(agreement.argmax())
    if agreement[best] <= bonus:
        return still
    followers = np.hypot(*(proposals[best] - offsets[:, :2]).T) < _TOLERANCE * offsets[:, 2]
    return median(offsets[followers, :2]) if followers.sum() >= _FEWEST else still


def follow(displacements: np.ndarray, sizes: np.ndarray, count: int) -> bool:
    """Whether tracks are where they were expected, so that no common displacement need be looked for.

    Args:
        displacements: (K, 2) x y, pixels, of the tracks that found a detection.
        sizes: (K,) their diagonals.
        count: of all tracks that were seen last frame.
    """
    if count < _FEWEST:
        return True
    shares = (displacements[:, 0] ** 2 + displacements[:, 1] ** 2) / (_TOLERANCE * sizes) ** 2
    return bool(np.maximum(1 - shares, 0).sum() >= _STILL_ENOUGH * count)


def median(values: np.ndarray) -> np.ndarray:
    """Median of values (N, ...) over N, at least 1; as NumPy's, which takes ten times as long for a few."""
    ordered = np.sort(values, 0)
    middle = len(ordered) // 2
    return np.asarray(ordered[middle] + ordered[~middle]) / 2


def _candidates(tracks: np.ndarray, detections: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (P,) of the tracks, increasing, and displacements and sizes (P, 3) of what each may have become."""
    off = (detections[:, :2] + detections[:, 2:] - tracks[:, None, :2] - tracks[:, None, 2:]) / 2
    sides, others = tracks[:, 2:] - tracks[:, :2], detections[:, 2:] - detections[:, :2]
    sizes = (np.hypot(*sides.T)[:, None] + np.hypot(*others.T)) / 2
    like = np.abs(np.log(np.maximum(sides[:, 1], 1e-9)[:, None] / others[:, 1])) < _LIKE
    near = np.einsum("gnc,gnc->gn", off, off) < (_REACH * sizes) ** 2
    rows, columns = np.nonzero(same & like & near)
    return rows, np.column_stack((off[rows, columns], sizes[rows, columns]))


def _agreement(offsets: np.ndarray, proposals: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """How many tracks (K,), weighed by how well, can follow each of the proposals (K, 2)."""
    away = offsets[:, :2] - proposals[:, None]
    square = np.einsum("kpc,kpc->kp", away, away) / (_TOLERANCE * offsets[:, 2]) ** 2
    return np.maximum.reduceat(np.maximum(1 - square, 0), firsts, axis=1).sum(1)
