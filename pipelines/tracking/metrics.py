"""Figures of tracks in memory: HOTA, CLEAR and identity figures of both classes, by TrackEval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stc_track.evaluation.mots import Frames, Scores, evaluate_frames, summarise, truth_files
from stc_track.formats.mots import Detection, MotsObject, read_mots

TUNING = ("0001", "0004", "0005", "0011", "0015", "0017")  # settings were chosen on these, of KITTI MOTS' training
CLASSES = ("car", "pedestrian")

Link = Callable[[list[Detection]], Iterable[MotsObject]]


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """Detections of one sequence, and its truth by frame number."""

    detections: list[Detection]
    truth: Frames


def read_truth(root: Path, names: Iterable[str] | None = None) -> dict[str, Frames]:
    """Truth of the named sequences, of all without names; `root` as in `evaluation.truth_files`."""
    return {name: read_mots(path) for name, path in truth_files(root, names and list(names)).items()}


def measure(videos: Mapping[str, Video], link: Link) -> dict[str, dict[str, dict]]:
    """Link each sequence; TrackEval's figures by sequence, for `scores`."""
    parts = {}
    for name, video in videos.items():
        frames: dict[int, list[MotsObject]] = {}
        for obj in link(video.detections):
            frames.setdefault(obj.frame, []).append(obj)
        parts[name] = evaluate_frames(name, frames, video.truth)
    return parts


def scores(parts: Mapping[str, dict]) -> dict[str, Scores]:
    """Of all sequences together, by class name; classes that do not occur are left out."""
    return summarise(parts).combined
