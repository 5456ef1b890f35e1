"""TrackEval's figures of boxes with ids, by the rules of MOT-Challenge, in memory.

HOTA (Luiten et al., IJCV 2020), CLEAR and identity figures are TrackEval's own. Before they are measured, results that
match what the benchmark calls a distractor (people on vehicles, standing figures, reflections) are removed.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stc_track.masks.iou import box_iou

Result = Mapping[int, tuple[np.ndarray, np.ndarray]]  # frame -> boxes (K, 4) x1 y1 x2 y2, track ids (K,)


@dataclass(frozen=True, slots=True, eq=False)
class BoxVideo:
    """One sequence of MOT-Challenge.

    Attributes:
        name: of the sequence.
        frames: numbers of its frames, increasing, without gaps.
        size: (height, width), pixels.
        frame_rate: frames a second.
        detections: by frame: boxes (N, 4) float64 x1 y1 x2 y2 pixels, scores (N,); frames without any have no entry.
        truth: by frame: boxes (M, 4), ids (M,), classes (M,), whether they are measured (M,).
    """

    name: str
    frames: range
    size: tuple[int, int]
    frame_rate: float
    detections: dict[int, tuple[np.ndarray, np.ndarray]]
    truth: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True, slots=True)
class BoxScores:
    """Figures of one sequence, or of several together; percent, but for counts."""

    HOTA: float
    DetA: float
    AssA: float
    IDF1: float
    MOTA: float
    id_switches: int


def read_video(folder: Path) -> BoxVideo:
    """Read `det/det.txt`, `gt/gt.txt` and `seqinfo.ini` of one sequence."""
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    sequence = info["Sequence"]
    detected, true = (np.loadtxt(folder / name, delimiter=",", ndmin=2) for name in ("det/det.txt", "gt/gt.txt"))
    numbers = np.concatenate((detected[:, 0], true[:, 0])).astype(int)
    return BoxVideo(
        folder.name,
        range(numbers.min(), numbers.max() + 1),
        (int(sequence["imHeight"]), int(sequence["imWidth"])),
        float(sequence["frameRate"]),
        {frame: (_corners(rows), rows[:, 6]) for frame, rows in _by_frame(detected).items()},
        {
            frame: (_corners(rows), rows[:, 1].astype(int), rows[:, 7].astype(int), rows[:, 6] != 0)
            for frame, rows in _by_frame(true).items()
        },
    )


def evaluate(video: BoxVideo, result: Result) -> dict[str, dict]:
    """TrackEval's figures of one sequence by metric, for `summarise`."""
    dataset = _dataset()
    data = dataset.get_preprocessed_seq_data(_raw_data(video, result), "pedestrian")
    return {metric.get_name(): metric.eval_sequence(data) for metric in _metrics()}


def summarise(parts: Mapping[str, dict[str, dict]]) -> BoxScores:
    """The figures of all sequences together."""
    together = {
        metric.get_name(): metric.combine_sequences({name: part[metric.get_name()] for name, part in parts.items()})
        for metric in _metrics()
    }
    return BoxScores(
        *(100 * float(np.mean(together["HOTA"][name])) for name in ("HOTA", "DetA", "AssA")),
        100 * float(together["Identity"]["IDF1"]),
        100 * float(together["CLEAR"]["MOTA"]),
        int(together["CLEAR"]["IDSW"]),
    )


def row(scores: BoxScores) -> str:
    """The figures in columns, as `HEAD` names them."""
    values = (getattr(scores, field.name) for field in fields(scores))
    return "".join(f"{value:9d}" if isinstance(value, int) else f"{value:8.2f}" for value in values)


HEAD = "".join(f"{field.name:>8}" for field in fields(BoxScores) if field.name != "id_switches") + " switches"


def _by_frame(rows: np.ndarray) -> dict[int, np.ndarray]:
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    frames, starts = np.unique(rows[:, 0].astype(int), return_index=True)
    return dict(zip(frames.tolist(), np.split(rows, starts[1:]), strict=True))


def _corners(rows: np.ndarray) -> np.ndarray:
    """x1 y1 x2 y2 from 0, of rows with x y width height from 1 in columns 2 to 5."""
    low = rows[:, 2:4] - 1
    return np.concatenate((low, low + rows[:, 4:6]), axis=1)


@cache
def _metrics() -> list:
    from trackeval import metrics

    quiet = {"PRINT_CONFIG": False}
    return [metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet)]


@cache
def _dataset() -> Any:
    """TrackEval's rules of MOT-Challenge without its files and folders."""
    from trackeval.datasets import MotChallenge2DBox

    class InMemory(MotChallenge2DBox):
        def __init__(self) -> None:
            self.benchmark, self.do_preproc = "MOT17", True
            names = (
                "pedestrian",
                "person_on_vehicle",
                "car",
                "bicycle",
                "motorbike",
                "non_mot_vehicle",
                "static_person",
                "distractor",
                "occluder",
                "occluder_on_ground",
                "occluder_full",
                "reflection",
                "crowd",
            )
            self.class_name_to_class_id = {name: number for number, name in enumerate(names, 1)}
            self.valid_class_numbers = list(self.class_name_to_class_id.values())

    return InMemory()


def _raw_data(video: BoxVideo, result: Result) -> dict:
    """What TrackEval's `get_raw_seq_data` would give, from arrays in memory."""
    names = (
        "gt_ids",
        "gt_classes",
        "gt_dets",
        "gt_extras",
        "tracker_ids",
        "tracker_classes",
        "tracker_dets",
        "tracker_confidences",
        "similarity_scores",
    )
    raw: dict = {name: [] for name in names}
    nothing = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool)
    for frame in video.frames:
        boxes, ids, classes, measured = video.truth.get(frame, nothing)
        result_boxes, track_ids = result.get(frame, nothing[:2])
        raw["gt_dets"].append(boxes)
        raw["gt_ids"].append(ids)
        raw["gt_classes"].append(classes)
        raw["gt_extras"].append({"zero_marked": measured.astype(int)})
        raw["tracker_dets"].append(result_boxes)
        raw["tracker_ids"].append(track_ids)
        raw["tracker_classes"].append(np.ones(len(track_ids), int))
        raw["tracker_confidences"].append(np.ones(len(track_ids)))
        raw["similarity_scores"].append(box_iou(boxes, result_boxes))
    return {**raw, "num_timesteps": len(video.frames), "seq": video.name}
