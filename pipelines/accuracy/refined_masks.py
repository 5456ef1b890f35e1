"""What `stc-pseudo refine` gained: `python -m pipelines.accuracy.refined_masks STORE --truth TRUTH`.

Compares the masks of the first round and the refined ones with true masks, per sequence; the interval of the gain is a
bootstrap over tracks. The score of the boxes, made without a true mask, is ranked against the IoU.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from pipelines.reporting.tables import Table
from stc_pseudo.evaluation.ground_truth import fitting_masks
from stc_pseudo.evaluation.overlap import MATCH_IOU, mask_iou
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH
from stc_track.masks import rle
from stc_track.masks.iou import box_iou

RESAMPLES = 2000
COLUMNS = ("track", "first", "refined", "score", "network")


def compare(sequence: SequenceReader, truth: Path, min_area: int) -> np.ndarray:
    """A row for each true mask that has a box, of `COLUMNS`: track, both IoUs, score, and whether it is the network's.

    Args:
        sequence: of a refined store.
        truth: as `stc-pseudo inspect` takes it.
        min_area: true masks of fewer pixels are left out.
    """
    masks, rows = fitting_masks(sequence, truth), []
    for t, number in enumerate(sequence.numbers):
        boxes = sequence.boxes_at(t)
        objects = [o for o in masks.get(number, ()) if rle.area(o.counts, o.height, o.width) >= min_area]
        if not objects or not len(boxes):
            continue
        overlap = box_iou(np.stack([rle.tight_box(o.counts, o.height, o.width) for o in objects]), boxes.xyxy)
        overlap[np.array([o.class_id for o in objects])[:, None] != boxes.class_ids[None]] = 0
        first, refined = sequence.read("first_objects", t), sequence.read("objects", t)
        scores, network = sequence.column("box_score", t), sequence.column("box_refined", t)
        for o, row in zip(objects, overlap, strict=True):
            k = int(row.argmax())
            if row[k] >= MATCH_IOU:
                true = rle.decode(o.counts, o.height, o.width)
                ious = [mask_iou(array == k + 1, true) for array in (first, refined)]
                rows.append([boxes.track_ids[k], *ious, scores[k], network[k]])
    return np.array(rows, float).reshape(-1, len(COLUMNS))


def gain_interval(rows: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean gain of rows of `COLUMNS`, tracks drawn with replacement."""
    random, tracks = np.random.default_rng(seed), np.unique(rows[:, 0])
    sums = np.array([[(rows[rows[:, 0] == k, 2] - rows[rows[:, 0] == k, 1]).sum() for k in tracks],
                     [(rows[:, 0] == k).sum() for k in tracks]])  # fmt: skip
    drawn = sums[:, random.integers(len(tracks), size=(RESAMPLES, len(tracks)))].sum(2)
    low, high = np.quantile(drawn[0] / drawn[1], (0.025, 0.975))
    return float(low), float(high)


def joined(by_sequence: list[np.ndarray]) -> np.ndarray:
    """Rows of `COLUMNS` of several sequences together, tracks of two sequences apart."""
    return np.concatenate([rows + np.array([k * 1e6, 0, 0, 0, 0]) for k, rows in enumerate(by_sequence)])


def as_table(by_sequence: dict[str, np.ndarray]) -> Table:
    """A line a sequence, and one of all: instances and tracks count alike over sequences."""
    from scipy.stats import spearmanr

    lines = []
    for name, rows in [*by_sequence.items(), ("all", joined(list(by_sequence.values())))]:
        if not len(rows):
            continue
        several = len(np.unique(rows[:, 0])) > 1  # one track says nothing of others
        interval = "{:+.4f} to {:+.4f}".format(*gain_interval(rows)) if several else "-"
        rank = spearmanr(rows[:, 3], rows[:, 2]).statistic
        first, refined, _, network = rows[:, 1:].mean(0)
        figures = (f"{first:.4f}", f"{refined:.4f}", f"{refined - first:+.4f}", interval)
        lines.append((name, str(len(rows)), str(len(np.unique(rows[:, 0]))), *figures, f"{network:.2f}", f"{rank:.2f}"))
    columns = ("sequence", "instances", "tracks", "first", "refined", "gain", "95 %", "network's", "rank of score")
    return Table("Refined masks", "Mean IoU with true masks; bootstrap over tracks.", columns, lines)


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--truth", type=PATH, required=True, help="As of stc-pseudo inspect.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
def main(store: str, truth: Path, min_area: int) -> None:
    """Print what refining gained on each sequence of STORE."""
    reader = StoreReader(store)
    for name in reader.sequences:
        if "refine" not in reader.sequence(name).provenance:
            expected, found = "sequences that `stc-pseudo refine` wrote", f"'{name}', which it did not"
            raise InputError(store, expected=expected, found=found)
    rows = {name: compare(reader.sequence(name), truth, min_area) for name in reader.sequences}
    click.echo(as_table(rows).as_text())


if __name__ == "__main__":
    main()
