"""Which pairs of a track and a detection are possible, and what each costs (Eq. 9)."""

from __future__ import annotations

import numpy as np

from stc_track.masks import iou
from stc_track.tracking import cues
from stc_track.tracking.kalman import STILL, KalmanState, moved_boxes, points_of
from stc_track.tracking.matching import Pairs
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.track_table import TrackTable, diagonals
from stc_track.tracking.types import Detections

_FAST = 0.3  # diagonals a frame, from where on more speed excuses no more
_LARGEST_BUFFER = 1.0  # share of the box's sides: beyond, everything meets


def pairs(table: TrackTable, state: KalmanState, detections: Detections, settings: TrackerSettings) -> Pairs:
    """Pairs of a predicted track and a detection of its class, by increasing cost, which is below 0.

    The cost is Eq. 9 and, beside it, what else makes the pair unlikely: masks that do not meet, frames for which the
    track was missing, a low score, a track of a low accumulated score; less the limit from which on it is no pair.
    Weights and limit: `TrackerSettings`.
    """
    weights = settings.box_costs if detections.masks is None else settings.mask_costs
    boxes = detections.boxes
    points = points_of(boxes, settings.motion.points)
    sizes = (table.diagonals[:, None] + diagonals(boxes)) / 2
    # one point within the gate, on each axis: most pairs are far apart, and done with
    reach = weights.gate * (points.shape[1] / 2) ** 0.5 * sizes
    rows, columns = np.nonzero(
        (np.abs(points[:, 0] - state.position[:, :1]) <= reach)
        & (np.abs(points[:, 1] - state.position[:, 1:2]) <= reach)
        & (table.class_ids[:, None] == detections.class_ids)
        & (detections.scores >= settings.lifecycle.low_score)
    )
    # deviations of the points as shares of the boxes: pairs x points x (x, y)
    off = np.abs(points[columns] - state.position[rows]) / sizes[rows, columns][:, None]
    off = off.reshape(len(rows), off.shape[1] // 2, 2)
    near = (np.einsum("npc,npc->n", off, off) <= weights.gate**2 * off.shape[1]).nonzero()[0]
    if not len(near):
        return []
    rows, columns = rows[near], columns[near]
    deviation = state.deviation(STILL if settings.motion.points == "none" else settings.motion)
    costs = np.full(len(rows), -float(weights.max_cost))
    plain = weights.distance == "plain"
    if plain:
        costs += weights.alpha[0] * np.linalg.norm(points[columns] - state.position[rows], axis=1)
    elif weights.alpha[0]:
        costs += weights.alpha[0] * (off[near].max(1) @ (1, weights.vertical_weight)) / deviation[rows]
    of_tracks = weights.gap_weight * (table.missing - 1.0)
    if weights.speed_weight:
        speed = np.hypot(*state.velocity.reshape(len(table), -1, 2).mean(1).T) / table.diagonals
        of_tracks -= weights.speed_weight * np.minimum(speed, _FAST)
    of_tracks += weights.new_track_penalty * _lacking(table.accumulated_score)
    costs += of_tracks[rows]
    costs += (weights.score_weight * _lacking(detections.scores))[columns]
    cue_terms = settings.association.cue_terms
    if detections.cues is not None and cue_terms != "none":
        pair_cues = table.cues[rows], detections.cues[columns]
        if plain:
            depth, flow = cues.plain_discrepancy(*pair_cues, cue_terms)
        else:
            depth, flow = cues.discrepancy(*pair_cues, sizes[rows, columns], cue_terms)
        costs += weights.alpha[1] * depth + weights.alpha[2] * flow
    hopeful = (costs < 0).nonzero()[0]  # masks only add to it
    rows, columns, costs = rows[hopeful], columns[hopeful], costs[hopeful]
    if weights.overlap_weight and len(rows):
        if detections.masks is None:
            expected = moved_boxes(table.boxes[rows], state.position[rows])
            buffers = np.minimum(weights.buffer + weights.buffer_growth * deviation[rows], _LARGEST_BUFFER)
            overlap = buffered_iou(expected, boxes[columns], buffers)
        else:
            overlap = _mask_overlap(table, state, detections, settings, rows, columns)
        costs += weights.overlap_weight * (1 - overlap)
        kept = costs < 0
        rows, columns, costs = rows[kept], columns[kept], costs[kept]
    order = np.argsort(costs, kind="stable")
    return list(zip(costs[order].tolist(), rows[order].tolist(), columns[order].tolist(), strict=True))


def _lacking(scores: np.ndarray) -> np.ndarray:
    """What scores (N,) lack to 1, at most 1."""
    return np.minimum(np.maximum(1 - scores, 0), 1)


def _mask_overlap(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """IoU (P,) of the pairs' masks, the track's last one moved by as much as its points."""
    masks = detections.masks
    if masks is None:
        raise ValueError("the detections have no masks")
    others = detections.boxes[columns]
    boxes = table.boxes[rows]
    points = state.position[rows] - points_of(boxes, settings.motion.points)
    offsets = points.reshape(len(points), points.shape[1] // 2, 2).mean(1)
    low, high = np.maximum(boxes[:, :2] + offsets, others[:, :2]), np.minimum(boxes[:, 2:] + offsets, others[:, 2:])
    touch = np.flatnonzero((low < high).all(-1))
    overlap = np.zeros(len(rows))
    overlap[touch] = iou.iou(
        [iou.shifted(table.mask(rows[pair]), offsets[pair], detections.height) for pair in touch],
        [masks[columns[pair]] for pair in touch],
    )
    return overlap


def buffered_iou(boxes: np.ndarray, others: np.ndarray, buffers: np.ndarray) -> np.ndarray:
    """IoU of boxes that are larger by a share of their sides on each side (Yang et al., WACV 2023).

    Args:
        boxes: (P, 4) x1 y1 x2 y2.
        others: (P, 4), each compared with its own of `boxes`.
        buffers: (P,) at least 0, shares of the sides.

    Returns:
        (P,) float64 in [0, 1].

    Examples:
        >>> boxes, others = np.array([[0.0, 0, 10, 10]]), np.array([[10.0, 0, 20, 10]])
        >>> buffered_iou(boxes, others, np.array([0.0])).tolist(), buffered_iou(boxes, others, np.array([0.5])).tolist()
        ([0.0], [0.3333333333333333])
    """
    low, high, other_low, other_high = boxes[:, :2], boxes[:, 2:], others[:, :2], others[:, 2:]
    sides, other_sides = high - low, other_high - other_low
    margin, other_margin = buffers[:, None] * sides, buffers[:, None] * other_sides
    meet = np.minimum(high + margin, other_high + other_margin) - np.maximum(low - margin, other_low - other_margin)
    meet = np.maximum(meet, 0)
    shared = meet[:, 0] * meet[:, 1]
    areas = (sides[:, 0] * sides[:, 1] + other_sides[:, 0] * other_sides[:, 1]) * (1 + 2 * buffers) ** 2
    return shared / np.maximum(areas - shared, 1e-12)
