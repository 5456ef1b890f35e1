"""Tracks drawn on their frames: masks with their outline, ids, and where each object came from."""

from __future__ import annotations

import colorsys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from stc_track.formats.mots import IDS_PER_CLASS, MotsObject
from stc_track.formats.track_ids import track_number
from stc_track.masks import rle

_GOLDEN = 0.618034  # steps of this share around the colour wheel keep neighbouring ids apart
_CLASS_STEP = 0.27  # further, from a class to the next
_GREY = (128, 128, 128)
_LUMA = (0.2126, 0.7152, 0.0722)  # of red, green, blue, in BT.709
_FORGET = 3  # trails of objects missing for this many frames end


Box = tuple[int, int, int, int]  # x1 y1 x2 y2


@dataclass(frozen=True, slots=True)
class Style:
    """How tracks are drawn.

    Attributes:
        opacity: of the masks, 0 to 1.
        ids: whether class and number stand above each object.
        trail: frames over which an object's path is shown; 0 shows none.
    """

    opacity: float = 0.45
    ids: bool = True
    trail: int = 20


class Overlay:
    """Draws one sequence, frame by frame, in order.

    Args:
        class_names: by number; labels say them. Ignored regions are drawn grey, without one.
        style: how to draw.
    """

    def __init__(self, class_names: Mapping[int, str], style: Style | None = None) -> None:
        self.class_names = class_names
        self._style = style or Style()
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}

    def draw(self, frame: np.ndarray, number: int, objects: Sequence[MotsObject]) -> np.ndarray:
        """The frame with its objects.

        Args:
            frame: (H, W, 3) uint8 RGB.
            number: of the frame, larger than at the call before.
            objects: of the frame, masks of its size.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        picture = frame.copy()
        boxes = [_paint(picture, obj, self._colour(obj), self._style.opacity) for obj in objects]
        drawn = [(obj, box) for obj, box in zip(objects, boxes, strict=True) if box is not None and not obj.ignored]
        canvas = Image.fromarray(picture)
        pen = ImageDraw.Draw(canvas)
        size = max(11, frame.shape[0] // 30)
        if self._style.trail:
            self._walk(number, drawn)
            for track_id, trail in self._trails.items():
                _path(pen, trail, colour_of(track_id), width=max(2, size // 6))
        if self._style.ids:
            font = ImageFont.load_default(size)
            for obj, box in drawn:
                _label(pen, self._label(obj), box, colour_of(obj.track_id), font, canvas.size)
        return np.asarray(canvas)

    def _colour(self, obj: MotsObject) -> tuple[int, int, int]:
        return _GREY if obj.ignored else colour_of(obj.track_id)

    def _label(self, obj: MotsObject) -> str:
        number = track_number(obj.track_id, obj.class_id)
        return f"{self.class_names.get(obj.class_id, f'class {obj.class_id}')} {number}"

    def _walk(self, number: int, drawn: Sequence[tuple[MotsObject, Box]]) -> None:
        """Add where each object stands, the middle of its box's lower side; forget what is too old."""
        for obj, (x1, _, x2, y2) in drawn:
            self._trails.setdefault(obj.track_id, deque()).append((number, (x1 + x2) / 2, float(y2)))
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] <= number - self._style.trail:
                trail.popleft()
            if not trail or trail[-1][0] < number - _FORGET:
                del self._trails[track_id]


def colour_of(track_id: int) -> tuple[int, int, int]:
    """A track's colour, RGB of 0 to 255: the same in every picture."""
    class_id, number = divmod(track_id, IDS_PER_CLASS)
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN + class_id * _CLASS_STEP) % 1, 0.85, 1)
    return round(255 * red), round(255 * green), round(255 * blue)


def _paint(picture: np.ndarray, obj: MotsObject, colour: tuple[int, int, int], opacity: float) -> Box | None:
    """Blend a mask into the picture and draw its outline; returns its box, None without a pixel."""
    box, mask = rle.decode_box(obj.counts, obj.height, obj.width)
    if not mask.size:
        return None
    x1, y1, x2, y2 = box
    part = picture[y1:y2, x1:x2]
    part[mask] = np.rint((1 - opacity) * part[mask] + opacity * np.array(colour)).astype(np.uint8)
    part[mask & ~ndimage.binary_erosion(mask)] = colour
    return box


def _path(
    pen: ImageDraw.ImageDraw, trail: deque[tuple[int, float, float]], colour: tuple[int, int, int], width: int
) -> None:
    points = [(x, y) for _, x, y in trail]
    if len(points) > 1:
        pen.line(points, fill=colour, width=width, joint="curve")


def _label(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: Box,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
) -> None:
    """Text on a plate of the track's colour above the box, kept inside the frame."""
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    width, height = right - left + 4, bottom - top + 4
    x = min(max(box[0], 0), max(size[0] - width, 0))
    y = max(box[1] - height, 0)
    pen.rectangle((x, y, x + width - 1, y + height - 1), fill=colour)
    bright = np.dot(colour, _LUMA) > 110
    pen.text((x + 2 - left, y + 2 - top), text, fill=(0, 0, 0) if bright else (255, 255, 255), font=font)
