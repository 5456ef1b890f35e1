"""COCO's average precision of detection files against true masks, for all objects and for those that are not tiny."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from stc_pseudo.evaluation.ground_truth import true_masks
from stc_track.evaluation.frame_alignment import require_fit
from stc_track.formats.mots import CLASS_NAMES, read_detections
from stc_track.io.errors import require_file
from stc_track.masks import rle

FIGURES = {"AP": None, "AP50": 0.5, "AP75": 0.75}  # IoU of the mask that makes a hit; None: mean of 0.5 to 0.95


def mask_ap(
    predictions: Path, truth: Path, sequences: Sequence[str], min_area: int
) -> dict[str, dict[str, dict[str, float]]]:
    """AP, AP50 and AP75 of masks, 0 to 100.

    Args:
        predictions: folder of `{sequence}.txt`, detections in the public MOTS format.
        truth: a data set in the KITTI MOTS layout, or a folder of `{sequence}.txt` in MOTS text.
        sequences: names; frames without detections count as such.
        min_area: pixels; the second set of figures ignores smaller true masks, and smaller detections that hit none.

    Returns:
        under `all` and `large`, for each class and for `mean`, the mean of the classes that have objects: the figures.

    Raises:
        InputError: a file is missing or malformed, or of other frames than the truth.
    """
    annotations, detections, images = [], [], []
    for name in sequences:
        objects = true_masks(truth, name)
        path = require_file(predictions / f"{name}.txt", "detections", "predictions")
        found = read_detections(path)
        require_fit(found, objects, path, truth)
        for frame in sorted({*objects, *found}):
            image = len(images) + 1
            of_frame = objects.get(frame, [])
            size = next((each.height, each.width) for each in (*of_frame, *found.get(frame, ())))
            images.append({"id": image, "height": size[0], "width": size[1]})
            for each in of_frame:
                x1, y1, x2, y2 = rle.tight_box(each.counts, *size).tolist()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image,
                        "category_id": each.class_id,
                        "iscrowd": 0,
                        "area": rle.area(each.counts, *size),
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "segmentation": {"size": list(size), "counts": each.counts},
                    }
                )
            detections += [
                {
                    "image_id": image,
                    "category_id": each.class_id,
                    "score": each.score,
                    "segmentation": {"size": list(size), "counts": each.counts},
                }
                for each in found.get(frame, ())
            ]
    ranges = {"all": [0, 1e10], "large": [min_area, 1e10]}
    evaluation = _evaluate(images, annotations, detections, list(ranges.values())) if detections else None
    report: dict[str, dict[str, dict[str, float]]] = {}
    for position, (label, (low, _)) in enumerate(ranges.items()):
        present = {each["category_id"] for each in annotations if each["area"] >= low}
        rows = {
            name: {
                figure: 0.0 if evaluation is None else _average(evaluation, position, place, iou)
                for figure, iou in FIGURES.items()
            }
            for place, (number, name) in enumerate(sorted(CLASS_NAMES.items()))
            if number in present
        }
        report[label] = rows | {
            "mean": {figure: float(np.mean([row[figure] for row in rows.values()])) for figure in FIGURES}
        }
    return report


def _evaluate(
    images: list[dict], annotations: list[dict], detections: list[dict], ranges: list[list[float]]
) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints what it does
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": number} for number in sorted(CLASS_NAMES)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(detections), "segm")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = ranges, ["all", "large"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _average(evaluation: COCOeval, area: int, category: int, iou: float | None) -> float:
    """Mean precision over recalls (and over IoUs, if none is given) of one class and range of areas."""
    precision = evaluation.eval["precision"][:, :, category, area, -1]  # IoU x recall
    if iou is not None:
        precision = precision[np.isclose(evaluation.params.iouThrs, iou)]
    return 100 * float(precision.mean())
