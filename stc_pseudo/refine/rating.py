"""The score of refined masks, made without a true one.

Three things tell how good a mask is: its outline lies on edges of colour, the rounds, which erred apart, agree, and the
outline is short for its area, since an outline that is off by as much costs a thin shape more. Motion tells nothing
here that holds for every video: its outline is exact in some and beside the object in others. Nor do the frames beside,
whose masks have voted on this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from stc_pseudo.puzzle.box_grid import BoxGrid
from stc_pseudo.puzzle.score import agreement, edge_contrast
from stc_pseudo.refine.crops import FrameData

SIDE, MARGIN = 48, 0.3  # cells a side of a box and its surroundings, and these as a share of the box's side
# Of the sum, beside 1 for the contrast of colour. Chosen on six DAVIS sequences and KITTI 0000, where the ranks of the
# score correlate with IoU by 0.51 and 0.54; with twice the agreement with the frames beside added, 0.42 and 0.56.
AGREEMENT_WEIGHT = 2.0
OUTLINE_WEIGHT = 0.3
MIDDLE = -1.0  # of the sum: a score of one half


@dataclass(frozen=True, eq=False)
class Look:
    """What a mask looks like in its box.

    Attributes:
        mask: (SIDE, SIDE) bool.
        contrast: of colour along its outline (`puzzle.score.edge_contrast`).
        agreement: with the first round's mask.
    """

    mask: np.ndarray
    contrast: float
    agreement: float


def look_at(frame: FrameData, row: int, objects: np.ndarray, first: np.ndarray) -> Look:
    """Look at the mask of the box `row` of a frame; objects and first (H, W) as the store's."""
    box, size = frame.boxes.xyxy[row], frame.rgb.shape[:2]
    grid = BoxGrid(box, size, SIDE, MARGIN)
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    mask, other = (
        grid.sample((values[top:bottom, left:right] == row + 1).astype(np.float32), 1, (left, top), outside=0.0) > 0.5
        for values in (objects, first)
    )
    colour = cv2.cvtColor(grid.sample(frame.rgb).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    inside = (grid.inside > 0.5) & (grid.visible > 0.5)
    contrast = edge_contrast(colour, mask, inside)
    return Look(mask, contrast, agreement(mask, other))


def rate(looks: list[Look]) -> np.ndarray:
    """Scores of n masks, (n,) float32 in 0..1, higher is better."""
    total = [
        look.contrast + AGREEMENT_WEIGHT * look.agreement - OUTLINE_WEIGHT * outline_length(look.mask) for look in looks
    ]
    return (1 / (1 + np.exp(MIDDLE - np.array(total)))).astype(np.float32)


def outline_length(mask: np.ndarray) -> float:
    """Length of the outline of a mask (h, w) bool over the root of its area; 4 for a square, 0 for an empty mask."""
    steps = sum(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis)) for axis in (0, 1))
    return steps / np.sqrt(max(np.count_nonzero(mask), 1))
