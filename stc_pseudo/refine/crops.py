"""The cut around a box: its picture, its label, and what else is known of the box, all on one square of pixels.

A crop is a rectangle of whole pixels of the frame, so that what is cut can be pasted back without a shift; it may reach
beyond the frame, whose border repeats. It is scaled to a square, a long box less in one direction than in the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from stc_pseudo.datasets.base import FrameBoxes

LARGEST_STRETCH = 2.0  # ratio of the sides of a crop; a longer box leaves more of its surroundings beside it
REFERENCE_GROWTH = 1.3  # of the box's sides, of the crop that labels are kept and masks are made in
GROWTH, SHIFT = (1.1, 1.6), 0.15  # of training crops, of the box's sides
NEARER, FARTHER = 1, 2  # in `Crop.others`
MAP_STRIDE = 4  # pixels of the crop a value of `Crop.maps`
MAP_CHANNELS = 3


@dataclass(frozen=True, eq=False)
class FrameData:
    """What is read of one frame.

    Attributes:
        rgb: (H, W, 3) uint8.
        maps: (3, h, w) float32: logarithm of inverse depth, and flow (dx, dy) in pixels of the frame.
        cell: pixels of the frame a side of a value of `maps`.
        boxes: of the frame.
    """

    rgb: np.ndarray
    maps: np.ndarray
    cell: int
    boxes: FrameBoxes


@dataclass(frozen=True, eq=False)
class Crop:
    """One cut, S pixels a side.

    Attributes:
        rgb: (S, S, 3) uint8.
        box: (4,) float32, x1 y1 x2 y2 in pixels of the crop.
        others: (S, S) uint8, bits `NEARER` and `FARTHER`: boxes that end lower, and boxes that end higher.
        maps: (3, S / 4, S / 4) float16, `FrameData.maps` less their median around the box, in units of their spread
            there.
    """

    rgb: np.ndarray
    box: np.ndarray
    others: np.ndarray
    maps: np.ndarray


def region_around(box: np.ndarray, growth: float, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Rectangle of whole pixels around a box: (4,) int64, x1 y1 x2 y2, maybe beyond the frame.

    Args:
        box: (4,) x1 y1 x2 y2, pixels of the frame.
        growth: sides of the rectangle, in sides of the box.
        shift: of its centre, in sides of the box.
    """
    sides = box[2:] - box[:2]
    centre = (box[:2] + box[2:]) / 2 + shift * sides
    half = np.maximum(growth * np.maximum(sides, sides[::-1] / LARGEST_STRETCH), 4) / 2
    return np.concatenate([np.floor(centre - half), np.ceil(centre + half)]).astype(np.int64)


def cut_picture(picture: np.ndarray, region: np.ndarray, size: int) -> np.ndarray:
    """Cut a rectangle out of (H, W[, C]) uint8 or float32 and scale it to `size` pixels a side."""
    (x1, y1, x2, y2), (height, width) = region, picture.shape[:2]
    rows, columns = np.arange(y1, y2).clip(0, height - 1), np.arange(x1, x2).clip(0, width - 1)
    return scale(np.ascontiguousarray(picture[rows[:, None], columns]), (size, size))


def scale(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize to (height, width): averages where it shrinks, interpolates where it grows."""
    height, width = picture.shape[:2]
    if size[0] < height or size[1] < width:
        picture = cv2.resize(picture, (min(width, size[1]), min(height, size[0])), interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)


def cut(frame: FrameData, row: int, region: np.ndarray, size: int) -> Crop:
    """Cut everything that is known of the box `row` of a frame."""
    factor = size / np.array([region[2] - region[0], region[3] - region[1]] * 2, np.float32)
    boxes = ((frame.boxes.xyxy - np.tile(region[:2], 2)) * factor).astype(np.float32)
    others = np.zeros((size, size), np.uint8)
    for k, other in enumerate(boxes):
        if k != row:
            others |= np.where(inside(other, size), NEARER if other[3] > boxes[row, 3] else FARTHER, 0).astype(np.uint8)
    small = size // MAP_STRIDE
    # Cells, with the centre of the frame's pixel p at p + 0.5.
    x, y = (region[axis] + (np.arange(small) + 0.5) * (region[axis + 2] - region[axis]) / small for axis in (0, 1))
    rows = (y / frame.cell).astype(np.int64).clip(0, frame.maps.shape[1] - 1)
    columns = (x / frame.cell).astype(np.int64).clip(0, frame.maps.shape[2] - 1)
    maps = frame.maps[:, rows[:, None], columns]
    return Crop(cut_picture(frame.rgb, region, size), boxes[row], others, relative(maps, boxes[row] / MAP_STRIDE))


def relative(maps: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Subtract each map's median around the box and divide by its spread there, compressed: (C, s, s) float16.

    The spread is the median deviation around the box, and at least a tenth of that within the whole crop, so that still
    surroundings do not blow noise up. A crop that the box fills takes the whole for its surroundings.
    """
    outside = ~inside(box, maps.shape[-1])
    ring = maps[:, outside] if outside.any() else maps.reshape(len(maps), -1)
    centred = maps - np.median(ring, axis=1)[:, None, None]
    deviation = np.abs(centred)
    spread = np.median(deviation[:, outside] if outside.any() else deviation.reshape(len(maps), -1), axis=1)
    spread = np.maximum(spread, 0.1 * deviation.mean((1, 2)) + 1e-6)
    return np.arcsinh(centred / spread[:, None, None]).astype(np.float16)


def inside(box: np.ndarray, size: int) -> np.ndarray:
    """Pixels, (size, size) bool, whose centre lies in a box."""
    centre = np.arange(size) + 0.5
    return ((centre > box[1]) & (centre < box[3]))[:, None] & ((centre > box[0]) & (centre < box[2]))


def move(picture: np.ndarray, source: np.ndarray, target: np.ndarray, size: int) -> np.ndarray:
    """Resample a crop (S, S) of the rectangle `source` at the pixels of the crop of `target`; 0 beyond `source`.

    Args:
        picture: uint8 or float32.
        source, target: (4,) rectangles of one frame.
        size: pixels a side of both crops.
    """
    (from_x, from_y), (to_x, to_y) = ((r[2:] - r[:2]) / size for r in (source, target))
    scale_x, scale_y = to_x / from_x, to_y / from_y
    shift_x = (target[0] - source[0]) / from_x + (scale_x - 1) / 2
    shift_y = (target[1] - source[1]) / from_y + (scale_y - 1) / 2
    matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]], np.float64)
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
