"""COCO result JSON: a list of `{image_id, category_id, segmentation, score, bbox}`, here one file a sequence.

`image_id` is the number of the frame; `segmentation` is RLE, `{"size": [height, width], "counts": ...}` with compressed
counts (a string) or plain ones (a list); `bbox` is `[x, y, width, height]` and may be absent (the mask's box is taken);
without width and height it may stand beside an empty mask.
"""

from __future__ import annotations

from pathlib import Path

from stc_track.formats.mots import Detection
from stc_track.io import json_fields
from stc_track.io.errors import InputError
from stc_track.masks import rle


def read_coco_results(path: Path) -> list[Detection]:
    """Detections of one sequence; raises as `parse_coco_results`, or where the file is no JSON."""
    return parse_coco_results(json_fields.load(path, "COCO result JSON"), path)


def parse_coco_results(results: object, path: Path) -> list[Detection]:
    """Detections of one sequence by increasing frame, within a frame in file order.

    Args:
        results: the parsed JSON.
        path: named in errors.

    Raises:
        InputError: naming file and result: no JSON list, a missing or foreign value, a broken RLE, a second size.
    """
    if not isinstance(results, list):
        raise InputError(path, expected="a JSON list of results", found=f"a {type(results).__name__}")
    size = None
    detections = []
    for index, result in enumerate(results):
        detection = _detection(result, f"{path}: result {index}", size)
        size = detection.height, detection.width
        detections.append(detection)
    return sorted(detections, key=lambda detection: detection.frame)


def _detection(result: object, where: str, size: tuple[int, int] | None) -> Detection:
    result = json_fields.mapping(result, where)
    frame, class_id = (json_fields.whole(result.get(name), name, where) for name in ("image_id", "category_id"))
    (score,) = json_fields.reals([result.get("score")], 1, "score", where)
    height, width, counts = json_fields.mask(result.get("segmentation"), where, size)
    xywh = json_fields.get(result, "bbox")
    if xywh is not None and not _is_nothing(xywh, where, counts, (height, width)):
        box = json_fields.box(xywh, "bbox", where)
    else:
        box = tuple(rle.tight_box(counts, height, width).tolist())
    return Detection(frame, box, score, class_id, height, width, counts)


def _is_nothing(bbox: object, where: str, counts: bytes, size: tuple[int, int]) -> bool:
    """Whether box and mask agree that there is nothing, as tools write it: an empty mask, a box of no area."""
    _, _, width, height = json_fields.reals(bbox, 4, "bbox", where)
    return width == height == 0 and rle.area(counts, *size) == 0
