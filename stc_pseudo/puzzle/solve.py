"""Puzzle pieces: which pixels of a box belong to its object (III-B2 and Fig. 3; design, section 3).

Read literally, thresholded similarity cuts a box into sub-regions and pulls all of them to the object. Here the cuts
are soft and the pieces are assembled with the box as evidence: a random walk that starts in the box passes freely
inside a piece and hardly across a jump in depth, flow or colour, or across the line where a thing stands on the ground.
Walks that reach the outside of the box, or the ground, or another box's object, end in the background; so an occluder
or a wall that continues outside is left out however much of the box it fills.

Boxes of one frame share no pixel. Where two claim the same, the nearer has the better right, and of two things on the
ground the nearer is the one whose box ends lower.

Where colour and motion tell an object from its surroundings, a mask from their likelihoods is better than any walk;
where they do not, it fills the box. So both are made, and motion along their outlines decides (`candidates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import Placed, assign_pixels
from stc_pseudo.puzzle.candidates import choose, compare
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
        share: (h, w) float32, how much of each cell the object covers; None until all claims are settled.
    """

    window: Window
    grid: Grid
    taken: np.ndarray
    strength: np.ndarray
    share: np.ndarray | None = None

    def placed(self, size: tuple[int, int]) -> Placed:
        """Where the window lies in a frame of (height, width), and the object's share of its pixels."""
        return self.window.pixels(size), self.window.at_frame_size(self.share, size)


def solve(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> np.ndarray:
    """Assign the pixels of one frame to its boxes: `solve_frames` of a single frame.

    Returns:
        (H, W) uint16, 0 for none, k for the object of row k - 1 of `boxes`.
    """
    return solve_frames([maps], [boxes], settings)[0][0]


def solve_frames(
    maps: list[FrameMaps], boxes: list[FrameBoxes], settings: MaskSettings
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Find every box's object in some frames of one video.

    Args:
        maps: depth, flow and colour of each of n frames.
        boxes: of each frame.
        settings: which cues count, and how.

    Returns:
        (n, H, W) uint16, 0 for none, k for the object of row k - 1 of the frame's boxes; and of each frame a score of
        its boxes' masks, (N,) float32 in 0..1 (`puzzle.score`).
    """
    claims, found = [], []
    for of_frame, on_frame in zip(maps, boxes, strict=True):
        walked = walk_claims(of_frame, on_frame, settings)
        claims.append(walked)
        found.append([compare(of_frame, on_frame, k, claim, settings) for k, claim in enumerate(walked)])
    tracks = [on_frame.track_ids for on_frame in boxes]
    taken = iter(choose([c for on_frame in found for c in on_frame], np.concatenate(tracks), settings.likelihood))
    objects, scores = np.zeros((len(maps), *maps[0].size), np.uint16), []
    for t, (walked, compared) in enumerate(zip(claims, found, strict=True)):
        shares, of_boxes = [], np.zeros(len(walked), np.float32)
        for k, (claim, candidates) in enumerate(zip(walked, compared, strict=True)):
            likely = next(taken)
            of_boxes[k] = candidates.score(likely)
            shares.append(candidates.placed() if likely else claim.placed(maps[t].size))
        objects[t] = assign_pixels(shares, maps[t].size)
        scores.append(of_boxes)
    return objects, scores


def walk_claims(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> list[Claim]:
    """Random walks of all boxes of a frame, which know of each other."""
    if not len(boxes):
        return []
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
    for claim in claims:
        share = matte(np.where(claim.taken, 0, claim.strength), claim.grid.features)
        # A cell that the box cuts is mixed already: its share is what the mixture tells, at most what the box holds.
        claim.share = np.minimum(share, claim.window.inside)
    return claims


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
