"""Measure the masks that `stc-predict --boxes` makes.

`python -m pipelines.accuracy.converted_boxes RESULTS --truth DIR`

Objects are matched by track id, which a conversion keeps. Beside each mask it measures the filled true box and the
inscribed ellipse: what the box alone gives.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from pipelines.reporting.tables import CLASS_ROWS, show_by_class
from stc_pseudo.evaluation.ground_truth import true_masks
from stc_pseudo.evaluation.overlap import drawn_shapes, mask_iou
from stc_track.evaluation.frame_alignment import require_fit
from stc_track.formats.mots import read_mots
from stc_track.io.console import Command
from stc_track.io.files import sequence_files
from stc_track.io.options import PATH
from stc_track.masks import rle

SHAPES = ("converted_mask", "filled_box", "ellipse")


def measure(results: Path, truth: Path, min_area: int) -> dict[str, dict[str, float | int | None]]:
    """Mean IoU of converted masks with the true ones, by class and for all.

    Args:
        results: folder of `{sequence}.txt` in MOTS text.
        truth: a data set in the KITTI MOTS layout, or a folder of `{sequence}.txt` in MOTS text.
        min_area: true masks of fewer pixels are left out.

    Returns:
        for each class, `objects` and the mean IoU of each of `SHAPES`; an object without a mask counts with 0.
    """
    rows = []
    for name, file in sequence_files(results, None, "stc-predict --boxes writes them").items():
        converted, true_objects = read_mots(file), true_masks(truth, name)
        require_fit(converted, true_objects, file, truth)
        by_frame = {frame: {o.track_id: o for o in objects} for frame, objects in converted.items()}
        for frame, objects in true_objects.items():
            for o in objects:
                if rle.area(o.counts, o.height, o.width) < min_area:
                    continue
                true = rle.decode(o.counts, o.height, o.width)
                obj = by_frame.get(frame, {}).get(o.track_id)
                mask = np.zeros_like(true) if obj is None else rle.decode(obj.counts, obj.height, obj.width)
                shapes = drawn_shapes(rle.tight_box(o.counts, o.height, o.width), true.shape)
                rows.append((o.class_id, *(mask_iou(shape, true) for shape in (mask, *shapes))))
    table = np.array(rows).reshape(-1, 1 + len(SHAPES))
    report = {}
    for name, classes in CLASS_ROWS:
        chosen = table[np.isin(table[:, 0], classes), 1:]
        means = [round(float(mean), 4) for mean in chosen.mean(0)] if len(chosen) else [None] * len(SHAPES)
        report[name] = {"objects": len(chosen), **dict(zip(SHAPES, means, strict=True))}
    return report


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("results", type=PATH)
@click.option("--truth", type=PATH, required=True, help="True masks: a KITTI MOTS folder.")
@click.option("--min-area", default=300, help="True masks of fewer pixels are left out.")
@click.option("--json", "json_file", type=PATH, help="Write the figures here too.")
def main(results: Path, truth: Path, min_area: int, json_file: Path | None) -> None:
    """Compare the masks in RESULTS, converted from boxes, with the true ones of the same track ids."""
    report = measure(results, truth, min_area)
    show_by_class(report, json_file)


if __name__ == "__main__":
    main()
