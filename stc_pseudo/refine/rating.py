"""The score of refined masks, made without a true one.

Five things tell how good a mask is: its outline lies on edges of colour; the network is certain; the first round's
mask of the box had a good score itself; the rounds, which erred apart, agree; and the outline is short for its area,
since an outline that is off by as much costs a thin shape more. Motion tells nothing here that holds for every video:
its outline is exact in some and beside the object in others. Nor do the frames beside, whose masks have voted on this
one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from scipy.special import logit

from stc_pseudo.puzzle.box_grid import BoxGrid
from stc_pseudo.puzzle.score import agreement, certainty, edge_contrast
from stc_pseudo.refine.crops import FrameData

SIDE, MARGIN = 48, 0.3  # cells a side of a box and its surroundings, and these as a share of the box's side
# Of the sum, beside 1 for the contrast of colour and for the log odds of the first round's score.
AGREEMENT_WEIGHT = 2.0
CERTAINTY_WEIGHT = 4.0
OUTLINE_WEIGHT = 0.3
MIDDLE = 2.5  # of the sum: a score of one half
FIRST_SCORE = (1e-3, 1 - 1e-3)  # that a first score counts as, at least and at most


@dataclass(frozen=True, eq=False)
class Look:
    """What a mask looks like in its box.

    Attributes:
        contrast: of colour along its outline (`puzzle.score.edge_contrast`).
        certainty: of the network (`puzzle.score.certainty`).
        agreement: with the first round's mask.
        outline: its length over the root of the area (`outline_length`).
        first_score: of the first round's mask, 0..1.
    """

    contrast: float
    certainty: float
    agreement: float
    outline: float
    first_score: float


def look_at(
    frame: FrameData, row: int, objects: np.ndarray, first: np.ndarray, share: np.ndarray, first_score: float
) -> Look:
    """Look at the mask of a box.

    Args:
        frame: of the box.
        row: of the box among the frame's.
        objects, first: (H, W) uint16, the masks that are kept and those of the first round, as a store has them.
        share: (h, w) float32, the network's probability at the pixels of the box.
        first_score: of the first round's mask, 0..1.
    """
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
    certain = certainty(share, np.ones(share.shape, bool))
    return Look(contrast, certain, agreement(mask, other), outline_length(mask), first_score)


def rate(looks: list[Look]) -> np.ndarray:
    """Scores of n masks, (n,) float32 in 0..1, higher is better."""
    total = [
        look.contrast
        + CERTAINTY_WEIGHT * look.certainty
        + AGREEMENT_WEIGHT * look.agreement
        - OUTLINE_WEIGHT * look.outline
        + float(logit(np.clip(look.first_score, *FIRST_SCORE)))
        for look in looks
    ]
    return (1 / (1 + np.exp(MIDDLE - np.array(total)))).astype(np.float32)


def columns_of(looks: list[Look]) -> dict[str, np.ndarray]:
    """The scores of n masks and their parts as columns of a store, (n,) float32 each."""
    parts = {
        f"box_{part.name}": np.array([getattr(look, part.name) for look in looks], np.float32) for part in fields(Look)
    }
    return {"box_score": rate(looks)} | parts


def outline_length(mask: np.ndarray) -> float:
    """Length of the outline of a mask (h, w) bool over the root of its area; 4 for a square, 0 for an empty mask."""
    steps = sum(np.count_nonzero(np.diff(np.pad(mask, 1), axis=axis)) for axis in (0, 1))
    return steps / np.sqrt(max(np.count_nonzero(mask), 1))
