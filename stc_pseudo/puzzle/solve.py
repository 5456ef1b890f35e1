"""Puzzle pieces: which pixels of a box belong to its object (III-B2 and Fig. 3; design, section 3).

Read literally, thresholded similarity cuts a box into sub-regions and assigns all of them to the object. Here the cuts
are soft: a random walk that starts in the box moves easily within an object and rarely across a jump in depth, flow or
colour, or across the line where an object meets the ground. Walks that reach the outside of the box, the ground, or
another box's object end in the background, so an occluder or a wall that continues outside the box is left out however
much of the box it fills.

Occlusion: boxes of one frame share no pixel. Of two boxes, the nearer needs less foreground probability to own a cell;
on one ground, the nearer is the one with the lower bottom edge.

Where colour and motion separate an object from its surroundings, a mask from their likelihoods is better than any walk;
where they do not, it fills the box. So both are computed, and motion along their outlines decides (`candidates`).

Last, the masks of the frames before and after vote (`votes`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import Placed, assign_pixels
from stc_pseudo.puzzle.candidates import Candidates, compare, observe, scores
from stc_pseudo.puzzle.colour_model import log_likelihood_ratio
from stc_pseudo.puzzle.features import Cues, FrameMaps, Grid
from stc_pseudo.puzzle.matting import matte
from stc_pseudo.puzzle.random_walk import walk
from stc_pseudo.puzzle.votes import Moment, vote
from stc_pseudo.puzzle.windows import Window, overlapping, window_around
from stc_pseudo.settings import MaskSettings
from stc_track.formats.store import CELL

OWNER_MARGIN = 0.2  # by which another box's probability must exceed a box's own to take a cell
CLEARLY_NEARER = 0.1  # of the lower box's height, that the lower edges lie apart
CONFIDENT_QUANTILE = 0.8  # of the walk's result in a box, that is scaled to 1
ROUNDS = 2  # the first finds the owner of each cell, the next respect it
GROUND_UNARY_WEIGHT = 1.0  # per cell of the store, beside 1 for an edge without any difference, as the next
BACKGROUND_WEIGHT = 10.0  # of what lies outside the box
PRIOR_FLOOR = 0.02


@dataclass(eq=False)
class Foreground:
    """The foreground probability of one box.

    Attributes:
        window: of the box.
        grid: the cues in it.
        occluded: (h, w) bool, cells that belong to another box's object.
        probability: (h, w) float32 in 0..1, above 0.5 where a cell more likely belongs to this object.
        share: (h, w) float32, coverage of each cell by the object; None until all boxes are solved.
    """

    window: Window
    grid: Grid
    occluded: np.ndarray
    probability: np.ndarray
    share: np.ndarray | None = None

    def placed(self, size: tuple[int, int]) -> Placed:
        """Where the window lies in a frame of (height, width), and the object's share of its pixels."""
        return self.window.pixels(size), self.window.at_frame_size(self.known_share(), size)

    def known_share(self) -> np.ndarray:
        """`share`, once all boxes are solved."""
        if self.share is None:
            raise ValueError("share must be worked out before it is asked for. Got None")
        return self.share


def solve(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> np.ndarray:
    """Assign the pixels of one frame to its boxes: `solve_frames` of a single frame.

    Returns:
        (H, W) uint16, 0 for none, k for the object of row k - 1 of `boxes`.
    """
    return solve_frames([maps], [boxes], settings)[0][0]


def solve_frames(
    maps: list[FrameMaps], boxes: list[FrameBoxes], settings: MaskSettings
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Find every box's object in some frames of one video that follow each other.

    Args:
        maps: depth, flow and colour of each of n frames.
        boxes: of each frame.
        settings: which cues count, and how.

    Returns:
        (n, H, W) uint16, 0 for none, k for the object of row k - 1 of the frame's boxes; and of each frame a score of
        its boxes' masks, (N,) float32 in 0..1 (`puzzle.score`).
    """
    foregrounds = [walk_boxes(of_frame, on_frame, settings) for of_frame, on_frame in zip(maps, boxes, strict=True)]
    candidates = [
        Candidates.of_walk(observe(of_frame, on_frame, k, settings.likelihood), foreground)
        for of_frame, on_frame, walked in zip(maps, boxes, foregrounds, strict=True)
        for k, foreground in enumerate(walked)
    ]
    tracks = np.concatenate([on_frame.track_ids for on_frame in boxes])
    chosen = compare(candidates, tracks, settings)
    rows, shares = iter(zip(candidates, chosen.tolist(), strict=True)), []
    for walked in foregrounds:
        pairs = zip(walked, rows)  # noqa: B905 - rows go on in the next frame
        shares.append(
            [c.placed(which) if which else foreground.placed(maps[0].size) for foreground, (c, which) in pairs]
        )
    if settings.votes and {"flow", "motion"} & set(settings.cues):
        frames = zip(shares, boxes, maps, strict=True)
        moments = [Moment(masks, on, of.channels_last, of.small, of.size) for masks, on, of in frames]
        shares = vote(moments, settings.votes)
    objects = np.stack([assign_pixels(of_frame, maps[0].size) for of_frame in shares])
    ends = np.cumsum([len(walked) for walked in foregrounds])[:-1]
    return objects, np.split(scores(candidates, chosen, tracks), ends)


def walk_boxes(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> list[Foreground]:
    """Foreground of all boxes of a frame by random walks, disjoint where boxes overlap."""
    if not len(boxes):
        return []
    cues, foregrounds = Cues(maps, np.concatenate([boxes.xyxy, boxes.ignore]), settings), []
    for box in boxes.xyxy:
        window = window_around(box, maps.size, settings.max_cells)
        grid = cues.at(window.cell, *window.place)
        foregrounds.append(Foreground(window, grid, np.zeros(window.prior.shape, bool), window.prior))
    others = [[foregrounds[k] for k in near] for near in overlapping([box.window for box in foregrounds])]
    for _ in range(ROUNDS):
        for foreground in foregrounds:
            foreground.probability = foreground_probability(foreground, settings)
        for foreground, near in zip(foregrounds, others, strict=True):
            foreground.occluded = occluded_by_others(foreground, near, settings.occlusion_margin)
    for foreground in foregrounds:
        share = matte(np.where(foreground.occluded, 0, foreground.probability), foreground.grid.features)
        # A cell that the box cuts is mixed already: its share is that of the matting, at most the box's.
        foreground.share = np.minimum(share, foreground.window.inside)
    return foregrounds


def foreground_probability(foreground: Foreground, settings: MaskSettings) -> np.ndarray:
    """Foreground probability of each cell of a box's window, given the other boxes and the previous round.

    Returns:
        (h, w) float32 in 0..1; above 0.5 where the cell more likely belongs to the object.
    """
    window, grid = foreground.window, foreground.grid
    outside = (window.inside < 0.05) | foreground.occluded
    target = window.prior
    if "colour" in settings.cues and settings.colour_model:
        ratio = log_likelihood_ratio(
            grid.lab,
            foreground.probability * window.inside * ~foreground.occluded,
            np.where(outside, 1, (1 - target) * (target < 0.5)),
        )
        odds = (target + PRIOR_FLOOR) / (1 + PRIOR_FLOOR - target) * np.exp(settings.colour_model * ratio)
        target = odds / (1 + odds)
    # The unary term of a cell counts by its area; edges between cells do not depend on their size.
    area = (window.cell / CELL) ** 2
    unary = np.where(
        outside, BACKGROUND_WEIGHT, area * np.where(grid.ground, GROUND_UNARY_WEIGHT, settings.unary_weight)
    )
    x = walk(grid.features, np.where(outside | grid.ground, 0, target), unary)
    free = x[~outside]
    # The level depends on how connected the object is to its surroundings: scale by the box's own best cells.
    level = np.quantile(free, CONFIDENT_QUANTILE) if free.size else 0
    return np.clip(x / max(level, 1e-6), 0, 1).astype(np.float32)


def occluded_by_others(foreground: Foreground, others: list[Foreground], occlusion_margin: float) -> np.ndarray:
    """Cells of a box's window, (h, w) bool, that belong to one of the boxes near it: occlusion by a nearer object.

    A clearly nearer box needs `occlusion_margin` less probability, a clearly farther one as much more.
    """
    taken = np.zeros(foreground.probability.shape, bool)
    for other in others:
        this, that = foreground.window.box, other.window.box
        nearer = np.clip((that[3] - this[3]) / (CLEARLY_NEARER * min(this[3] - this[1], that[3] - that[1])), -1, 1)
        competing = foreground.window.from_grid_of(other.window, other.probability)
        taken |= (competing > 0.5) & (competing > foreground.probability + OWNER_MARGIN - occlusion_margin * nearer)
    return taken
