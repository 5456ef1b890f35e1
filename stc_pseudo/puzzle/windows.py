"""A box and its surroundings, on a grid as fine as the box is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stc_track.formats.store import CELL

MARGIN = 0.2  # of the box's side, how much of its surroundings a walk may use
MIN_MARGIN = 3  # cells
CELLS = (1, 2, 4, 8, 16, 32)  # pixels a cell's side


@dataclass(frozen=True, eq=False)
class Window:
    """A box and its surroundings.

    Attributes:
        box: x1 y1 x2 y2, pixels of the frame.
        cell: pixels a cell's side.
        rows, columns: where the window lies in the frame's grid of such cells.
        inside: (h, w) float32, share of each cell that lies in the box.
        prior: (h, w) float32 in 0..1, belief that a cell is the object from its place in the box alone.
    """

    box: np.ndarray
    cell: int
    rows: slice
    columns: slice
    inside: np.ndarray
    prior: np.ndarray

    @property
    def place(self) -> tuple[slice, slice]:
        """Index of the window in a grid of its cells."""
        return self.rows, self.columns

    def pixels(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Index of the window in a frame of (height, width)."""
        rows, columns = (
            slice(part.start * self.cell, min(part.stop * self.cell, side))
            for part, side in zip(self.place, size, strict=True)
        )
        return rows, columns

    def from_grid_of(self, other: Window, values: np.ndarray) -> np.ndarray:
        """Values (h, w) of another window of the same frame, at this window's cells; 0 beyond that window."""
        scale = self.cell / other.cell
        shift = [
            (axis.start * self.cell - other_axis.start * other.cell) / other.cell + (scale - 1) / 2
            for axis, other_axis in zip(self.place, other.place, strict=True)
        ]
        matrix = np.array([[scale, 0, shift[1]], [0, scale, shift[0]]], np.float32)
        return cv2.warpAffine(values, matrix, self.prior.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def at_frame_size(self, share: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Interpolate the window's (h, w) float32 bicubically to its `pixels`; 0 outside the box."""
        rows, columns = self.pixels(size)
        if self.cell > 1:
            share = cv2.resize(share, None, fx=self.cell, fy=self.cell, interpolation=cv2.INTER_CUBIC)
        y, x = np.arange(rows.start, rows.stop) + 0.5, np.arange(columns.start, columns.stop) + 0.5
        x1, y1, x2, y2 = self.box
        return share[: len(y), : len(x)] * ((y > y1) & (y < y2))[:, None] * ((x > x1) & (x < x2))


def window_around(box: np.ndarray, size: tuple[int, int], max_cells: int) -> Window:
    """Window of a box, with the smallest cells of which at most `max_cells` cover it; else with the largest.

    The prior falls from the box's centre to its corners as `sigmoid(3 (1 - |2u|^2.2 - |2v|^2.2))`, u and v in
    -0.5..0.5: one half on a curve between the inscribed ellipse and the box.

    Args:
        box: (4,) x1 y1 x2 y2, pixels of the frame.
        size: (height, width) of the frame.
        max_cells: of the window; 0 for the store's cells.
    """
    sides = (1 + 2 * MARGIN) * (box[2:] - box[:2])
    cell = next((cell for cell in CELLS if np.prod(sides / cell) <= max_cells), CELLS[-1]) if max_cells else CELL
    x1, y1, x2, y2 = (float(v) / cell for v in box)
    margin_x, margin_y = max(MIN_MARGIN, MARGIN * (x2 - x1)), max(MIN_MARGIN, MARGIN * (y2 - y1))
    height, width = grid_shape(size, cell)
    top, bottom = max(0, int(y1 - margin_y)), min(height, int(np.ceil(y2 + margin_y)))
    left, right = max(0, int(x1 - margin_x)), min(width, int(np.ceil(x2 + margin_x)))
    y, x = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
    inside = np.clip(np.minimum(x + 1, x2) - np.maximum(x, x1), 0, 1) * np.clip(
        np.minimum(y + 1, y2) - np.maximum(y, y1), 0, 1
    )
    u, v = (x + 0.5 - (x1 + x2) / 2) / (x2 - x1), (y + 0.5 - (y1 + y2) / 2) / (y2 - y1)
    prior = 1 / (1 + np.exp(np.minimum(3 * (np.abs(2 * u) ** 2.2 + np.abs(2 * v) ** 2.2 - 1), 50)))
    return Window(
        box, cell, slice(top, bottom), slice(left, right), inside.astype(np.float32), prior.astype(np.float32)
    )


def grid_shape(size: tuple[int, int], cell: int) -> tuple[int, int]:
    """Cells that cover a frame of (height, width) wholly; the last row and column may reach beyond it."""
    return -(-size[0] // cell), -(-size[1] // cell)


def overlapping(windows: Sequence[Window]) -> list[list[int]]:
    """For each window of a frame the positions of the others that share a pixel with it."""
    starts, stops = (
        np.array([[getattr(axis, end) * window.cell for axis in window.place] for window in windows]).reshape(-1, 2)
        for end in ("start", "stop")
    )
    shared = (np.maximum(starts[:, None], starts) < np.minimum(stops[:, None], stops)).all(2)
    np.fill_diagonal(shared, False)
    return [np.flatnonzero(row).tolist() for row in shared]
