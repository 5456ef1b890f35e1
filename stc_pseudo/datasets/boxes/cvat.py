"""Boxes in CVAT's XML, version 1.1: tracks (CVAT for video) or single boxes on pictures (CVAT for images).

A track gives its box at some frames, counted from 0; between two of them it moves linearly, it stays where it is before
one that says `outside`, is not there from such a one on, and stays after its last one to the video's end.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from stc_pseudo.datasets.base import Sequence
from stc_pseudo.datasets.boxes.frame_names import PictureNames
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.io.errors import InputError, require_file
from stc_track.io.text import LARGEST

log = logging.getLogger(__name__)

WHAT = "CVAT's XML, version 1.1"


def read_cvat(path: Path, video: Sequence) -> tuple[list[BoxRow], dict[int, str]]:
    """Read a file of one video's boxes.

    Shapes other than boxes are left out, and the log says how many.

    Args:
        path: the file. A document type declaration, and so any entity, is refused.
        video: its frames.

    Returns:
        the rows, and class number to name, from 1 in the order of the file's labels.

    Raises:
        InputError: no such XML, a value that is missing or foreign, a label that the file does not list, frames of
            another size than the video's.
    """
    require_file(path, WHAT)
    reader = _Reader(path, video)
    try:
        for _, element in iterparse(str(path), forbid_dtd=True):
            reader.take(element)
    except DefusedXmlException as error:
        expected = f"{WHAT}, without a document type declaration"
        raise InputError(path, expected=expected, found=str(error)[:80]) from error
    except (ParseError, LookupError, UnicodeError) as error:  # the last two: of an encoding
        raise InputError(path, expected=WHAT, found=str(error)[:80]) from error
    if not reader.is_cvat:
        raise InputError(path, expected=f"{WHAT}, <annotations> with tracks or images", found="neither")
    if reader.others:
        log.info("%s: %d shapes that are no boxes are left out", path, reader.others)
    return reader.rows, {number: name for name, number in reader.labels.items()}


class _Reader:
    """Takes each element when it ends, and drops what has been read."""

    def __init__(self, path: Path, video: Sequence) -> None:
        self.path, self.video, self.names = path, video, PictureNames(video)
        self.rows: list[BoxRow] = []
        self.labels: dict[str, int] = {}
        self.listed = self.is_cvat = False
        self.others = self.tracks = 0

    def take(self, element: Element) -> None:
        """Read an element whose children have been read."""
        if element.tag == "labels":
            self.listed = True
            for label in element.iter("label"):
                self._number((label.findtext("name") or "").strip())
        elif element.tag == "original_size":
            self._require_size(element.findtext("width"), element.findtext("height"), f"{self.path}: original_size")
        elif element.tag in ("track", "image"):
            self.is_cvat = True
            boxes = element.findall("box")
            self.others += sum(
                child.tag in ("polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton")
                for child in element
            )
            self.rows += self._track(element, boxes) if element.tag == "track" else self._image(element, boxes)
            element.clear()
        elif element.tag == "annotations":
            self.is_cvat = True

    def _track(self, element: Element, boxes: list[Element]) -> Iterator[BoxRow]:
        self.tracks += 1
        where = f"{self.path}: track {element.get('id', self.tracks)}"
        class_id = self._class(element.get("label"), where)
        corners: dict[int, tuple[float, ...] | None] = {}
        for box in boxes:
            frame = self._value(box, "frame", where, whole=True)
            here = f"{where}, frame {frame}"
            if frame in corners:
                raise InputError(here, expected="a box once on a frame", found="a second one")
            if frame >= len(self.video):
                raise InputError(here, expected=f"frames 0 to {len(self.video) - 1}", found=str(frame))
            corners[frame] = None if box.get("outside") in ("1", "true") else self._corners(box, here)
        frames = sorted(corners)
        for frame, following in zip(frames, [*frames[1:], len(self.video)], strict=False):
            first, last = corners[frame], corners.get(following)
            if first is None:
                continue
            for position in range(frame, following):
                share = (position - frame) / (following - frame) if last is not None else 0
                box = tuple(a + share * (b - a) for a, b in zip(first, last or first, strict=True))
                yield BoxRow(position, box, class_id, self.tracks, f"{where}, frame {position}")

    def _image(self, element: Element, boxes: list[Element]) -> Iterator[BoxRow]:
        where = f"{self.path}: image {element.get('name', '')!r}"
        self._require_size(element.get("width"), element.get("height"), where)
        if not boxes:
            return
        position = self.names.position(element.get("name", ""), where)
        for box in boxes:
            yield BoxRow(position, self._corners(box, where), self._class(box.get("label"), where), None, where)

    def _corners(self, box: Element, where: str) -> tuple[float, ...]:
        """x1 y1 x2 y2 of a box; around it, if it is turned (degrees about its centre)."""
        x1, y1, x2, y2 = (self._value(box, name, where) for name in ("xtl", "ytl", "xbr", "ybr"))
        if not (x2 > x1 and y2 > y1):
            raise InputError(where, expected="a box with xtl < xbr and ytl < ybr", found=f"{x1:g} {y1:g} {x2:g} {y2:g}")
        angle = math.radians(self._value(box, "rotation", where, absent="0"))
        if not angle:
            return x1, y1, x2, y2
        cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
        half_x = ((x2 - x1) * cosine + (y2 - y1) * sine) / 2
        half_y = ((x2 - x1) * sine + (y2 - y1) * cosine) / 2
        centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
        return centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y

    def _value(self, element: Element, name: str, where: str, absent: str = "", whole: bool = False) -> float:
        text = element.get(name, absent)
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= LARGEST or (whole and value < 0):
            raise InputError(
                where,
                expected=f"{name}, a {'whole' if whole else 'finite'} number",
                found=ascii(text[:40]) if text else "none",
            )
        return value

    def _class(self, label: str | None, where: str) -> int:
        if not label or (self.listed and label not in self.labels):
            raise InputError(
                where,
                expected=f"a label of {', '.join(self.labels) or 'any name'}",
                found=ascii((label or "none")[:40]),
            )
        return self._number(label)

    def _number(self, label: str) -> int:
        return self.labels.setdefault(label, len(self.labels) + 1)

    def _require_size(self, width: str | None, height: str | None, where: str) -> None:
        expected = self.video.size[::-1]
        if width and height and (width.strip(), height.strip()) != tuple(map(str, expected)):
            raise InputError(
                where,
                expected=f"pictures of the frames' {expected[0]}x{expected[1]} pixels",
                found=f"{width.strip()}x{height.strip()}"[:40],
            )
