"""Which pairs of a track and a detection are possible, and what each costs (Eq. 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_track import cues, overlap
from stc_track.matching import Pairs
from stc_track.motion import KalmanState, moved_boxes, points_of
from stc_track.settings import TrackerSettings
from stc_track.table import TrackTable
from stc_track.types import Detections


@dataclass(slots=True, eq=False)
class Distances:
    """Between G predicted tracks and K detections.

    Attributes:
        sizes: (G, K) pixels, mean diagonal of both boxes.
        apart: (G, K), distance of the tracked points as a share of `sizes`; inf between classes.
    """

    sizes: np.ndarray
    apart: np.ndarray


def distances(table: TrackTable, state: KalmanState, detections: Detections, settings: TrackerSettings) -> Distances:
    """Eq. 9's first term, free of units; root mean square over the points, so that one and two are measured alike."""
    boxes = detections.boxes
    sizes = (table.diagonals[:, None] + np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])) / 2
    difference = points_of(boxes, settings.motion) - state.position[:, None]
    apart = np.sqrt(np.einsum("gkc,gkc->gk", difference, difference) * (2 / difference.shape[2])) / sizes
    apart[table.class_ids[:, None] != detections.class_ids] = np.inf
    return Distances(sizes, apart)


def near_pairs(
    table: TrackTable, state: KalmanState, detections: Detections, found: Distances, settings: TrackerSettings
) -> Pairs:
    """Pairs within the gates by Eq. 9 with the mask's coverage beside it, by increasing cost."""
    limit = np.full(len(table), settings.gate)
    if settings.gate_deviations and settings.motion != "none":
        limit = np.minimum(limit, settings.gate_deviations * 2**0.5 * state.deviation(settings.kalman))
    share = np.where(detections.scores >= settings.high_score, 1.0, settings.low_gate)
    share[detections.scores < settings.low_score] = -1
    rows, columns = np.nonzero(found.apart <= limit[:, None] * share)
    costs = settings.alpha[0] * found.apart[rows, columns]
    # a pair of which neither side has a choice is made at any cost
    rivals = (np.bincount(rows)[rows] > 1) | (np.bincount(columns)[columns] > 1) if len(rows) else np.zeros(0, bool)
    if rivals.any():
        some = np.flatnonzero(rivals)
        costs[some] += _evidence(table, state, detections, found, settings, rows[some], columns[some])
    return _sorted(costs, rows, columns)


def far_pairs(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    found: Distances,
    settings: TrackerSettings,
    sure: np.ndarray,
) -> Pairs:
    """Pairs of what is left over: tracks that were seen lately and detections `sure` (K,), within reach.

    First those of which one contains most of the other, then those of like position and size.
    """
    recent = table.missing <= settings.reach_frames + 1
    rows, columns = np.nonzero((found.apart <= settings.reach) & recent[:, None] & sure)
    boxes = detections.boxes[columns]
    sides, others = (np.log(each[:, 2:] - each[:, :2]) for each in (table.boxes[rows], boxes))
    unlike = found.apart[rows, columns] + settings.size_weight * np.abs(sides - others).sum(-1)
    # most of one lies in the other, where the track was or where it is expected: more or less of it is hidden now
    predicted = moved_boxes(table.boxes[rows], state.position[rows])
    outside = 1 - np.maximum(_contained(predicted, boxes), _contained(table.boxes[rows], boxes))
    total = np.where(outside <= 1 - settings.contain, outside, 1 + unlike)
    kept = total <= 1 + settings.reach
    return _sorted(total[kept], rows[kept], columns[kept])


def _contained(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share (P,) of the smaller of two boxes (P, 4) that the other covers; 0 where one has no area."""
    shared = (np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])).clip(0).prod(1)
    smaller = np.minimum(*((each[:, 2:] - each[:, :2]).clip(0).prod(1) for each in (boxes, others)))
    return np.divide(shared, smaller, out=np.zeros(len(shared)), where=smaller > 0)


def _evidence(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    found: Distances,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """What cues and masks say against each of the pairs (P,)."""
    against = np.zeros(len(rows))
    if detections.cues is not None and settings.cue_terms != "none":
        sizes = found.sizes[rows, columns]
        depth, flow = cues.discrepancy(table.cues[rows], detections.cues[columns], sizes, settings.cue_terms)
        against += settings.alpha[1] * depth + settings.alpha[2] * flow
    if detections.masks is not None and settings.mask_weight:
        against += settings.mask_weight * (1 - _coverage(table, state, detections, settings, rows, columns))
    return against


def _coverage(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """Coverage (P,) of the tracks' last masks, moved by as much as their points, and the detections' masks."""
    boxes, others = table.boxes[rows], detections.boxes[columns]
    points = state.position[rows] - points_of(boxes, settings.motion)
    offsets = points.reshape(len(points), points.shape[1] // 2, 2).mean(1)
    low, high = np.maximum(boxes[:, :2] + offsets, others[:, :2]), np.minimum(boxes[:, 2:] + offsets, others[:, 2:])
    touch = np.flatnonzero((low < high).all(-1))
    covered = np.zeros(len(rows))
    covered[touch] = overlap.coverage(
        [overlap.shifted(table.mask(rows[each]), offsets[each], detections.height) for each in touch],
        [detections.masks[columns[each]] for each in touch],
    )
    return covered


def _sorted(costs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Pairs:
    order = np.argsort(costs, kind="stable")
    return list(zip(costs[order].tolist(), rows[order].tolist(), columns[order].tolist(), strict=True))
