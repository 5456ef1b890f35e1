"""Measuring a store: mean IoU of pseudo-masks with true masks, beside what a box alone gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stc_pseudo.evaluation.ground_truth import require_truth_of, true_masks
from stc_pseudo.evaluation.overlap import drawn_shapes, mask_iou, matched_boxes
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError
from stc_track.io.progress import Bar
from stc_track.masks import rle

SHAPES = ("pseudo_mask", "filled_box", "ellipse")


def inspect_store(store: StoreReader, truth: Path, sequences: tuple[str, ...], min_area: int) -> dict[str, Any]:
    """Compare every pseudo-mask with the true mask of its object, at the frame's size.

    Args:
        store: what to measure.
        truth: a data set in the KITTI MOTS layout, a folder of `{sequence}.txt` in MOTS text, or a YouTube-VIS JSON
            file.
        sequences: names.
        min_area: true masks of fewer pixels are left out.

    Returns:
        JSON values: for each class and for `all`, `instances` (true masks that a box was found for), `without_box`,
        and the mean IoU of each of `SHAPES`.
    """
    rows: list[tuple[str, np.ndarray | None]] = []
    for name in Bar(sequences, desc="inspect", unit="sequence"):
        rows += inspect_sequence(store.sequence(name), true_masks(truth, name), store.class_names, min_area, str(truth))
    report = {}
    for class_name in (*store.class_names.values(), "all"):
        scores = [row[1] for row in rows if class_name in (row[0], "all")]
        overlaps = np.array([score for score in scores if score is not None]).reshape(-1, len(SHAPES))
        means = [round(float(mean), 4) for mean in overlaps.mean(0)] if len(overlaps) else [None] * len(SHAPES)
        report[class_name] = {
            "instances": len(overlaps),
            "without_box": len(scores) - len(overlaps),
            **dict(zip(SHAPES, means, strict=True)),
        }
    return {"min_area": min_area, "sequences": list(sequences), "mean_iou": report}


def inspect_sequence(
    sequence: SequenceReader, truth: dict[int, list[MotsObject]], class_names: dict[int, str], min_area: int, where: str
) -> list[tuple[str, np.ndarray | None]]:
    """Compare one sequence's pseudo-masks with true masks.

    Args:
        sequence: of the store.
        truth: true masks by frame number.
        class_names: class number to name.
        min_area: true masks of fewer pixels are left out.
        where: names the truth in messages.

    Returns:
        a row for each true mask: its class's name, and its IoU with each of `SHAPES` (None without a box).
    """
    require_truth_of(sequence, truth, where, "`truth=`")
    rows = []
    for t, number in enumerate(sequence.numbers):
        objects = [o for o in truth.get(number, ()) if rle.area(o.counts, o.height, o.width) >= min_area]
        if not objects:
            continue
        for o in objects:
            if o.class_id not in class_names:
                place = f"{where}: frame {number}, id {o.track_id}"
                expected, found = f"a class of {class_names}", f"class {o.class_id}"
                raise InputError(place, expected=expected, found=found, hint="`truth=`")
        boxes = sequence.boxes_at(t)
        pairs = matched_boxes(objects, boxes.xyxy, boxes.class_ids)
        pieces = sequence.read("objects", t)
        for i, o in enumerate(objects):
            name = class_names[o.class_id]
            if i not in pairs:
                rows.append((name, None))
                continue
            box = boxes.xyxy[pairs[i]]
            pseudo = pieces == pairs[i] + 1
            true = rle.decode(o.counts, o.height, o.width)
            rows.append((name, np.array([mask_iou(shape, true) for shape in (pseudo, *drawn_shapes(box, true.shape))])))
    return rows
