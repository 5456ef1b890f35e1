"""Pseudo-masks beside what a box alone gives: `python -m pipelines.accuracy.labels STORE --truth TRUTH`.

Solves the puzzle again from the depth and flow of a store, on every N-th frame, for one or several sets of cues
(Table III), and prints the mean IoU with the true masks of each sequence beside that of the filled box, the ellipse
inscribed in it and OpenCV's GrabCut (five iterations, the box grown by 0.3 on all sides as background). With `--stored`
the masks of the store itself are measured. Below: the rank correlation (Spearman) of the masks' scores with their IoU,
and the time a box takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import FrameBoxes
    from stc_pseudo.puzzle.features import FrameMaps
    from stc_pseudo.settings import MaskSettings
    from stc_pseudo.store.reader import SequenceReader

GROWTH = 0.3  # of the box's side, on each: GrabCut's background
ITERATIONS = 5
CUES = ("depth,flow,colour,motion",)


@dataclass(frozen=True, eq=False)
class Sample:
    """A frame and its boxes.

    Attributes:
        maps: of the frame.
        boxes: N of them.
        stored: the store's masks (H, W) uint16 and their scores (N,), or None.
        truth: the true mask of each box, (H, W) bool; None where there is none of the least size.
    """

    maps: FrameMaps
    boxes: FrameBoxes
    stored: tuple[np.ndarray, np.ndarray] | None
    truth: list[np.ndarray | None]


def samples_of(
    sequence: SequenceReader, truth: Path, every: int, min_area: int, stored: bool
) -> Iterator[list[Sample]]:
    """All frames of each shard of a sequence that is measured at all, those between the measured ones without truth.

    Frames that follow each other are solved together, as `stc-pseudo build` does it. The store's own masks come only
    where `stored` asks for them.
    """
    from stc_pseudo.datasets.images import read_frame
    from stc_pseudo.evaluation.ground_truth import fitting_masks
    from stc_pseudo.puzzle.features import FrameMaps
    from stc_pseudo.store.schema import shard_frames
    from stc_track.formats.store import CELL
    from stc_track.masks import rle

    objects, length = fitting_masks(sequence, truth), shard_frames(sequence.size)
    fine = "fine_" if "fine_flow" in sequence.stored else ""
    for start in range(0, len(sequence), length):
        shard = []
        for t in range(start, min(start + length, len(sequence))):
            boxes, shown = sequence.boxes_at(t), objects.get(sequence.numbers[t], ()) if t % every == 0 else ()
            true = {o.track_id: rle.decode(o.counts, o.height, o.width) > 0 for o in shown}
            masks = [_fitting(true, box, min_area) for box in boxes.xyxy]
            depth, flow = (sequence.read(f"{fine}{kind}", t).astype(np.float32) for kind in ("inverse_depth", "flow"))
            detail = sequence.size[0] // len(depth) if fine else CELL
            maps = FrameMaps(read_frame(sequence.frame_path(t), sequence.size), depth, flow, detail)
            stored_labels = (sequence.read("objects", t), sequence.column("box_score", t)) if stored else None
            shard.append(Sample(maps, boxes, stored_labels, masks))
        if any(mask is not None for sample in shard for mask in sample.truth):
            yield shard


def _fitting(masks: dict[int, np.ndarray], box: np.ndarray, min_area: int) -> np.ndarray | None:
    """The mask, of at least `min_area` pixels, whose tight box fits a box best, at an IoU of one half at the least."""
    from stc_pseudo.evaluation.overlap import MATCH_IOU
    from stc_track.masks.iou import box_iou

    large = [mask for mask in masks.values() if np.count_nonzero(mask) >= min_area]
    if not large:
        return None
    tight = np.array([_tight_box(mask) for mask in large], np.float32)
    overlap = box_iou(box[None], tight)[0]
    return large[overlap.argmax()] if overlap.max() >= MATCH_IOU else None


def _tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def grabcut(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """OpenCV's GrabCut of a box in a frame (H, W, 3) uint8: (H, W) bool; the filled box where it finds no models."""
    import cv2

    from stc_pseudo.evaluation.overlap import drawn_shapes

    height, width = frame.shape[:2]
    sides = GROWTH * (box[2:] - box[:2])
    left, top = np.maximum(np.floor(box[:2] - sides), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + sides), (width, height)).astype(int)
    labels = np.where(drawn_shapes(box, (height, width))[0], cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    window = np.ascontiguousarray(labels[top:bottom, left:right])
    if (window == cv2.GC_BGD).any():
        cv2.setRNGSeed(0)
        cut = np.ascontiguousarray(frame[top:bottom, left:right])
        cv2.grabCut(cut, window, None, np.zeros((1, 65)), np.zeros((1, 65)), ITERATIONS, cv2.GC_INIT_WITH_MASK)
    whole = np.zeros((height, width), bool)
    whole[top:bottom, left:right] = window == cv2.GC_PR_FGD
    return whole


class Measurement:
    """IoU of the measured boxes, scores of their masks, CPU seconds and the boxes they were spent on, by variant."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = {}
        self.scores: dict[str, list[float]] = {}
        self.seconds: dict[str, float] = {}
        self.boxes: dict[str, int] = {}

    def add_rivals(self, shard: list[Sample], with_grabcut: bool) -> None:
        """Measure what a box alone and a single frame give."""
        from stc_pseudo.evaluation.overlap import drawn_shapes, mask_iou

        for sample in shard:
            for box, mask in zip(sample.boxes.xyxy, sample.truth, strict=True):
                if mask is None:
                    continue
                for name, shape in zip(("filled box", "ellipse"), drawn_shapes(box, mask.shape), strict=True):
                    self.found.setdefault(name, []).append(mask_iou(shape, mask))
                if with_grabcut:
                    begun = time.process_time()
                    cut = grabcut(sample.maps.frame, box)
                    self.seconds["GrabCut"] = self.seconds.get("GrabCut", 0) + time.process_time() - begun
                    self.boxes["GrabCut"] = self.boxes.get("GrabCut", 0) + 1
                    self.found.setdefault("GrabCut", []).append(mask_iou(cut, mask))

    def add(self, name: str, shard: list[Sample], objects: Iterable[np.ndarray], scores: Iterable[np.ndarray]) -> None:
        """Measure masks of a shard's frames."""
        from stc_pseudo.evaluation.overlap import mask_iou

        for sample, of_frame, of_boxes in zip(shard, objects, scores, strict=True):
            for k, mask in enumerate(sample.truth):
                if mask is not None:
                    self.found.setdefault(name, []).append(mask_iou(of_frame == k + 1, mask))
                    self.scores.setdefault(name, []).append(float(of_boxes[k]))

    def solve(self, name: str, shard: list[Sample], settings: MaskSettings) -> None:
        """Solve a shard's frames by some settings, and measure."""
        from stc_pseudo.puzzle.solve import solve_frames

        begun = time.process_time()
        objects, scores = solve_frames([s.maps for s in shard], [s.boxes for s in shard], settings)
        self.seconds[name] = self.seconds.get(name, 0) + time.process_time() - begun
        self.boxes[name] = self.boxes.get(name, 0) + sum(len(sample.boxes) for sample in shard)
        self.add(name, shard, objects, scores)


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--truth", type=PATH, required=True, help="As of stc-pseudo inspect.")
@click.option("--sequences", help="Comma-separated names; all, if not given.")
@click.option("--every", default=6, help="Frames: each N-th is measured.")
@click.option("--cues", "cue_sets", multiple=True, default=CUES, help="A variant each; repeatable.")
@click.option("--walk", is_flag=True, help="Measure the random walk alone beside every set of cues.")
@click.option("--stored", is_flag=True, help="Measure the masks of the store too.")
@click.option("--grabcut/--no-grabcut", "with_grabcut", default=True, help="Measure GrabCut too.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
def main(
    store: str,
    truth: Path,
    sequences: str | None,
    every: int,
    cue_sets: tuple[str, ...],
    walk: bool,
    stored: bool,
    with_grabcut: bool,
    min_area: int,
) -> None:
    """Print mean IoU by sequence, rank correlations of the scores, and times."""
    from stc_pseudo.settings import TRUST, LikelihoodSettings, MaskSettings
    from stc_pseudo.store.reader import StoreReader

    reader = StoreReader(store)
    names = sequences.split(",") if sequences else list(reader.sequences)
    exact = "fine_flow" in reader.sequence(names[0]).stored
    variants = {
        cues: MaskSettings(cues=tuple(cues.split(",")), **TRUST["exact" if exact else "estimated"]) for cues in cue_sets
    }
    if walk:
        never = LikelihoodSettings(choice_margin=100.0, motion_margin=100.0)
        variants |= {f"{cues}, walk": replace(settings, likelihood=never) for cues, settings in variants.items()}
    measured = {}
    for name in names:
        measurement = Measurement()
        for shard in samples_of(reader.sequence(name), truth, every, min_area, stored):
            measurement.add_rivals(shard, with_grabcut)
            if stored:
                measurement.add("stored", shard, *zip(*(sample.stored for sample in shard), strict=True))
            for variant, settings in variants.items():
                measurement.solve(variant, shard, settings)
        if measurement.found:
            measured[name] = measurement
        click.echo(f"{name}: {len(measurement.found.get('ellipse', ()))} boxes", err=True)
    report(measured, f"Mean IoU with true masks of at least {min_area} pixels, every {every} frames.")


def report(measured: dict[str, Measurement], note: str) -> None:
    """Print what was measured in each sequence."""
    from scipy.stats import spearmanr

    from pipelines.reporting.tables import Table, number

    means = {
        name: {key: float(np.mean(values)) for key, values in measurement.found.items()}
        for name, measurement in measured.items()
    }
    columns = list(next(iter(means.values()), ()))
    counts = {name: len(measurement.found["ellipse"]) for name, measurement in measured.items()}
    rows = [(name, str(counts[name]), *(number(of_one[key]) for key in columns)) for name, of_one in means.items()]
    if len(rows) > 1:
        overall = (number(float(np.mean([of_one[key] for of_one in means.values()]))) for key in columns)
        rows.append(("mean of sequences", str(sum(counts.values())), *overall))
    click.echo(Table("Pseudo-masks", note, ("sequence", "boxes", *columns), rows).as_text())
    for key in columns:
        scores = [value for measurement in measured.values() for value in measurement.scores.get(key, ())]
        if scores:
            ious = [value for measurement in measured.values() for value in measurement.found[key]]
            click.echo(f"{key}: rank correlation of score and IoU {spearmanr(scores, ious)[0]:.2f}")
        seconds = sum(measurement.seconds.get(key, 0) for measurement in measured.values())
        if seconds:
            boxes = sum(measurement.boxes.get(key, 0) for measurement in measured.values())
            click.echo(f"{key}: {1000 * seconds / boxes:.1f} ms of CPU a box")


if __name__ == "__main__":
    main()
