"""Which pairs of a track and a detection are possible, and what each costs (Eq. 9)."""

from __future__ import annotations

import numpy as np

from stc_track.masks import iou
from stc_track.tracking import cues
from stc_track.tracking.kalman import STILL, KalmanState, moved_boxes, points_of
from stc_track.tracking.matching import Pairs
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.track_table import TrackTable, View, diagonals
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
    deviation = _deviation(state, settings)
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
    hopeful = (costs < 0).nonzero()[0]  # what follows only adds to it
    rows, columns, costs = rows[hopeful], columns[hopeful], costs[hopeful]
    if len(rows):
        costs += _shape_costs(table, state, detections, settings, rows, columns)
        kept = costs < 0
        rows, columns, costs = rows[kept], columns[kept], costs[kept]
    order = np.argsort(costs, kind="stable")
    return list(zip(costs[order].tolist(), rows[order].tolist(), columns[order].tolist(), strict=True))


def _lacking(scores: np.ndarray) -> np.ndarray:
    """What scores (N,) lack to 1, at most 1."""
    return np.minimum(np.maximum(1 - scores, 0), 1)


def _shape_costs(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """What pairs (P,) of a track's row and a detection's column cost for overlapping little and differing in size."""
    weights = settings.box_costs if detections.masks is None else settings.mask_costs
    costs = np.zeros(len(rows))
    if weights.size_weight:
        costs += weights.size_weight * np.abs(_log_areas(table, detections, rows, columns))
    if not weights.overlap_weight:
        return costs
    if detections.masks is None:
        expected = moved_boxes(table.boxes[rows], state.position[rows])
        deviation = _deviation(state, settings)[rows]
        buffers = np.minimum(weights.buffer + weights.buffer_growth * deviation, _LARGEST_BUFFER)
        overlap = buffered_iou(expected, detections.boxes[columns], buffers)
    else:
        overlap = _mask_overlap(table, state, detections, settings, rows, columns, 0)
        if weights.former_mask:
            former = _mask_overlap(table, state, detections, settings, rows, columns, 1)
            overlap += weights.former_mask * np.maximum(former - overlap, 0)
    return costs + weights.overlap_weight * (1 - overlap)


def _deviation(state: KalmanState, settings: TrackerSettings) -> np.ndarray:
    """Standard deviation (G,) of a detection from where its track is expected, share of the box's size."""
    return state.deviation(STILL if settings.motion.points == "none" else settings.motion)


def _log_areas(table: TrackTable, detections: Detections, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Logarithm (P,) of the factor between the areas of the pairs' detections and their tracks' last ones."""
    if detections.masks is None:
        sides, others = (boxes[:, 2:] - boxes[:, :2] for boxes in (table.boxes[rows], detections.boxes[columns]))
        return np.log(others.prod(1) / sides.prod(1))
    last = np.array([views[0].area if views else np.nan for views in table.views])
    return np.nan_to_num(np.log(iou.areas(detections.masks)[columns] / last[rows]))


def _mask_overlap(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
    age: int,
) -> np.ndarray:
    """IoU (P,) of the pairs' masks: the track's last one, or with `age` 1 the one before, moved as its points did."""
    masks = detections.masks
    if masks is None:
        raise ValueError("the detections have no masks")
    known = [views[age] if age < len(views) else None for views in table.views]
    own_boxes = np.array([np.full(4, np.nan) if view is None else view.box for view in known])
    # far from where every point is: NaN overlaps nothing
    points = state.position - points_of(own_boxes, settings.motion.points)
    offsets = points.reshape(len(points), points.shape[1] // 2, 2).mean(1)
    boxes, others = (own_boxes + np.tile(offsets, 2))[rows], detections.boxes[columns]
    touch = (np.maximum(boxes[:, :2], others[:, :2]) < np.minimum(boxes[:, 2:], others[:, 2:])).all(-1).nonzero()[0]
    moved = {row: _moved(known[row], offsets[row], detections.height) for row in set(rows[touch].tolist())}
    overlap = np.zeros(len(rows))
    overlap[touch] = iou.iou(
        [moved[row] for row in rows[touch].tolist()], [masks[column] for column in columns[touch].tolist()]
    )
    return overlap


def _moved(view: View | None, offset: np.ndarray, height: int) -> np.ndarray:
    if view is None:
        raise ValueError("a track without a mask touches nothing")
    return iou.shifted(view.mask(), offset, height)


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
