"""COCO's average precision of masks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from stc_track.masks import rle

FIGURES = {"AP": None, "AP50": 0.5, "AP75": 0.75}  # IoU of the mask that makes a hit; None: mean of 0.5 to 0.95
LARGEST = 1e10  # pixels


class TrueMask(NamedTuple):
    """An object to find, or a region in which nothing counts.

    Attributes:
        image: position of its image.
        class_id: number of its class.
        counts: RLE.
        crowd: whether it counts neither way.
    """

    image: int
    class_id: int
    counts: bytes
    crowd: bool = False


class FoundMask(NamedTuple):
    """A detection; attributes as of `TrueMask`, and its confidence."""

    image: int
    class_id: int
    counts: bytes
    score: float


def average_precision(
    sizes: Sequence[tuple[int, int]],
    truth: Iterable[TrueMask],
    detections: Iterable[FoundMask],
    class_ids: Iterable[int],
    least_areas: Mapping[str, float],
) -> dict[str, dict[int, dict[str, float]]]:
    """Average precision of each class.

    Args:
        sizes: (height, width) of each image.
        truth: of all images.
        detections: of all images.
        class_ids: numbers of all classes.
        least_areas: pixels, by name: a range of areas ignores smaller true masks, and smaller detections that hit none.

    Returns:
        for each name of `least_areas` and each class with an object in its range: `FIGURES`, 0 to 100.
    """
    class_ids = sorted(class_ids)
    annotations = [_annotation(k, mask, sizes[mask.image]) for k, mask in enumerate(truth, 1)]
    results = [_entry(mask, sizes[mask.image]) | {"score": mask.score} for mask in detections]
    precision = _precision(sizes, annotations, results, class_ids, list(least_areas.values())) if results else None
    report: dict[str, dict[int, dict[str, float]]] = {}
    for position, (name, least) in enumerate(least_areas.items()):
        present = {entry["category_id"] for entry in annotations if not entry["iscrowd"] and entry["area"] >= least}
        report[name] = {
            class_id: {
                figure: 0.0 if precision is None else _mean(precision[:, :, place, position], iou)
                for figure, iou in FIGURES.items()
            }
            for place, class_id in enumerate(class_ids)
            if class_id in present
        }
    return report


def mean_of_classes(rows: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the classes; 0 without any."""
    return {figure: float(np.mean([row[figure] for row in rows.values()])) if rows else 0.0 for figure in FIGURES}


def _entry(mask: TrueMask | FoundMask, size: tuple[int, int]) -> dict[str, Any]:
    segmentation = {"size": list(size), "counts": mask.counts}
    return {"image_id": mask.image, "category_id": mask.class_id, "segmentation": segmentation}


def _annotation(number: int, mask: TrueMask, size: tuple[int, int]) -> dict[str, Any]:
    x1, y1, x2, y2 = rle.tight_box(mask.counts, *size).tolist()
    box, area = [x1, y1, x2 - x1, y2 - y1], rle.area(mask.counts, *size)
    return _entry(mask, size) | {"id": number, "iscrowd": int(mask.crowd), "area": area, "bbox": box}


def _precision(
    sizes: Sequence[tuple[int, int]],
    annotations: list[dict[str, Any]],
    detections: list[dict[str, Any]],
    class_ids: list[int],
    least_areas: list[float],
) -> np.ndarray:
    """pycocotools' precisions: (10 IoUs, 101 recalls, classes, ranges of areas)."""
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": k, "height": height, "width": width} for k, (height, width) in enumerate(sizes)],
        "annotations": annotations,
        "categories": [{"id": number} for number in class_ids],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints what it does
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(detections), "segm")
        evaluation.params.areaRng = [[least, LARGEST] for least in least_areas]
        evaluation.params.areaRngLbl = [str(least) for least in least_areas]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][..., -1]


def _mean(precision: np.ndarray, iou: float | None) -> float:
    """Mean of (10, 101) over recalls, and over IoUs where none is given."""
    ious = COCOeval(iouType="segm").params.iouThrs
    return 100 * float((precision if iou is None else precision[np.isclose(ious, iou)]).mean())
