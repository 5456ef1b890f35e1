"""Three masks of every box, and the choice between them.

The choice is a track's, not a box's: what one frame shows by chance, sixteen do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import Placed
from stc_pseudo.puzzle.box_grid import BoxGrid
from stc_pseudo.puzzle.features import FrameMaps
from stc_pseudo.puzzle.likelihood import segment
from stc_pseudo.puzzle.motion import compress, relative_motion
from stc_pseudo.puzzle.score import agreement, certainty, edge_contrast, score
from stc_pseudo.settings import LikelihoodSettings, MaskSettings

if TYPE_CHECKING:
    from stc_pseudo.puzzle.solve import Foreground

OTHER_BOXES = 0.9  # of a cell's weight as surroundings that another box takes away
WALK, LIKELY, MOVING = range(3)  # index of a candidate
LEAST_RING = 0.05  # of the grid's cells that must be surroundings, or nothing can be learnt of them


@dataclass(frozen=True, eq=False)
class Candidates:
    """The masks of one box on one grid.

    Attributes:
        grid: of the box.
        masks: (side, side) float32 in 0..1 each: the random walk's, that of likelihoods of colour and motion, and that
            of motion's alone; None where one could not be made, or is not needed.
        contrast: of each along its outline (`score.edge_contrast`).
    """

    grid: BoxGrid
    masks: tuple[np.ndarray | None, ...]
    contrast: tuple[float, ...]

    def mask(self, chosen: int) -> np.ndarray:
        """One of the masks; a ValueError if it was not made."""
        mask = self.masks[chosen]
        if mask is None:
            raise ValueError(f"candidate {chosen} was not made")
        return mask

    def score(self, chosen: int) -> float:
        """Score of one of the masks.

        It should agree with the walk's, and the walk's with the second. A mask of motion alone is cut by what it would
        be judged by, so it has the contrast and at most the certainty of the second mask, and should agree with it.
        """
        inside = self.grid.inside > 0.5
        mask = self.mask(chosen)
        sure, contrast = certainty(mask, inside), self.contrast[chosen]
        other = self.masks[LIKELY if chosen in (WALK, MOVING) else WALK]
        if chosen == MOVING and other is not None:
            sure, contrast = min(sure, certainty(other, inside)), self.contrast[LIKELY]
        return score(contrast, sure, 1.0 if other is None else agreement(np.greater(mask, 0.5), np.greater(other, 0.5)))

    def placed(self, chosen: int) -> Placed:
        """One of the masks at the frame's size."""
        return self.grid.to_frame(self.mask(chosen))


@dataclass(frozen=True, eq=False)
class Observation:
    """What a frame shows of a box, on its grid.

    Attributes:
        grid: of the box.
        colour: (side, side, 3) float32, CIELAB.
        motion: (side, side, 2) float32, relative to the surroundings in units of their noise, compressed; zero where
            the frame has no surroundings of the box.
        ring: (side, side) float32, weight of each cell as surroundings.
        inside: (side, side) bool, cells of the box.
    """

    grid: BoxGrid
    colour: np.ndarray
    motion: np.ndarray
    ring: np.ndarray
    inside: np.ndarray

    @property
    def has_ring(self) -> bool:
        """Whether there are surroundings enough to learn from."""
        return bool(self.ring.mean() >= LEAST_RING)

    def contrast(self, mask: np.ndarray) -> float:
        """Contrast of motion along the outline of a mask (side, side) float32, cut at one half."""
        return edge_contrast(self.motion, mask > 0.5, self.inside)


def observe(maps: FrameMaps, boxes: FrameBoxes, k: int, settings: LikelihoodSettings) -> Observation:
    """Resample what a frame shows of its box in row `k`."""
    grid = BoxGrid(boxes.xyxy[k], maps.size, settings.side, settings.margin)
    ring = (1 - grid.inside) * grid.visible
    others = [box for row, box in enumerate(boxes.xyxy) if row != k]
    for box in (*others, *boxes.ignore):
        ring = ring * (1 - OTHER_BOXES * grid.coverage(box))
    flow = grid.sample(np.ascontiguousarray(maps.flow.transpose(1, 2, 0)), maps.detail)
    colour = cv2.cvtColor(grid.sample(maps.frame).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    motion = compress(relative_motion(flow, ring)) if ring.mean() >= LEAST_RING else np.zeros_like(flow)
    return Observation(grid, colour, motion, ring, (grid.inside > 0.5) & (grid.visible > 0.5))


def compare(maps: FrameMaps, boxes: FrameBoxes, k: int, foreground: Foreground, settings: MaskSettings) -> Candidates:
    """Make the other masks of a box, and compare them with the walk's.

    Args:
        maps: of the frame.
        boxes: of the frame.
        k: row of the box.
        foreground: its walk.
        settings: of both.
    """
    seen, window = observe(maps, boxes, k, settings.likelihood), foreground.window
    corner = (window.columns.start * window.cell, window.rows.start * window.cell)
    walked = seen.grid.sample(foreground.known_share(), window.cell, corner, outside=0.0)
    contrast = seen.contrast(walked)
    if not seen.has_ring or not {"flow", "motion"} & set(settings.cues):
        return Candidates(seen.grid, (walked, None, None), (contrast, 0.0, 0.0))
    colours = [seen.colour, seen.colour[..., :0]] if "colour" in settings.cues else [seen.colour[..., :0]]
    masks: list[np.ndarray | None] = [walked]
    contrasts = [contrast]
    own, ring = settings.likelihood, seen.ring * (seen.grid.inside < 0.5)
    for colour in colours:
        # Motion alone is asked only where neither mask before follows what moves.
        if len(masks) > LIKELY and max(contrasts) >= own.choice_enough:
            break
        mask = segment(colour, seen.motion, seen.inside, ring, own)
        masks.append(mask)
        contrasts.append(seen.contrast(mask))
    missing = MOVING + 1 - len(masks)
    return Candidates(seen.grid, (*masks, *[None] * missing), (*contrasts, *[0.0] * missing))


def rate(
    maps: FrameMaps, boxes: FrameBoxes, k: int, mask: Placed, other: Placed, settings: LikelihoodSettings
) -> float:
    """Score of any mask of a box, as the store's `box_score` of its own masks.

    Args:
        maps: of the frame.
        boxes: of the frame.
        k: row of the box.
        mask: where it lies in the frame, and (h, w) float32 in 0..1.
        other: another mask of the box, found in another way, that it should agree with.
        settings: of the grid.
    """
    seen = observe(maps, boxes, k, settings)
    one, two = (
        seen.grid.sample(np.ascontiguousarray(share, np.float32), 1, (place[1].start, place[0].start), outside=0.0)
        for place, share in (mask, other)
    )
    return score(seen.contrast(one), certainty(one, seen.grid.inside > 0.5), agreement(one > 0.5, two > 0.5))


def choose(candidates: list[Candidates], tracks: np.ndarray, settings: LikelihoodSettings) -> np.ndarray:
    """Choose a mask for every box.

    The second mask is taken where it has `choice_margin` more contrast than the walk's, of which more than
    `choice_enough` does not count. The third is cut by the very motion that it is judged by: it must have
    `motion_margin` more than the one taken so far.

    Args:
        candidates: of n boxes, of some frames of one video.
        tracks: (n,) id of each one's object.
        settings: of the choice.

    Returns:
        (n,) int, index into `Candidates.masks`; the same for all boxes of a track that have such a mask.
    """
    chosen = np.zeros(len(candidates), int)
    if not candidates:
        return chosen
    contrast = np.array([c.contrast for c in candidates])
    capped = np.minimum(contrast, settings.choice_enough)
    has = np.array([[mask is not None for mask in c.masks] for c in candidates])
    gain = _by_track(capped[:, LIKELY] - capped[:, WALK], has[:, LIKELY], tracks, settings.choice_prior)
    chosen[has[:, LIKELY] & (gain > settings.choice_margin)] = LIKELY
    gain = contrast[:, MOVING] - contrast[np.arange(len(chosen)), chosen]
    gain = _by_track(np.where(has[:, MOVING], gain, 0), has[:, LIKELY], tracks, settings.choice_prior)
    chosen[has[:, MOVING] & (gain > settings.motion_margin)] = MOVING
    return chosen


def _by_track(gains: np.ndarray, counted: np.ndarray, tracks: np.ndarray, prior: float) -> np.ndarray:
    """Mean of each track's gains (n,) over the boxes that count, with `prior` boxes of the mean of all beside them."""
    means = np.full(len(gains), -np.inf)
    for track in np.unique(tracks[counted]):
        own = counted & (tracks == track)
        means[own] = (gains[own].sum() + prior * gains[counted].mean()) / (own.sum() + prior)
    return means
