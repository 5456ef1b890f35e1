"""Each pseudo-mask against its true one: IoU, boundary F, and how well the quality foretells the IoU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage, stats

from stc_pseudo.evaluation.ground_truth import fitting_masks
from stc_pseudo.evaluation.overlap import mask_iou, matched_boxes
from stc_pseudo.store.reader import SequenceReader
from stc_track.masks import rle

TOLERANCE = 0.008  # of the frame's diagonal, that a boundary may lie off: Perazzi et al., CVPR 2016


@dataclass(frozen=True)
class Agreement:
    """A pseudo-mask and its true mask: IoU and boundary F, 0..1 each."""

    iou: float
    boundary_f: float


def agreements_of(sequence: SequenceReader, truth: Path, min_area: int) -> dict[tuple[int, int], Agreement]:
    """The agreement of each box that a true mask is there for, by frame position and row.

    Args:
        sequence: of a store.
        truth: as of `inspect_store`.
        min_area: true masks of fewer pixels are left out.
    """
    agreements: dict[tuple[int, int], Agreement] = {}
    masks = fitting_masks(sequence, truth)
    for t, number in enumerate(sequence.numbers):
        true = [o for o in masks.get(number, ()) if rle.area(o.counts, o.height, o.width) >= min_area]
        if not true:
            continue
        boxes, objects = sequence.boxes_at(t), sequence.read("objects", t)
        for i, row in matched_boxes(true, boxes.xyxy, boxes.class_ids).items():
            mask, other = objects == row + 1, rle.decode(true[i].counts, *sequence.size)
            agreements[t, row] = Agreement(mask_iou(mask, other), boundary_f(mask, other))
    return agreements


def boundary_f(mask: np.ndarray, other: np.ndarray) -> float:
    """F measure of the boundary of a mask (H, W) bool against another's, with `TOLERANCE`; 0 if one is empty."""
    if not mask.any() or not other.any():
        return 0.0
    reach = TOLERANCE * float(np.hypot(*mask.shape))
    window = _window(mask | other, int(np.ceil(reach)) + 1)
    outline, other_outline = (_boundary(pixels[window]) for pixels in (mask, other))
    precision = float(np.mean(ndimage.distance_transform_edt(~other_outline)[outline] <= reach))
    recall = float(np.mean(ndimage.distance_transform_edt(~outline)[other_outline] <= reach))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _window(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return tuple(slice(max(int(line[0]) - margin, 0), int(line[-1]) + margin + 1) for line in (rows, columns))


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask with a neighbour, of four, that is none; what lies beyond the window is as its border."""
    padded = np.pad(mask, 1, mode="edge")
    return mask & ~ndimage.binary_erosion(padded)[1:-1, 1:-1]


def rank_correlation(quality: Sequence[float], iou: Sequence[float]) -> float | None:
    """Spearman's, -1 to 1; None of fewer than three values, or of equal ones."""
    if len(quality) < 3 or np.ptp(quality) == 0 or np.ptp(iou) == 0:
        return None
    return float(stats.spearmanr(quality, iou).statistic)
