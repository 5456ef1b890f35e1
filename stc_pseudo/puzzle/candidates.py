"""Two masks of every box, and the choice between them.

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
LEAST_RING = 0.05  # of the grid's cells that must be surroundings, or nothing can be learnt of them


@dataclass(frozen=True, eq=False)
class Candidates:
    """The masks of one box on one grid.

    Attributes:
        grid: of the box.
        walk: (side, side) float32 in 0..1, the random walk's.
        likely: the same from likelihoods; None where they could not be told.
        contrast: of both along their outlines (`score.edge_contrast`); the second is 0 where there is none.
    """

    grid: BoxGrid
    walk: np.ndarray
    likely: np.ndarray | None
    contrast: tuple[float, float]

    def gain(self, enough: float) -> float:
        """By how much the likelihood mask has more contrast, where more than `enough` does not count."""
        return min(self.contrast[1], enough) - min(self.contrast[0], enough)

    def score(self, likely: bool) -> float:
        """Score of one of both."""
        mask = self._likely() if likely else self.walk
        agree = 1.0 if self.likely is None else agreement(self.walk > 0.5, self.likely > 0.5)
        return score(self.contrast[int(likely)], certainty(mask, self.grid.inside > 0.5), agree)

    def placed(self) -> Placed:
        """The likelihood mask at the frame's size."""
        return self.grid.to_frame(self._likely())

    def _likely(self) -> np.ndarray:
        if self.likely is None:
            raise ValueError("likely must be a mask where it is chosen. Got None")
        return self.likely


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
    """Make the likelihood mask of a box, and compare it with the walk's.

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
        return Candidates(seen.grid, walked, None, (contrast, 0.0))
    colour = seen.colour if "colour" in settings.cues else seen.colour[..., :0]
    likely = segment(colour, seen.motion, seen.inside, seen.ring * (seen.grid.inside < 0.5), settings.likelihood)
    return Candidates(seen.grid, walked, likely, (contrast, seen.contrast(likely)))


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
    """Tell for which boxes the likelihood mask is taken.

    Args:
        candidates: of n boxes, of some frames of one video.
        tracks: (n,) id of each one's object.
        settings: `choice_margin`, `choice_enough` and `choice_prior`.

    Returns:
        (n,) bool, the same for all boxes of a track that have a likelihood mask.
    """
    possible = np.array([c.likely is not None for c in candidates], bool)
    taken = np.zeros(len(candidates), bool)
    if not possible.any():
        return taken
    gains = np.array([c.gain(settings.choice_enough) for c in candidates])
    overall = gains[possible].mean()
    for track in np.unique(tracks[possible]):
        own = possible & (tracks == track)
        mean = (gains[own].sum() + settings.choice_prior * overall) / (own.sum() + settings.choice_prior)
        taken[own] = mean > settings.choice_margin
    return taken
