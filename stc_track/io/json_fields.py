"""Values of JSON files, checked, with errors that name the file and the entry.

`null` is as if the key were not there. What a number, a flag or a name may look like says `stc_track.io.values`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.io import values
from stc_track.io.errors import InputError, require_file
from stc_track.io.values import flag, identity, whole
from stc_track.masks import rle

__all__ = ["box", "drawn", "flag", "get", "identity", "items", "load", "mapping", "mask", "reals", "text", "whole"]


def load(path: Path, what: str) -> object:
    """Parse a JSON file; raises InputError where there is none or it is no JSON."""
    try:
        return json.loads(require_file(path, what).read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(path, expected=what, found=str(error)[:80]) from error


def get(entry: dict[str, Any], name: str, default: object = None) -> object:
    """A key's value; the default where it is missing or null."""
    value = entry.get(name)
    return default if value is None else value


def mapping(value: object, where: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise InputError(where, expected="an object", found=f"a {type(value).__name__}")
    return value


def items(value: object, name: str, where: str | Path) -> list[Any]:
    """A JSON list."""
    if not isinstance(value, list):
        raise InputError(where, expected=f"{name}, a JSON list", found=f"a {type(value).__name__}")
    return value


def text(value: object, name: str, where: str) -> str:
    """A string of printable characters."""
    if not isinstance(value, str) or not value.isprintable():
        raise InputError(where, expected=f"{name}, a string", found=ascii(value)[:40])
    return value


def reals(numbers: object, count: int, name: str, where: str) -> list[float]:
    """A list of `count` finite numbers, of a size that arithmetic with them stays finite."""
    expected = f"{name}, {count} finite number{'s' if count > 1 else ''}"
    if not isinstance(numbers, list) or len(numbers) != count:
        raise InputError(where, expected=expected, found=ascii(numbers)[:60])
    try:
        return [values.real(number, name, where) for number in numbers]
    except InputError as error:
        limit = f" of at most {values.LARGEST:g}" if "at most" in error.message else ""
        raise InputError(where, expected=expected + limit, found=ascii(numbers)[:60]) from error


def box(numbers: object, name: str, where: str) -> tuple[float, float, float, float]:
    """A box given as `[x, y, width, height]`, as x1 y1 x2 y2 of positive width and height."""
    x, y, width, height = reals(numbers, 4, name, where)
    if width <= 0 or height <= 0:
        raise InputError(where, expected=f"{name} of positive width and height", found=f"{width:g} {height:g}")
    return x, y, x + width, y + height


def mask(
    segmentation: object, where: str, size: tuple[int, int] | None = None, before: str = "the results before"
) -> tuple[int, int, bytes]:
    """Height, width and compressed RLE of `{"size": [height, width], "counts": a string or a list}`.

    Args:
        segmentation: the value.
        where: named in errors.
        size: (height, width) that the mask must have, or None.
        before: what said that size.
    """
    parts = segmentation if isinstance(segmentation, dict) else {}
    size_field, counts = parts.get("size"), parts.get("counts")
    if not isinstance(size_field, list) or len(size_field) != 2 or not isinstance(counts, str | list):
        raise InputError(where, expected="segmentation, RLE with size and counts", found=ascii(segmentation)[:60])
    height, width = (whole(side, "size", where) for side in size_field)
    if size is not None and (height, width) != size:
        expected = f"{size[0]} x {size[1]} pixels as in {before}"
        raise InputError(where, expected=expected, found=f"{height} x {width}")
    try:
        if isinstance(counts, list):
            return height, width, _plain(counts, height, width, where)
        counts = counts.encode("utf-8", "surrogatepass")
        rle.validate(counts, height, width)
    except rle.RleError as error:
        raise InputError(where, expected=error.expected, found=error.found) from error
    return height, width, counts


def drawn(segmentation: object, where: str, size: tuple[int, int], before: str) -> bytes:
    """Compressed RLE of an annotation of the given (height, width): RLE as for `mask`, or polygons x, y, x, y, ..."""
    if isinstance(segmentation, list):
        return _polygons(segmentation, *size, where)
    return mask(segmentation, where, size, before)[2]


def _plain(counts: list[Any], height: int, width: int, where: str) -> bytes:
    runs = [whole(run, "counts", where) for run in counts]
    if sum(runs) != height * width or not runs or height * width > rle.LARGEST_AREA:
        expected = f"counts of {height} x {width} = {height * width} pixels"
        raise InputError(where, expected=expected, found=f"{sum(runs)}")
    return rle.from_run_lengths(np.array(runs), height, width)


def _polygons(polygons: list[Any], height: int, width: int, where: str) -> bytes:
    points = []
    for polygon in polygons:
        count = len(polygon) if isinstance(polygon, list) else 0
        if count < 6 or count % 2:
            expected = "segmentation, polygons of at least 3 points x, y"
            raise InputError(where, expected=expected, found=ascii(polygon)[:60])
        points.append(reals(polygon, count, "polygon", where))
        if not all(-limit <= value <= 2 * limit for value, limit in zip(points[-1], (width, height) * count)):  # noqa: B905
            raise InputError(
                where, expected=f"a polygon near the frame of {height} x {width}", found=ascii(polygon)[:60]
            )
    if not points:
        raise InputError(where, expected="segmentation, at least one polygon", found="none")
    return coco_mask.merge(coco_mask.frPyObjects(points, height, width))["counts"]
