"""COCO result JSON: a list of `{image_id, category_id, segmentation, score, bbox}`, here one file a sequence.

`image_id` is the number of the frame; `segmentation` is RLE, `{"size": [height, width], "counts": ...}` with compressed
counts (a string) or plain ones (a list); `bbox` is `[x, y, width, height]` and may be absent (the mask's box is taken).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from stc_track.formats import rle
from stc_track.formats.errors import InputError, require_file
from stc_track.formats.mots import Detection
from stc_track.formats.text import LARGEST


def read_coco_results(path: Path) -> list[Detection]:
    """Detections of one sequence by increasing frame, within a frame in file order.

    Raises:
        InputError: naming file and result: no JSON list, a missing or foreign value, a broken RLE, a second size.
    """
    try:
        results = json.loads(require_file(path, "COCO result JSON").read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(path, expected="COCO result JSON", found=str(error)[:80]) from error
    if not isinstance(results, list):
        raise InputError(path, expected="a JSON list of results", found=f"a {type(results).__name__}")
    size = None
    detections = []
    for index, result in enumerate(results):
        found = _detection(result, f"{path}: result {index}", size)
        size = found.height, found.width
        detections.append(found)
    return sorted(detections, key=lambda each: each.frame)


def _detection(result: object, where: str, size: tuple[int, int] | None) -> Detection:
    if not isinstance(result, dict):
        raise InputError(where, expected="an object", found=f"a {type(result).__name__}")
    frame, class_id = (_whole(result.get(name), name, where) for name in ("image_id", "category_id"))
    (score,) = _reals([result.get("score")], 1, "score", where)
    height, width, counts = _mask(result.get("segmentation"), where)
    if size is not None and (height, width) != size:
        expected = f"{size[0]} x {size[1]} pixels as in the results before"
        raise InputError(where, expected=expected, found=f"{height} x {width}")
    if "bbox" in result:
        x, y, box_width, box_height = _reals(result["bbox"], 4, "bbox", where)
        if box_width <= 0 or box_height <= 0:
            raise InputError(where, expected="bbox of positive width and height", found=f"{box_width:g} {box_height:g}")
        box = x, y, x + box_width, y + box_height
    else:
        box = tuple(rle.tight_box(counts, height, width).tolist())
    return Detection(frame, box, score, class_id, height, width, counts)


def _whole(value: object, name: str, where: str) -> int:
    if type(value) is not int or not 0 <= value < 10**9:
        raise InputError(where, expected=f"{name}, a whole number of at least 0", found=repr(value)[:40])
    return value


def _reals(values: object, count: int, name: str, where: str) -> list[float]:
    numbers = values if isinstance(values, list) else []
    if len(numbers) != count or not all(type(each) in (int, float) and abs(each) <= LARGEST for each in numbers):
        expected = f"{name}, {count} finite number{'s' if count > 1 else ''}"
        raise InputError(where, expected=expected, found=repr(values)[:60])
    return [float(each) for each in numbers]


def _mask(segmentation: object, where: str) -> tuple[int, int, bytes]:
    parts = segmentation if isinstance(segmentation, dict) else {}
    size, counts = parts.get("size"), parts.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not isinstance(counts, str | list):
        raise InputError(where, expected="segmentation, RLE with size and counts", found=repr(segmentation)[:60])
    height, width = (_whole(each, "size", where) for each in size)
    try:
        if isinstance(counts, list):
            counts = rle.from_run_lengths(_plain(counts, height, width, where), height, width)
        else:
            counts = counts.encode("utf-8", "surrogatepass")
        rle.validate(counts, height, width)
    except rle.RleError as error:
        raise InputError(where, expected=error.expected, found=error.found) from error
    return height, width, counts


def _plain(counts: list, height: int, width: int, where: str) -> np.ndarray:
    runs = [_whole(each, "counts", where) for each in counts]
    if sum(runs) != height * width:
        expected = f"counts of {height} x {width} = {height * width} pixels"
        raise InputError(where, expected=expected, found=f"{sum(runs)}")
    return np.array(runs)
