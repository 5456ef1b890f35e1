"""A box and its surroundings resampled to a fixed number of cells, so that every object is seen at one resolution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

MAX_SAMPLES = 6  # a side, that are averaged for one cell: cells of an object that fills the frame are larger


@dataclass(frozen=True, eq=False)
class BoxGrid:
    """A box grown on all sides and cut into `side` x `side` cells, which are as oblong as the box.

    Attributes:
        box: (4,) x1 y1 x2 y2, pixels of the frame.
        size: (height, width) of the frame.
        side: cells a side.
        margin: surroundings on each side, as a share of the box's side.
    """

    box: np.ndarray
    size: tuple[int, int]
    side: int
    margin: float

    @cached_property
    def cell(self) -> np.ndarray:
        """(2,) width and height of a cell, pixels."""
        return (self.box[2:] - self.box[:2]).astype(np.float64) * (1 + 2 * self.margin) / self.side

    @cached_property
    def corner(self) -> np.ndarray:
        """(2,) x and y of the upper left corner, pixels; may lie outside the frame."""
        return self.box[:2] - self.margin * (self.box[2:] - self.box[:2]).astype(np.float64)

    def sample(
        self, values: np.ndarray, cell: int = 1, origin: tuple[int, int] = (0, 0), outside: float | None = None
    ) -> np.ndarray:
        """Average a map of the frame over each cell of the grid, or interpolate where its own cells are larger.

        Args:
            values: (h, w[, C]) uint8 or float32.
            cell: pixels a side of the map's cells.
            origin: x and y, pixels of the frame, where the map begins.
            outside: value beyond the map; None goes on with the border's.

        Returns:
            (side, side[, C]) of the same type.
        """
        scale = self.cell / cell
        times = np.clip(np.ceil(scale), 1, MAX_SAMPLES).astype(int)
        step = scale / times
        start = (self.corner - origin) / cell + step / 2 - 0.5
        matrix = np.array([[step[0], 0, start[0]], [0, step[1], start[1]]])
        border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
        fine = cv2.warpAffine(
            values,
            matrix,
            (self.side * int(times[0]), self.side * int(times[1])),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=border,
            borderValue=(outside or 0,) * 4,
        )
        return cv2.resize(fine, (self.side, self.side), interpolation=cv2.INTER_AREA)

    def coverage(self, box: np.ndarray) -> np.ndarray:
        """Share of each cell that a box (x1 y1 x2 y2, pixels) covers, (side, side) float32."""
        shares = []
        for axis in (0, 1):
            low = self.corner[axis] + self.cell[axis] * np.arange(self.side)
            overlap = np.minimum(low + self.cell[axis], box[axis + 2]) - np.maximum(low, box[axis])
            shares.append(np.clip(overlap / self.cell[axis], 0, 1))
        return np.outer(shares[1], shares[0]).astype(np.float32)

    @cached_property
    def inside(self) -> np.ndarray:
        """Share of each cell that lies in the box, (side, side) float32."""
        return self.coverage(self.box)

    @cached_property
    def visible(self) -> np.ndarray:
        """Share of each cell that lies in the frame, (side, side) float32."""
        return self.coverage(np.array([0, 0, self.size[1], self.size[0]]))

    def to_frame(self, share: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
        """Interpolate a map of the grid bicubically to the box's pixels.

        Args:
            share: (side, side) float32.

        Returns:
            where in the frame the box's pixels lie, and their values, float32: 0 where a pixel's centre is outside.
        """
        left, top = np.maximum(np.floor(self.box[:2]), 0).astype(int)
        right, bottom = np.minimum(np.ceil(self.box[2:]), self.size[::-1]).astype(int)
        start = (np.array([left, top]) + 0.5 - self.corner) / self.cell - 0.5
        matrix = np.array([[1 / self.cell[0], 0, start[0]], [0, 1 / self.cell[1], start[1]]])
        pixels = cv2.warpAffine(
            share.astype(np.float32),
            matrix,
            (int(right - left), int(bottom - top)),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        x, y = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
        x1, y1, x2, y2 = self.box
        within = ((y > y1) & (y < y2))[:, None] & (x > x1) & (x < x2)
        return (slice(top, bottom), slice(left, right)), pixels * within
