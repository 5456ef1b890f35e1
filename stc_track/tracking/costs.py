"""Which pairs of a track and a detection are possible, and what each costs (Eq. 9)."""

from __future__ import annotations

import numpy as np

from stc_track.masks import iou
from stc_track.tracking import cues
from stc_track.tracking.kalman import KalmanState, moved_boxes, points_of
from stc_track.tracking.matching import Pairs
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.track_table import TrackTable
from stc_track.tracking.types import Detections

_FAST = 0.3  # diagonals a frame, from where on more speed excuses no more


def pairs(table: TrackTable, state: KalmanState, detections: Detections, settings: TrackerSettings) -> Pairs:
    """Pairs of a predicted track and a detection of its class, by increasing cost, which is below 0.

    The cost is Eq. 9 and, beside it, what else makes the pair unlikely: masks that do not meet, frames for which the
    track was missing, a low score, a track of little evidence; less the limit from which on it is no pair. Weights and
    limit: `TrackerSettings`.
    """
    boxes = detections.boxes
    points = points_of(boxes, settings.motion)
    sizes = (table.diagonals[:, None] + np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])) / 2
    # one point within the gate, on each axis: most pairs are far apart, and done with
    reach = settings.gate * (points.shape[1] / 2) ** 0.5 * sizes
    rows, columns = np.nonzero(
        (np.abs(points[:, 0] - state.position[:, :1]) <= reach)
        & (np.abs(points[:, 1] - state.position[:, 1:2]) <= reach)
        & (table.class_ids[:, None] == detections.class_ids)
        & (detections.scores >= settings.low_score)
    )
    # deviations of the points as shares of the boxes: pairs x points x (x, y)
    off = np.abs(points[columns] - state.position[rows]) / sizes[rows, columns][:, None]
    off = off.reshape(len(rows), off.shape[1] // 2, 2)
    near = np.flatnonzero(np.einsum("npc,npc->n", off, off) <= settings.gate**2 * off.shape[1])
    rows, columns = rows[near], columns[near]
    if not len(rows):
        return []
    position = off[near].max(1) @ (1, settings.vertical) / state.deviation(settings.filter)[rows]
    costs = settings.alpha[0] * position - settings.limit
    speed = np.hypot(*state.velocity.reshape(len(table), -1, 2).mean(1).T) / table.diagonals
    of_tracks = settings.gap_weight * (table.missing - 1) - settings.speed_weight * np.minimum(speed, _FAST)
    of_tracks += settings.young_weight * (1 - table.evidence).clip(0, 1)
    costs += of_tracks[rows]
    costs += (settings.score_weight * (1 - detections.scores).clip(0, 1))[columns]
    if detections.cues is not None and settings.cue_terms != "none":
        pair_cues = table.cues[rows], detections.cues[columns]
        depth, flow = cues.discrepancy(*pair_cues, sizes[rows, columns], settings.cue_terms)
        costs += settings.alpha[1] * depth + settings.alpha[2] * flow
    hopeful = np.flatnonzero(costs < 0)  # masks only add to it
    rows, columns, costs = rows[hopeful], columns[hopeful], costs[hopeful]
    if settings.mask_weight and len(rows):
        costs += settings.mask_weight * (1 - _overlap(table, state, detections, settings, rows, columns))
        kept = costs < 0
        rows, columns, costs = rows[kept], columns[kept], costs[kept]
    order = np.argsort(costs, kind="stable")
    return list(zip(costs[order].tolist(), rows[order].tolist(), columns[order].tolist(), strict=True))


def _overlap(
    table: TrackTable,
    state: KalmanState,
    detections: Detections,
    settings: TrackerSettings,
    rows: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """IoU (P,) of the pairs' masks, the track's last one moved by as much as its points; of boxes without masks."""
    others = detections.boxes[columns]
    boxes = table.boxes[rows]
    if detections.masks is None:
        return _box_iou(moved_boxes(boxes, state.position[rows]), others)
    points = state.position[rows] - points_of(boxes, settings.motion)
    offsets = points.reshape(len(points), points.shape[1] // 2, 2).mean(1)
    low, high = np.maximum(boxes[:, :2] + offsets, others[:, :2]), np.minimum(boxes[:, 2:] + offsets, others[:, 2:])
    touch = np.flatnonzero((low < high).all(-1))
    found = np.zeros(len(rows))
    found[touch] = iou.iou(
        [iou.shifted(table.mask(rows[each]), offsets[each], detections.height) for each in touch],
        [detections.masks[columns[each]] for each in touch],
    )
    return found


def _box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU (P,) of each of the boxes (P, 4) and its own of the others."""
    shared = (np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])).clip(0).prod(1)
    areas = ((each[:, 2:] - each[:, :2]).clip(0).prod(1) for each in (boxes, others))
    return shared / np.maximum(sum(areas) - shared, 1e-12)
