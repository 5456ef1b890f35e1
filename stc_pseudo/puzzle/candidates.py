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
    flow = grid.sample(maps.channels_last, maps.detail)
    colour = cv2.cvtColor(grid.sample(maps.frame).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    motion = compress(relative_motion(flow, ring)) if ring.mean() >= LEAST_RING else np.zeros_like(flow)
    return Observation(grid, colour, motion, ring, (grid.inside > 0.5) & (grid.visible > 0.5))


@dataclass(eq=False)
class Candidates:
    """The masks of one box on its grid.

    Attributes:
        seen: what the frame shows of the box.
        masks: (side, side) float32 in 0..1 each: the random walk's, that of likelihoods of colour and motion, and that
            of motion's alone; None where one could not be made, or is not needed.
        contrast: of each along its outline (`score.edge_contrast`); 0 without a mask.
    """

    seen: Observation
    masks: list[np.ndarray | None]
    contrast: list[float]

    @classmethod
    def of_walk(cls, seen: Observation, foreground: Foreground) -> Candidates:
        """Those of a box that has its walk's mask alone."""
        window = foreground.window
        corner = (window.columns.start * window.cell, window.rows.start * window.cell)
        walked = seen.grid.sample(foreground.known_share(), window.cell, corner, outside=0.0)
        return cls(seen, [walked, None, None], [seen.contrast(walked), 0.0, 0.0])

    def has(self, chosen: int) -> bool:
        """Whether one of the masks was made."""
        return self.masks[chosen] is not None

    def mask(self, chosen: int) -> np.ndarray:
        """One of the masks; a ValueError if it was not made."""
        mask = self.masks[chosen]
        if mask is None:
            raise ValueError(f"candidate {chosen} was not made")
        return mask

    def agreement(self, chosen: int) -> float | None:
        """IoU of one of the masks with the one that it should agree with; None where that was not made.

        The walk's mask should agree with the second, the others with the walk's and the second.
        """
        other = self.masks[LIKELY if chosen in (WALK, MOVING) else WALK]
        return None if other is None else agreement(self.mask(chosen) > 0.5, other > 0.5)

    def score(self, chosen: int, agree: float) -> float:
        """Score of one of the masks that agrees so far with the other.

        A mask of motion alone is cut by what it would be judged by, so it has the contrast and at most the certainty of
        the second mask.
        """
        inside = self.seen.grid.inside > 0.5
        sure, contrast = certainty(self.mask(chosen), inside), self.contrast[chosen]
        if chosen == MOVING and self.has(LIKELY):
            sure, contrast = min(sure, certainty(self.mask(LIKELY), inside)), self.contrast[LIKELY]
        return score(contrast, sure, agree)

    def placed(self, chosen: int) -> Placed:
        """One of the masks at the frame's size."""
        return self.seen.grid.to_frame(self.mask(chosen))


def compare(walks: list[Candidates], tracks: np.ndarray, settings: MaskSettings) -> np.ndarray:
    """Make the other masks of boxes as far as they are needed, and choose.

    A track's choice is made by a few of its boxes, spread over the frames; the others get the chosen mask alone.

    Args:
        walks: of n boxes of some frames of one video, with their walk's masks; the others are added.
        tracks: (n,) id of each one's object.
        settings: of the masks.

    Returns:
        (n,) int, index into `Candidates.masks`.
    """
    likelihood = settings.likelihood
    if not walks or not {"flow", "motion"} & set(settings.cues):
        return np.zeros(len(walks), int)
    judged = spread(tracks, np.array([c.seen.has_ring for c in walks]), likelihood.judged)
    make(walks, judged, LIKELY, settings)
    # Motion alone is asked only where neither mask before follows what moves.
    make(walks, judged & _weak(walks, likelihood), MOVING, settings)
    chosen = choose(walks, tracks, likelihood)
    make(walks, chosen > WALK, LIKELY, settings)
    make(walks, (chosen == MOVING) & _weak(walks, likelihood), MOVING, settings)
    return np.array([next(m for m in (k, LIKELY, WALK) if c.has(m)) for c, k in zip(walks, chosen, strict=True)])


def _weak(candidates: list[Candidates], settings: LikelihoodSettings) -> np.ndarray:
    """Which boxes (n,) have a second mask, but neither that nor the first has contrast enough."""
    return np.array([c.has(LIKELY) and max(c.contrast[:MOVING]) < settings.choice_enough for c in candidates])


def make(candidates: list[Candidates], wanted: np.ndarray, which: int, settings: MaskSettings) -> None:
    """Add a mask to the boxes (n,) bool that have none of this kind yet and have surroundings."""
    boxes = [c for c, want in zip(candidates, wanted, strict=True) if want and not c.has(which) and c.seen.has_ring]
    if not boxes:
        return
    channels = 3 if which == LIKELY and "colour" in settings.cues else 0
    colour, motion, inside, ring = (
        np.stack(values)
        for values in (
            [c.seen.colour[..., :channels] for c in boxes],
            [c.seen.motion for c in boxes],
            [c.seen.inside for c in boxes],
            [c.seen.ring * (c.seen.grid.inside < 0.5) for c in boxes],
        )
    )
    for box, mask in zip(boxes, segment(colour, motion, inside, ring, settings.likelihood), strict=True):
        box.masks[which], box.contrast[which] = mask, box.seen.contrast(mask)


def spread(tracks: np.ndarray, able: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of each track's boxes that are `able`, evenly: (n,) bool; tracks and able (n,)."""
    chosen = np.zeros(len(tracks), bool)
    for track in np.unique(tracks):
        rows = np.flatnonzero((tracks == track) & able)
        chosen[rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))]] = True
    return chosen


def scores(candidates: list[Candidates], chosen: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Scores (n,) float32 in 0..1 of the masks `chosen` (n,); where no other was made, its track's agreement counts."""
    agree = np.array([c.agreement(k) for c, k in zip(candidates, chosen.tolist(), strict=True)], float)  # None is NaN
    for track in np.unique(tracks[np.isnan(agree)]):
        rows = tracks == track
        known = agree[rows & ~np.isnan(agree)]
        agree[rows & np.isnan(agree)] = known.mean() if len(known) else 1.0
    pairs = zip(candidates, chosen.tolist(), agree.tolist(), strict=True)
    return np.array([c.score(k, how_far) for c, k, how_far in pairs], np.float32)


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
    """Choose a mask for every track.

    The second mask is taken where it has `choice_margin` more contrast than the walk's, of which more than
    `choice_enough` does not count. The third is cut by the very motion that it is judged by: it must have
    `motion_margin` more than the one taken so far.

    Args:
        candidates: of n boxes, of some frames of one video.
        tracks: (n,) id of each one's object.
        settings: of the choice.

    Returns:
        (n,) int, index into `Candidates.masks`, the same for all boxes of a track; a box may lack that mask.
    """
    chosen = np.zeros(len(candidates), int)
    if not candidates:
        return chosen
    contrast = np.array([c.contrast for c in candidates])
    capped = np.minimum(contrast, settings.choice_enough)
    judged, moving = (np.array([c.has(which) for c in candidates]) for which in (LIKELY, MOVING))
    gain = _by_track(capped[:, LIKELY] - capped[:, WALK], judged, tracks, settings.choice_prior)
    chosen[gain > settings.choice_margin] = LIKELY
    gain = contrast[:, MOVING] - contrast[np.arange(len(chosen)), chosen]
    gain = _by_track(np.where(moving, gain, 0), judged, tracks, settings.choice_prior)
    chosen[gain > settings.motion_margin] = MOVING
    return chosen


def _by_track(gains: np.ndarray, judged: np.ndarray, tracks: np.ndarray, prior: float) -> np.ndarray:
    """Mean of the judged gains (n,) of each box's track, with `prior` boxes of the mean of all tracks beside it.

    A track counts by all of its boxes, judged or not; one of which none is judged gets minus infinity.
    """
    means, counts = np.full(len(gains), -np.inf), np.zeros(len(gains))
    for track in np.unique(tracks[judged]):
        rows = tracks == track
        means[rows], counts[rows] = gains[rows & judged].mean(), rows.sum()
    known = np.isfinite(means)
    if known.any():
        counts, known_means = counts[known], means[known]
        means[known] = (counts * known_means + prior * known_means.mean()) / (counts + prior)
    return means
