"""Measure predicted masks beside their own filled boxes: `python -m pipelines.accuracy.predicted_masks`.

Detections and true objects of one class are paired by the IoU of their boxes; each pair is judged twice, once by the
predicted mask and once by the predicted box filled. The bar for box supervision: the mask must be the better one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.optimize import linear_sum_assignment

from pipelines.reporting.tables import CLASS_ROWS, show_by_class
from stc_pseudo.evaluation.overlap import MATCH_IOU, drawn_shapes, mask_iou
from stc_track.evaluation.frame_alignment import require_fit
from stc_track.formats.mots import IGNORE_CLASS, Detection, MotsObject, read_detections, read_mots
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH
from stc_track.masks import rle
from stc_track.masks.iou import box_iou


def matched_ious(detections: list[Detection], objects: list[MotsObject]) -> list[tuple[int, float, float]]:
    """Pair one frame's detections with its true objects.

    Args:
        detections: of the frame.
        objects: true ones, without ignore regions.

    Returns:
        for each pair, the class and the IoU with the true mask of the predicted mask and of the predicted box filled.
    """
    if not detections or not objects:
        return []
    tight = np.stack([rle.tight_box(o.counts, o.height, o.width) for o in objects])
    overlap = box_iou(np.array([d.box for d in detections], np.float32), tight)
    same_class = np.equal.outer([d.class_id for d in detections], [o.class_id for o in objects])
    overlap = np.where(same_class, overlap, 0)
    rows = []
    for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
        if overlap[i, j] < MATCH_IOU:
            continue
        detection, true = detections[i], objects[j]
        true_mask = rle.decode(true.counts, true.height, true.width)
        mask = rle.decode(detection.counts, detection.height, detection.width)
        filled, _ = drawn_shapes(np.array(detection.box), true_mask.shape)
        rows.append((true.class_id, mask_iou(mask, true_mask), mask_iou(filled, true_mask)))
    return rows


def measure(predictions: Path, truth: Path, score: float, min_area: int) -> dict[str, Any]:
    """Mean IoU of matched predictions and of their filled boxes, per class.

    Args:
        predictions: folder of `{sequence}.txt`, detections.
        truth: folder of `{sequence}.txt`, masks in MOTS text.
        score: detections below are left out.
        min_area: true masks of fewer pixels are left out.

    Raises:
        InputError: a predicted sequence has no truth or does not fit it, or there are no predictions.
    """
    files = sorted(predictions.glob("*.txt"))
    if not files:
        raise InputError(predictions, expected="{sequence}.txt files of detections", found="none")
    rows, objects_seen = [], []
    for file in files:
        true_objects = read_mots(truth / file.name)
        detections = {
            frame: [detection for detection in objects if detection.score >= score]
            for frame, objects in read_detections(file).items()
        }
        require_fit(detections, true_objects, file, truth / file.name)
        for frame, objects in true_objects.items():
            kept = [
                o for o in objects if o.class_id != IGNORE_CLASS and rle.area(o.counts, o.height, o.width) >= min_area
            ]
            objects_seen += [o.class_id for o in kept]
            rows += matched_ious(detections.get(frame, []), kept)
    table = np.array(rows).reshape(-1, 3)
    report = {}
    for name, classes in CLASS_ROWS:
        chosen = table[np.isin(table[:, 0], classes)]
        mask, box = (None, None) if not len(chosen) else (round(float(v), 4) for v in chosen[:, 1:].mean(0))
        report[name] = {
            "objects": int(np.isin(objects_seen, classes).sum()),
            "matched": len(chosen),
            "predicted_mask": mask,
            "filled_predicted_box": box,
        }
    return report


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("predictions", type=PATH)
@click.option("--truth", type=PATH, required=True, help="Folder of {sequence}.txt in MOTS text.")
@click.option("--score", default=0.3, help="Leave out detections below.")
@click.option("--min-area", default=300, help="Leave out true masks of fewer pixels.")
@click.option("--json", "json_file", type=PATH, help="Write the figures here as well.")
def main(predictions: Path, truth: Path, score: float, min_area: int, json_file: Path | None) -> None:
    """Mean IoU of PREDICTIONS' masks with the truth, beside that of their own boxes filled."""
    report = measure(predictions, truth, score, min_area)
    show_by_class(report, json_file)


if __name__ == "__main__":
    main()
