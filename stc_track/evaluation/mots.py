"""Tracking figures of MOTS results by the `trackeval` package, on files that are checked first.

HOTA (Luiten et al., IJCV 2020), CLEAR (sMOTSA, MOTSA, MOTSP; Voigtlaender et al., CVPR 2019) and identity figures
(Ristani et al., ECCVW 2016) are TrackEval's own, and so are the rules of KITTI MOTS and MOTS20: classes apart, an
unmatched result that lies by more than half in an ignore region is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.evaluation.frame_alignment import require_one_size, require_same_frames, tight_boxes
from stc_track.formats.mot_boxes import sequence_length
from stc_track.formats.mots import CLASS_NAMES, MotsObject, line_of, read_mots
from stc_track.io.errors import InputError, require_folder
from stc_track.io.files import sequence_files
from stc_track.io.processes import run_each
from stc_track.masks import rle
from stc_track.masks.disjoint import touching

Frames = Mapping[int, Sequence[MotsObject]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What MOTS benchmarks differ in.

    Attributes:
        class_names: of the classes that it measures, by number.
        first_frame: the number of a sequence's first frame.
    """

    class_names: Mapping[int, str]
    first_frame: int


KITTI_MOTS = Benchmark(CLASS_NAMES, first_frame=0)
MOTS20 = Benchmark({2: CLASS_NAMES[2]}, first_frame=1)


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one class on one sequence, or on all together.

    Attributes:
        HOTA, DetA, AssA, LocA: percent, mean over the localisation thresholds 0.05 to 0.95.
        sMOTSA, MOTSA, MOTSP, IDF1: percent, at mask IoU 0.5.
        id_switches: how often a true object changes its track.
        true_positives, false_negatives, false_positives: masks, at mask IoU 0.5.
    """

    HOTA: float
    DetA: float
    AssA: float
    LocA: float
    sMOTSA: float  # noqa: N815 - the metric's name
    MOTSA: float
    MOTSP: float
    IDF1: float
    id_switches: int
    true_positives: int
    false_negatives: int
    false_positives: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures by class name, over all sequences and of each. Classes without truth and results are left out."""

    combined: dict[str, Scores]
    sequences: dict[str, dict[str, Scores]]

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        return asdict(self)


def truth_files(truth: Path, sequences: Sequence[str] | None = None) -> dict[str, Path]:
    """Path of each sequence's truth file.

    Args:
        truth: a folder of `{sequence}.txt` or, as MOTS20, of `{sequence}/gt/gt.txt`, or a data set's root that holds
            one named `instances_txt`.
        sequences: which to take; None takes all.

    Raises:
        InputError: no such folder, no file in it, or a named sequence without one.
    """
    require_folder(truth, "MOTS text files", "`truth=` names it")
    hint = "`truth=` names the folder, `sequences=` what to take from it"
    if files := {path.parents[1].name: path for path in sorted(truth.glob("*/gt/gt.txt"))}:
        if missing := [name for name in sequences or () if name not in files]:
            raise InputError(truth, expected=f"{missing[0]}/gt/gt.txt", found="none", hint=hint)
        return {name: files[name] for name in sequences or files}
    folder = truth / "instances_txt" if (truth / "instances_txt").is_dir() else truth
    return sequence_files(folder, sequences, hint)


def evaluate(
    results: Path,
    truth: Path,
    sequences: Sequence[str] | None = None,
    benchmark: Benchmark = KITTI_MOTS,
    workers: int = 1,
    any_frames: bool = False,
) -> Evaluation:
    """Measure a folder of `{sequence}.txt` against the truth.

    Args:
        results: folder of KITTI MOTS text files, one for each sequence that is measured.
        truth: as in `truth_files`.
        sequences: which to measure; None measures all that have a truth.
        benchmark: name of the rules.
        workers: processes that measure a sequence each.
        any_frames: measure results that seem to be of other frames than the truth as well.

    Raises:
        InputError: a missing or malformed file, masks that overlap, a frame size that is not the truth's, a frame
            before the benchmark's first, or results of other frames than the truth
            (`frame_alignment.require_same_frames`).
    """
    true_files = truth_files(truth, sequences)
    result_files = sequence_files(results, list(true_files), "`sequences=` measures only those it names")
    require_trackeval()
    jobs = {name: (result_files[name], path, benchmark, any_frames) for name, path in true_files.items()}
    weights = {name: path.stat().st_size for name, path in true_files.items()}
    return summarise(run_each(evaluate_sequence, jobs, weights, workers), benchmark)


def evaluate_sequence(
    result: Path, truth: Path, benchmark: Benchmark = KITTI_MOTS, any_frames: bool = False
) -> dict[str, dict[str, dict[str, Any]]]:
    """TrackEval's figures of one sequence, by class name and metric name (HOTA, CLEAR, Identity).

    Raises:
        InputError: as `evaluate`.
    """
    predicted, true = _read_disjoint(result), _read_disjoint(truth)
    require_one_size(predicted, true, result)
    for path, frames in ((result, predicted), (truth, true)):
        if (first := min(frames, default=benchmark.first_frame)) < benchmark.first_frame:
            expected = f"frames that count from {benchmark.first_frame}"
            raise InputError(path, expected=expected, found=f"frame {first}", hint="`benchmark=` names the rules")
    if not any_frames:
        hint = "`stc-convert --shift N` counts from another; `any_frames=` measures all the same"
        require_same_frames(tight_boxes(predicted), tight_boxes(true), result, truth, _video_numbers(truth), hint)
    return evaluate_frames(truth.stem, predicted, true, benchmark)


def _video_numbers(truth: Path) -> set[int] | None:
    """Frame numbers of the truth's video, where a data set's own layout has its frames or their count; else None."""
    truth = truth.resolve()
    if truth.parent.name == "gt":
        length = sequence_length(truth.parents[1])
        return None if length is None else set(range(1, length + 1))
    for root in (truth.parents[1], truth.parents[1].parent):
        folder = root / "training" / "image_02" / truth.stem
        if truth.parent.name == "instances_txt" and folder.is_dir():
            return {int(path.stem) for path in folder.iterdir() if path.stem.isdecimal()} or None
    return None


def evaluate_frames(
    name: str, predicted: Frames, true: Frames, benchmark: Benchmark = KITTI_MOTS
) -> dict[str, dict[str, dict[str, Any]]]:
    """As `evaluate_sequence`, of objects in memory that are disjoint and of one size."""
    dataset, raw = _dataset(benchmark), _raw_data(name, predicted, true)
    data = {name: dataset.get_preprocessed_seq_data(raw, name) for name in benchmark.class_names.values()}
    return {
        name: {metric.get_name(): metric.eval_sequence(part) for metric in _metrics()} for name, part in data.items()
    }


def _read_disjoint(path: Path) -> Frames:
    """Objects by frame number; an error if two share a pixel."""
    frames = read_mots(path)
    for frame, objects in frames.items():
        masks = _coco(objects)
        if coco_mask.area(coco_mask.merge(masks)) < coco_mask.area(masks).sum():
            clashing = touching([rle.spans(obj.counts, obj.height, obj.width) for obj in objects])
            ids = [objects[index].track_id for index in np.flatnonzero(clashing)]
            where = f"{path}:{line_of(path, frame, ids[-1])}"
            found = f"ids {', '.join(map(str, ids))} overlap"
            raise InputError(where, expected=f"masks that do not overlap on frame {frame}", found=found)
    return frames


def require_trackeval() -> None:
    """Raise an InputError where the package is not installed."""
    if find_spec("trackeval") is None:
        raise InputError("trackeval", expected="the package", found="none", hint="pip install 'stc-seg[eval]'")


def _dataset(benchmark: Benchmark) -> Any:
    """TrackEval's rules of KITTI MOTS, which MOTS20 shares, without its files and folders."""
    from trackeval.datasets import KittiMOTS

    class Checked(KittiMOTS):  # type: ignore[misc]  # TrackEval has no types
        def __init__(self) -> None:
            self.class_name_to_class_id = {name: str(number) for number, name in benchmark.class_names.items()}

    return Checked()


def _metrics() -> list[Any]:
    from trackeval import metrics

    quiet = {"PRINT_CONFIG": False}
    return [metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)]


def _raw_data(name: str, predicted: Frames, true: Frames) -> dict[str, Any]:
    """What TrackEval's `get_raw_seq_data` would give, from objects in memory."""
    numbers = sorted({*predicted, *true})  # no figure changes with a frame on which there is nothing
    raw: dict[str, Any] = {"seq": name, "num_timesteps": len(numbers)}
    # ignore regions share an id, which TrackEval refuses, and those of results count in no class
    counted = {
        who: [[obj for obj in objects.get(number, ()) if not obj.ignored] for number in numbers]
        for who, objects in (("tracker", predicted), ("gt", true))
    }
    for who, frames in counted.items():
        # TrackEval makes a table as long as the largest id
        compact = {
            track_id: k for k, track_id in enumerate(sorted({obj.track_id for frame in frames for obj in frame}))
        }
        raw[f"{who}_ids"] = [np.array([compact[obj.track_id] for obj in frame], int) for frame in frames]
        raw[f"{who}_classes"] = [np.array([obj.class_id for obj in frame], int) for frame in frames]
        raw[f"{who}_dets"] = [_coco(frame) for frame in frames]
    raw["gt_ignore_region"] = [
        coco_mask.merge(_coco([obj for obj in true.get(number, ()) if obj.ignored])) for number in numbers
    ]
    raw["similarity_scores"] = [
        np.asarray(coco_mask.iou(gt, dets, [False] * len(dets))).reshape(len(gt), len(dets))
        for gt, dets in zip(raw["gt_dets"], raw["tracker_dets"], strict=True)
    ]
    return raw


def _coco(objects: Sequence[MotsObject]) -> list[dict[str, Any]]:
    return [{"size": [obj.height, obj.width], "counts": obj.counts} for obj in objects]


def summarise(
    parts: Mapping[str, dict[str, dict[str, dict[str, Any]]]], benchmark: Benchmark = KITTI_MOTS
) -> Evaluation:
    """Scores of each sequence and of all, for the classes that occur in any, from what `evaluate_sequence` gave."""
    combined: dict[str, Scores] = {}
    sequences: dict[str, dict[str, Scores]] = {name: {} for name in parts}
    for class_name in benchmark.class_names.values():
        together = {
            metric.get_name(): metric.combine_sequences(
                {name: part[class_name][metric.get_name()] for name, part in parts.items()}
            )
            for metric in _metrics()
        }
        if not _occurs(together):
            continue
        combined[class_name] = _scores(together)
        for name, part in parts.items():
            if _occurs(part[class_name]):
                sequences[name][class_name] = _scores(part[class_name])
    return Evaluation(combined, sequences)


def _occurs(figures: dict[str, dict[str, Any]]) -> bool:
    return figures["CLEAR"]["CLR_TP"] + figures["CLEAR"]["CLR_FN"] + figures["CLEAR"]["CLR_FP"] > 0


def _scores(figures: dict[str, dict[str, Any]]) -> Scores:
    hota, clear, identity = figures["HOTA"], figures["CLEAR"], figures["Identity"]
    return Scores(
        **{name: 100 * float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA", "LocA")},
        sMOTSA=100 * float(clear["sMOTA"]),
        MOTSA=100 * float(clear["MOTA"]),
        MOTSP=100 * float(clear["MOTP"]),
        IDF1=100 * float(identity["IDF1"]),
        id_switches=int(clear["IDSW"]),
        true_positives=int(clear["CLR_TP"]),
        false_negatives=int(clear["CLR_FN"]),
        false_positives=int(clear["CLR_FP"]),
    )
