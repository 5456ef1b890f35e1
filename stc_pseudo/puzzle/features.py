"""Features of the affinities: depth, height above the ground, flow, motion and colour, in windows of any cell size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from stc_pseudo.datasets.base import Calibration
from stc_pseudo.geometry.ego_motion import camera_flow
from stc_pseudo.geometry.ground_plane import ground_plane, height_above
from stc_pseudo.puzzle.windows import grid_shape
from stc_pseudo.settings import MaskSettings
from stc_track.formats.store import CELL

GROUND_CUE_RANGE = (-0.05, 0.15)  # heights of the camera; above, height says nothing more
GROUND_TOLERANCE = 0.02  # heights of the camera
USUAL_FOCAL = 0.6  # of the frame's width, for a camera that nothing is known of


@dataclass(frozen=True, eq=False)
class FrameMaps:
    """Colour, depth, flow and camera of one frame.

    Attributes:
        frame: (H, W, 3) uint8 RGB.
        inverse_depth: (H // detail, W // detail) float32, any scale, without holes.
        flow: (2, H // detail, W // detail) float32, pixels of the frame, without holes.
        detail: pixels a side of a cell of both.
        camera: None where it is not known; a usual one is taken then.
    """

    frame: np.ndarray
    inverse_depth: np.ndarray
    flow: np.ndarray
    detail: int = CELL
    camera: Calibration | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        return self.frame.shape[:2]

    @cached_property
    def channels_last(self) -> np.ndarray:
        """`flow` as OpenCV takes it, (H // detail, W // detail, 2) float32."""
        return np.ascontiguousarray(self.flow.transpose(1, 2, 0))

    @cached_property
    def small(self) -> np.ndarray:
        """`frame` averaged over the store's cells, (H // 4, W // 4, 3) uint8."""
        return average_cells(self.frame)


@dataclass(frozen=True, eq=False)
class Grid:
    """The cues in a window of a frame.

    Attributes:
        features: (C, h, w) float32, scaled so that 1 is a standard deviation within an object.
        ground: (h, w) bool, cells that are certainly ground.
        lab: (h, w, 3) float32, CIELAB.
    """

    features: np.ndarray
    ground: np.ndarray
    lab: np.ndarray


class Cues:
    """The cues of one frame, made for windows of it.

    Args:
        maps: of the frame.
        boxes: (N, 4) x1 y1 x2 y2, pixels: what is in them may move.
        settings: which cues count, and their scales.
    """

    def __init__(self, maps: FrameMaps, boxes: np.ndarray, settings: MaskSettings) -> None:
        self.maps, self.settings = maps, settings
        self.plane = None  # of the ground, on the store's grid
        if "depth" in settings.cues:
            self.plane = ground_plane(resample(maps.inverse_depth, maps.detail, CELL, maps.size))
            # A step in depth counts by its ratio, near as far; the floor is a 60th of the median's nearness.
            self.floor = max(float(np.median(maps.inverse_depth)) / 60, 1e-6)
        self.motion = relative_motion(maps, boxes) if "motion" in settings.cues else None

    def at(self, cell: int, rows: slice, columns: slice) -> Grid:
        """The cells in some rows and columns of the frame's grid whose cells are `cell` pixels a side."""
        maps, settings, window = self.maps, self.settings, (rows, columns)
        lab = cv2.cvtColor(resample(maps.frame, 1, cell, maps.size, window).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        features: list[np.ndarray] = [np.zeros((0, *lab.shape[:2]), np.float32)]
        ground = np.zeros(lab.shape[:2], bool)
        if "depth" in settings.cues:
            inverse_depth = resample(maps.inverse_depth, maps.detail, cell, maps.size, window)
            features.append(np.log(np.maximum(inverse_depth, self.floor))[None] / settings.depth_deviation)
            if self.plane is not None:
                height = height_above(on_cells(self.plane, cell, rows.start, columns.start), inverse_depth)
                features.append(np.clip(height, *GROUND_CUE_RANGE)[None] / settings.height_deviation)
                ground = np.abs(height) < GROUND_TOLERANCE
        for flow in (maps.channels_last if "flow" in settings.cues else None, self.motion):
            if flow is not None:
                flow = resample(flow, maps.detail, cell, maps.size, window)
                features.append(flow.transpose(2, 0, 1) / settings.flow_deviation)
        if "colour" in settings.cues:
            features.append(lab.transpose(2, 0, 1) / settings.colour_deviation)
        return Grid(np.concatenate(features).astype(np.float32), ground, lab)


def on_cells(plane: np.ndarray, cell: int, row: int, column: int) -> np.ndarray:
    """A plane on the store's grid, as one on a grid of other cells whose first is at (row, column) of the frame's."""
    ratio = cell / CELL
    a, b, c = plane  # at the centres of the store's cells
    return np.array([a * ratio, b * ratio, c + (a + b) * (ratio - 1) / 2 + (a * row + b * column) * ratio])


def relative_motion(maps: FrameMaps, boxes: np.ndarray) -> np.ndarray | None:
    """Flow less the camera's, (h, w, 2) on the maps' cells; None where the camera's motion cannot be told.

    Args:
        maps: of the frame.
        boxes: (N, 4) x1 y1 x2 y2, pixels.
    """
    static = np.ones(maps.inverse_depth.shape, bool)
    for x1, y1, x2, y2 in boxes / maps.detail:
        static[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = False
    height, width = maps.size
    camera = maps.camera or Calibration(USUAL_FOCAL * width, USUAL_FOCAL * width, width / 2, height / 2)
    ego = camera_flow(maps.inverse_depth, maps.flow, static, camera, maps.detail)
    return None if ego is None else np.ascontiguousarray((maps.flow - ego).transpose(1, 2, 0))


def average_cells(frame: np.ndarray) -> np.ndarray:
    """Average a frame (H, W, 3) uint8 over the store's cells: (H // 4, W // 4, 3) uint8."""
    height, width = (side // CELL for side in frame.shape[:2])
    return cv2.resize(frame[: height * CELL, : width * CELL], (width, height), interpolation=cv2.INTER_AREA)


def resample(
    values: np.ndarray, have: int, want: int, size: tuple[int, int], window: tuple[slice, slice] | None = None
) -> np.ndarray:
    """Bring a map from cells of `have` pixels a side to cells of `want`: averages, or bilinear between.

    Args:
        values: (h, w[, C]), covers the frame but for up to `have - 1` rows and columns at its lower and right border.
        have, want: pixels, each a multiple of the other or a part of it.
        size: (height, width) of the frame.
        window: rows and columns of `grid_shape(size, want)` that are wanted; None for all.

    Returns:
        the window's cells (h, w[, C]); where `values` does not reach, the border's go on.
    """
    rows, columns = window or (slice(0, side) for side in grid_shape(size, want))
    cut, before = [], []
    for part, length in zip((rows, columns), values.shape[:2], strict=True):
        # A cell more on each side: bilinear interpolation looks there.
        low = min(max(part.start * want // have - 1, 0) if want < have else part.start * want // have, length - 1)
        high = min(-(-part.stop * want // have) + 1, length) if want < have else part.stop * want // have
        cut.append(slice(low, high))
        before.append(part.start - low * have // want if want < have else 0)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    values = values[*cut]
    if want > have:
        step = want // have
        below, right = height * step - values.shape[0], width * step - values.shape[1]
        values = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    if want < have:
        values = cv2.resize(values, None, fx=have / want, fy=have / want, interpolation=cv2.INTER_LINEAR)
        values = values[before[0] :, before[1] :]
    below, right = max(height - values.shape[0], 0), max(width - values.shape[1], 0)
    return cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REPLICATE)[:height, :width]
