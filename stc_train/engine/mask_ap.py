"""Validation: COCO's average precision of the predicted masks, against true masks or the store's pseudo-masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from stc_pseudo.evaluation.average_precision import FoundMask, TrueMask, average_precision, mean_of_classes
from stc_pseudo.evaluation.ground_truth import require_truth_of, true_masks
from stc_pseudo.evaluation.overlap import drawn_shapes
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError
from stc_track.masks import rle
from stc_train.registry import METRICS

# What an annotation of COCO's needs: class number, RLE, whether it marks a region where nothing is known.
Annotation = tuple[int, bytes, bool]


@METRICS.register_module()
class MaskAP(BaseMetric):
    """`AP`, `AP50` and `AP75` of masks, 0 to 100, over the frames of some sequences of a store.

    The figures' prefix says what they are measured against: `val_true_masks` or `val_pseudo_masks`. Pseudo-masks share
    the training's mistakes, so such an AP orders the checkpoints of one training, and means little beside another's.

    Args:
        store: path or URL.
        sequences: names.
        truth: a data set in the KITTI MOTS layout, or a folder of `{sequence}.txt` in MOTS text; None takes the
            store's pseudo-masks.
        kwargs: MMEngine's.

    Raises:
        InputError: no such store, sequence or file of true masks, or masks of another size than the frames.
    """

    def __init__(self, store: str, sequences: Sequence[str], truth: str | None = None, **kwargs: Any) -> None:
        super().__init__(prefix="val_pseudo_masks" if truth is None else "val_true_masks", **kwargs)
        reader = StoreReader(store)
        self.class_numbers = sorted(reader.class_names)
        self.targets: dict[str, list[Annotation]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}
        for name in sequences:
            sequence = reader.sequence(name)
            targets = (
                pseudo_targets(sequence, self.class_numbers)
                if truth is None
                else true_targets(sequence, true_masks(Path(truth), name), truth, self.class_numbers)
            )
            for index, of_frame in enumerate(targets):
                image = f"{name}/{sequence.frame_path(index).stem}"
                self.targets[image], self.sizes[image] = of_frame, sequence.size

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the predictions of a batch, as RLE."""
        for sample in data_samples:
            predicted = sample["pred_instances"]
            masks = predicted["masks"]
            masks = masks.cpu().numpy() if hasattr(masks, "cpu") else np.asarray(masks)
            self.results.append(
                (
                    sample["img_id"],
                    predicted["scores"].tolist(),
                    predicted["labels"].tolist(),
                    [rle.encode(mask) for mask in masks],
                )
            )

    def compute_metrics(self, results: list[tuple[str, list[float], list[int], list[bytes]]]) -> dict[str, float]:
        """AP over the images that were predicted."""
        images = {image: k for k, image in enumerate(sorted({row[0] for row in results}))}
        truth = [TrueMask(k, *target) for image, k in images.items() for target in self.targets[image]]
        detections = [
            FoundMask(images[image], self.class_numbers[label], counts, score)
            for image, scores, labels, masks in results
            for score, label, counts in zip(scores, labels, masks, strict=True)
        ]
        sizes = [self.sizes[image] for image in images]
        return mean_of_classes(average_precision(sizes, truth, detections, self.class_numbers, {"all": 0})["all"])


def pseudo_targets(sequence: SequenceReader, class_numbers: list[int]) -> list[list[Annotation]]:
    """Each frame's pseudo-masks as annotations; a box without one, and an ignore region, count neither way."""
    frames = []
    for t in range(len(sequence)):
        boxes, rows = sequence.boxes_at(t), ignored(sequence, t, class_numbers)
        objects = sequence.read("objects", t)
        for k, (box, class_number) in enumerate(zip(boxes.xyxy, boxes.class_ids.tolist(), strict=True), 1):
            mask = objects == k
            labelled = bool(mask.any())
            rows.append(
                (class_number, rle.encode(mask if labelled else drawn_shapes(box, sequence.size)[0]), not labelled)
            )
        frames.append(rows)
    return frames


def true_targets(
    sequence: SequenceReader, masks: dict[int, list[MotsObject]], truth: str, class_numbers: list[int]
) -> list[list[Annotation]]:
    """Each frame's true masks as annotations; the store's ignore regions count neither way."""
    require_truth_of(sequence, masks, truth, "`val_truth=`")
    frames = []
    for t, number in enumerate(sequence.numbers):
        rows = ignored(sequence, t, class_numbers)
        for o in masks.get(number, ()):
            if o.class_id not in class_numbers:
                place = f"{truth}: frame {number}, id {o.track_id}"
                expected, found = f"a class of {class_numbers}", f"class {o.class_id}"
                raise InputError(place, expected=expected, found=found, hint="`val_truth=`")
            rows.append((o.class_id, o.counts, False))
        frames.append(rows)
    return frames


def ignored(sequence: SequenceReader, index: int, class_numbers: list[int]) -> list[Annotation]:
    """A frame's ignore regions, for every class."""
    regions = [rle.encode(drawn_shapes(box, sequence.size)[0]) for box in sequence.boxes_at(index).ignore]
    return [(number, counts, True) for counts in regions for number in class_numbers]
