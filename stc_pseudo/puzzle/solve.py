"""Puzzle pieces: which pixels of a box belong to its object (III-B2 and Fig. 3; design, section 3).

Read literally, thresholded similarity cuts a box into sub-regions and pulls all of them to the object. Here the cuts
are soft and the pieces are assembled with the box as evidence: a random walk that starts in the box passes freely
inside a piece and hardly across a jump in depth, flow or colour, or across the line where a thing stands on the ground.
Walks that reach the outside of the box, or the ground, or another box's object, end in the background; so an occluder
or a wall that continues outside is left out however much of the box it fills.

Boxes of one frame share no pixel. Where two claim the same, the nearer has the better right, and of two things on the
ground the nearer is the one whose box ends lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.colour_model import log_likelihood_ratio
from stc_pseudo.puzzle.features import CueGrids, FrameMaps, Grid
from stc_pseudo.puzzle.matting import matte
from stc_pseudo.puzzle.random_walk import walk
from stc_pseudo.puzzle.windows import Window, window_around
from stc_pseudo.settings import MaskSettings
from stc_track.formats.store import CELL

CLAIM_MARGIN = 0.2  # by which another box must claim a cell more strongly to take it
SURELY_NEARER = 0.1  # of the lower box's height, that the lower edges lie apart
SURE_QUANTILE = 0.8  # of the claims in a box: what counts as certain
ROUNDS = 2  # the first finds who claims which cell, the next respect it
GROUND_UNARY_WEIGHT = 1.0  # in units of a free passage between the store's cells
BACKGROUND_PULL = 10.0  # in units of a free passage between cells
PRIOR_FLOOR = 0.02


@dataclass(eq=False)
class Claim:
    """What one box claims.

    Attributes:
        window: of the box.
        grid: the cues in it.
        taken: (h, w) bool, cells that another box's object holds.
        strength: (h, w) float32 in 0..1, above one half where a cell is rather this object's.
    """

    window: Window
    grid: Grid
    taken: np.ndarray
    strength: np.ndarray


def solve(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> np.ndarray:
    """Assemble every box's object from the cells of one frame.

    Args:
        maps: depth, flow and colour of the frame.
        boxes: its N boxes.
        settings: which cues count.

    Returns:
        (H, W) uint16, 0 for none, k for the object of row k - 1 of `boxes`.
    """
    objects, best = np.zeros(maps.size, np.uint16), np.full(maps.size, 0.5, np.float32)
    if not len(boxes):
        return objects
    grids, claims = CueGrids(maps, np.concatenate([boxes.xyxy, boxes.ignore]), settings), []
    for box in boxes.xyxy:
        window = window_around(box, maps.size, settings.max_cells)
        shape = window.prior.shape
        claims.append(Claim(window, grids.at(window.cell)[window.place], np.zeros(shape, bool), window.prior))
    for _ in range(ROUNDS):
        for claim in claims:
            claim.strength = strength(claim, settings)
        for claim in claims:
            claim.taken = occluded_by_others(claim, claims, settings.occlusion_margin)
    for k, claim in enumerate(claims, 1):
        share = matte(np.where(claim.taken, 0, claim.strength), claim.grid.features)
        # A cell that the box cuts is mixed already: its share is what the mixture tells, at most what the box holds.
        share = claim.window.at_frame_size(np.minimum(share, claim.window.inside), maps.size)
        place = claim.window.pixels(maps.size)
        wins = share > best[place]
        best[place][wins] = share[wins]
        objects[place][wins] = k
    return objects


def strength(claim: Claim, settings: MaskSettings) -> np.ndarray:
    """How strongly a box claims each cell of its window, given what others hold and what it claimed before.

    Returns:
        (h, w) float32 in 0..1; above one half where the cell is rather the object's.
    """
    window, grid = claim.window, claim.grid
    outside = (window.inside < 0.05) | claim.taken
    target = window.prior
    if "colour" in settings.cues and settings.colour_model:
        ratio = log_likelihood_ratio(
            grid.lab, claim.strength * window.inside * ~claim.taken, np.where(outside, 1, (1 - target) * (target < 0.5))
        )
        odds = (target + PRIOR_FLOOR) / (1 + PRIOR_FLOOR - target) * np.exp(settings.colour_model * ratio)
        target = odds / (1 + odds)
    # What a cell is believed to be on its own counts by its area; passages between cells do not depend on their size.
    area = (window.cell / CELL) ** 2
    pull = np.where(outside, BACKGROUND_PULL, area * np.where(grid.ground, GROUND_UNARY_WEIGHT, settings.unary_weight))
    x = walk(grid.features, np.where(outside | grid.ground, 0, target), pull)
    free = x[~outside]
    # The level of certainty depends on how open the object is to its surroundings: measure it against its own best.
    level = np.quantile(free, SURE_QUANTILE) if free.size else 0
    return np.clip(x / max(level, 1e-6), 0, 1).astype(np.float32)


def occluded_by_others(claim: Claim, claims: list[Claim], occlusion_margin: float) -> np.ndarray:
    """Cells of a claim's window, (h, w) bool, that another claim takes: above one half, and by better right.

    A surely nearer box needs `occlusion_margin` less probability, a surely farther one as much more.
    """
    taken = np.zeros(claim.strength.shape, bool)
    for other in claims:
        if other is claim or not claim.window.overlaps(other.window):
            continue
        own, its = claim.window.box, other.window.box
        nearer = np.clip((its[3] - own[3]) / (SURELY_NEARER * min(own[3] - own[1], its[3] - its[1])), -1, 1)
        strong = claim.window.from_grid_of(other.window, other.strength)
        taken |= (strong > 0.5) & (strong > claim.strength + CLAIM_MARGIN - occlusion_margin * nearer)
    return taken
