"""Puzzle pieces: which cells of a box belong to its object (III-B2 and Fig. 3; design, section 3).

Read literally, thresholded similarity cuts a box into sub-regions and pulls all of them to the object. Here the cuts
are soft and the pieces are assembled with the box as evidence: a random walk that starts in the box passes freely
inside a piece and hardly across a jump in depth, flow or colour, or across the line where a thing stands on the ground.
Walks that reach the outside of the box, or the ground, or another box's object, end in the background; so an occluder
or a wall that continues outside is left out however much of the box it fills. Boxes of one frame share no cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.ground import height_above_ground
from stc_pseudo.matting import matte
from stc_pseudo.random_walk import walk
from stc_pseudo.settings import MaskSettings
from stc_pseudo.store import CELL

MARGIN = 0.2  # of the box's side, how much of its surroundings a walk may use
MIN_MARGIN = 3  # cells
CLAIM_MARGIN = 0.2  # by which another box must claim a cell more strongly to take it
SURE_QUANTILE = 0.8  # of the claims in a box: what counts as certain
ROUNDS = 2  # the first finds who claims which cell, the next respect it
GROUND_PULL = 1.0  # in units of a free passage between cells, as the next
BACKGROUND_PULL = 10.0
GROUND_CUE_RANGE = (-0.05, 0.15)  # heights of the camera; above, height says nothing more
GROUND_TOLERANCE = 0.02  # heights of the camera


@dataclass(frozen=True, eq=False)
class FrameMaps:
    """What is known of one frame, at the store's resolution, without holes.

    Attributes:
        inverse_depth: (h, w) float32, any scale.
        flow: (2, h, w) float32, pixels of the original frame.
        colour: (3, h, w) float32, RGB in 0..1.
    """

    inverse_depth: np.ndarray
    flow: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True, eq=False)
class Window:
    """A box and its surroundings, in cells.

    Attributes:
        rows, columns: where the window lies in the map.
        inside: (h, w) float32, share of each cell that lies in the box.
        prior: (h, w) float32 in 0..1, belief that a cell is the object from its place in the box alone.
    """

    rows: slice
    columns: slice
    inside: np.ndarray
    prior: np.ndarray

    @property
    def place(self) -> tuple[slice, slice]:
        """Index of the window in a map."""
        return self.rows, self.columns


def solve(maps: FrameMaps, boxes: FrameBoxes, settings: MaskSettings) -> tuple[np.ndarray, np.ndarray]:
    """Assemble every box's object from the cells of one frame.

    Args:
        maps: depth, flow and colour of the frame.
        boxes: its N boxes.
        settings: which cues count.

    Returns:
        instances: (h, w) uint16, 0 for none, k for the object of row k - 1 of `boxes`.
        coverage: (h, w) uint8, share of the cell that belongs to that object, times 255.
    """
    shape = maps.inverse_depth.shape
    features, ground = cue_features(maps, settings)
    windows = [window_around(box / CELL, shape) for box in boxes.xyxy]
    claims = [np.zeros_like(window.prior) for window in windows]
    taken = [np.zeros(window.prior.shape, bool) for window in windows]
    for _ in range(ROUNDS):
        claims = [claim(window, features, ground, cells, settings.prior_pull)
                  for window, cells in zip(windows, taken, strict=True)]
        strongest = np.zeros(shape, np.float32)
        for window, x in zip(windows, claims, strict=True):
            strongest[window.place] = np.maximum(strongest[window.place], x)
        # A cell is taken from a box where another's claim is above one half, and stronger.
        taken = [(strongest[window.place] > x + CLAIM_MARGIN) & (strongest[window.place] > 0.5)
                 for window, x in zip(windows, claims, strict=True)]
    instances, best = np.zeros(shape, np.uint16), np.zeros(shape, np.float32)
    for k, (window, x, cells) in enumerate(zip(windows, claims, taken, strict=True), 1):
        # A cell that the box cuts is mixed already: its share is what the mixture tells, at most what the box holds.
        share = np.minimum(matte(np.where(cells, 0, x), features[:, *window.place]), window.inside)
        wins = share > best[window.place]
        best[window.place][wins] = share[wins]
        instances[window.place][wins] = k
    coverage = (best * 255).round().astype(np.uint8)
    return np.where(coverage > 0, instances, 0).astype(np.uint16), coverage


def cue_features(maps: FrameMaps, settings: MaskSettings) -> tuple[np.ndarray, np.ndarray]:
    """Scale the chosen cues so that 1 is a standard deviation within an object.

    Args:
        maps: of one frame.
        settings: cues and their scales.

    Returns:
        features: (C, h, w) float32.
        ground: (h, w) bool, cells that are certainly ground.
    """
    features, ground = [np.zeros((0, *maps.inverse_depth.shape))], np.zeros(maps.inverse_depth.shape, bool)
    if "depth" in settings.cues:
        # Logarithm: a step counts by its ratio, near as far; the floor is a 60th of the median's nearness.
        floor = max(float(np.median(maps.inverse_depth)) / 60, 1e-6)
        features.append(np.log(np.maximum(maps.inverse_depth, floor))[None] / settings.depth_deviation)
        height = height_above_ground(maps.inverse_depth)
        if height is not None:
            features.append(np.clip(height, *GROUND_CUE_RANGE)[None] / settings.height_deviation)
            ground = np.abs(height) < GROUND_TOLERANCE
    if "flow" in settings.cues:
        features.append(maps.flow / settings.flow_deviation)
    if "colour" in settings.cues:
        lab = cv2.cvtColor(np.ascontiguousarray(maps.colour.transpose(1, 2, 0)), cv2.COLOR_RGB2LAB)
        features.append(lab.transpose(2, 0, 1) / settings.colour_deviation)
    return np.concatenate(features).astype(np.float32), ground


def window_around(box: np.ndarray, shape: tuple[int, int]) -> Window:
    """Window of a box given in cells, x1 y1 x2 y2, cut at the map's border.

    The prior falls from the box's centre to its corners as `sigmoid(3 (1 - |2u|^2.2 - |2v|^2.2))`, u and v in
    -0.5..0.5: one half on a curve between the inscribed ellipse and the box.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    margin_x, margin_y = max(MIN_MARGIN, MARGIN * (x2 - x1)), max(MIN_MARGIN, MARGIN * (y2 - y1))
    top, bottom = max(0, int(y1 - margin_y)), min(shape[0], int(np.ceil(y2 + margin_y)))
    left, right = max(0, int(x1 - margin_x)), min(shape[1], int(np.ceil(x2 + margin_x)))
    y, x = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
    inside = (np.clip(np.minimum(x + 1, x2) - np.maximum(x, x1), 0, 1)
              * np.clip(np.minimum(y + 1, y2) - np.maximum(y, y1), 0, 1))
    u, v = (x + 0.5 - (x1 + x2) / 2) / (x2 - x1), (y + 0.5 - (y1 + y2) / 2) / (y2 - y1)
    prior = 1 / (1 + np.exp(np.minimum(3 * (np.abs(2 * u) ** 2.2 + np.abs(2 * v) ** 2.2 - 1), 50)))
    return Window(slice(top, bottom), slice(left, right), inside.astype(np.float32), prior.astype(np.float32))


def claim(window: Window, features: np.ndarray, ground: np.ndarray, taken: np.ndarray,
          prior_pull: float) -> np.ndarray:
    """How strongly a box claims each cell of its window.

    Args:
        window: of the box.
        features: (C, h, w) of the whole map.
        ground: (h, w) bool of the whole map.
        taken: cells of the window that another box's object holds.
        prior_pull: as in `MaskSettings`.

    Returns:
        float32 in 0..1, of the window's shape; above one half where the cell is rather the object's.
    """
    outside = (window.inside < 0.05) | taken
    on_ground = ground[window.place]
    pull = np.where(outside, BACKGROUND_PULL, np.where(on_ground, GROUND_PULL, prior_pull))
    target = np.where(outside | on_ground, 0, window.prior)
    x = walk(features[:, *window.place], target, pull)
    free = x[~outside]
    # The level of certainty depends on how open the object is to its surroundings: measure it against its own best.
    level = np.quantile(free, SURE_QUANTILE) if free.size else 0
    return np.clip(x / max(level, 1e-6), 0, 1).astype(np.float32)
