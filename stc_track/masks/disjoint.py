"""Disjoint masks: a pixel of several masks goes to the mask of the highest score.

Masks are compared as their runs, never as pixels: one sort of a frame's runs finds the masks that touch, and only
those are cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stc_track.masks import rle


def touching(spans: Sequence[np.ndarray]) -> np.ndarray:
    """Which masks share a pixel with another.

    Args:
        spans: N masks of one frame, each (S, 2) as `rle.spans` gives them.

    Returns:
        (N,) bool.

    Examples:
        >>> touching([np.array([[0, 3]]), np.array([[3, 5], [8, 9]]), np.array([[6, 9]])])
        array([False,  True,  True])
    """
    touches = np.zeros(len(spans), bool)
    if len(spans) < 2:
        return touches
    owners = np.repeat(np.arange(len(spans)), [len(runs) for runs in spans])
    starts, ends = np.concatenate(spans).T
    order = np.argsort(starts, kind="stable")
    starts, ends, owners = starts[order], ends[order], owners[order]
    reached = np.maximum.accumulate(ends)
    touches[owners[1:][starts[1:] < reached[:-1]]] = True
    touches[owners[:-1][starts[1:] < ends[:-1]]] = True
    return touches


def make_disjoint(spans: Sequence[np.ndarray], scores: np.ndarray) -> list[np.ndarray]:
    """Cut from each mask the pixels of masks of higher score; of equal scores the earlier keeps them.

    Args:
        spans: N masks of one frame, each (S, 2) as `rle.spans` gives them.
        scores: (N,) float.

    Returns:
        N masks of the same form, in the same order, of which some may be empty.
    """
    cut = list(spans)
    clashing = np.flatnonzero(touching(spans))
    taken = np.zeros((0, 2), np.int64)
    for index in clashing[np.argsort(-np.asarray(scores)[clashing], kind="stable")]:
        cut[index] = rle.subtract_spans(cut[index], taken)
        taken = rle.union_spans(taken, cut[index])
    return cut
