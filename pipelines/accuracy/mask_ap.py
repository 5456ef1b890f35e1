"""COCO's average precision of detection files against true masks, for all objects and for those that are not tiny."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stc_pseudo.evaluation.average_precision import FoundMask, TrueMask, average_precision, mean_of_classes
from stc_pseudo.evaluation.ground_truth import true_masks
from stc_track.evaluation.frame_alignment import require_fit
from stc_track.formats.mots import CLASS_NAMES, read_detections
from stc_track.io.errors import require_file


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
    truths: list[TrueMask] = []
    detections: list[FoundMask] = []
    sizes: list[tuple[int, int]] = []
    for name in sequences:
        objects = true_masks(truth, name)
        path = require_file(predictions / f"{name}.txt", "detections", "predictions")
        predicted = read_detections(path)
        require_fit(predicted, objects, path, truth)
        for frame in sorted({*objects, *predicted}):
            true, of_frame = objects.get(frame, []), predicted.get(frame, [])
            truths += [TrueMask(len(sizes), obj.class_id, obj.counts) for obj in true]
            detections += [FoundMask(len(sizes), obj.class_id, obj.counts, obj.score) for obj in of_frame]
            sizes.append(next((obj.height, obj.width) for obj in (*true, *of_frame)))
    figures = average_precision(sizes, truths, detections, CLASS_NAMES, {"all": 0, "large": min_area})
    return {
        label: {CLASS_NAMES[class_id]: row for class_id, row in rows.items()} | {"mean": mean_of_classes(rows)}
        for label, rows in figures.items()
    }
