"""Average precision and recall of tracks as YouTube-VIS defines them (Yang et al., ICCV 2019), by TrackEval's TrackMAP.

A result matches a true track of its class by the IoU of both over space and time. AP is the mean over the thresholds
0.50 to 0.95 of that IoU of the area under precision and recall, of at most 100 tracks a video and class; AR1 and AR10
are the recall, mean over the thresholds, where 1 or 10 are allowed. Crowds need not be found. Figures of all classes
are means over the classes that have a true track.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stc_track.evaluation.frame_alignment import require_same_frames
from stc_track.evaluation.mots import require_trackeval
from stc_track.formats.youtube_vis import Annotations, VideoTrack, read_annotations, read_results
from stc_track.io.errors import InputError
from stc_track.io.processes import run_each
from stc_track.masks import rle

_MOST_TRACKS = 100  # a video and class


@dataclass(frozen=True, slots=True)
class TrackAp:
    """Figures of one class or all, on one video or all, in percent.

    Attributes:
        AP, AP50, AP75: over the thresholds 0.50 to 0.95, at 0.50, at 0.75.
        AR1, AR10: recall with 1 and with 10 tracks a video and class.
    """

    AP: float
    AP50: float
    AP75: float
    AR1: float
    AR10: float


@dataclass(frozen=True, slots=True)
class ApEvaluation:
    """Figures by class name, and their means; over all videos and of each. Classes without a true track are left out.

    Attributes:
        combined: of each class over all videos.
        mean: over the classes; None without any true track.
        sequences: of each class on each video.
        sequence_means: over the classes on each video that has a true track.
    """

    combined: dict[str, TrackAp]
    mean: TrackAp | None
    sequences: dict[str, dict[str, TrackAp]]
    sequence_means: dict[str, TrackAp]

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        return asdict(self)


def evaluate_youtube_vis(
    results: Path, truth: Path, sequences: Sequence[str] | None = None, workers: int = 1, any_frames: bool = False
) -> ApEvaluation:
    """Measure a list of results against an annotation file.

    Args:
        results: YouTube-VIS result JSON.
        truth: YouTube-VIS annotation JSON.
        sequences: names of the videos to measure, the folders of their frames; None measures all.
        workers: processes that measure a video each.
        any_frames: measure results that fit the frames before or after better as well.

    Raises:
        InputError: a missing or malformed file, a result of a video or class that the annotations do not have, or
            results a frame early or late.
    """
    true = read_annotations(truth)
    predicted = read_results(results, true.videos)
    for index, track in enumerate(predicted):
        if track.category_id not in true.class_names:
            raise InputError(
                f"{results}: result {index}",
                expected="a category_id of the annotations' categories",
                found=str(track.category_id),
            )
    require_trackeval()
    videos = {video.name: video.video_id for video in true.videos.values()}
    if missing := [name for name in sequences or () if name not in videos]:
        hint = "`sequences=` names folders of frames"
        raise InputError(truth, expected=f"video {missing[0]}", found=", ".join(videos)[:80] or "none", hint=hint)
    # by name: where scores are equal, the order decides, and this is TrackEval's
    names = sorted(sequences or videos)
    jobs = {name: (_of(predicted, videos[name]), _of(true.tracks, videos[name])) for name in names}
    for name, (ours, theirs) in () if any_frames else jobs.items():
        hint = "`any_frames=` measures all the same"
        require_same_frames(_boxes(ours), _boxes(theirs), f"{results}: video {name}", truth, hint=hint)
    weights = {name: sum(len(track.masks) for tracks in pair for track in tracks) for name, pair in jobs.items()}
    return _summarise(run_each(match_video, jobs, weights, workers), true)


def _boxes(tracks: Sequence[VideoTrack]) -> dict[int, np.ndarray]:
    """Tight boxes of all tracks by the frame's position."""
    frames: dict[int, list[np.ndarray]] = {}
    for track in tracks:
        for t, counts in enumerate(track.masks):
            if counts and track.size and rle.area(counts, *track.size):
                frames.setdefault(t, []).append(rle.tight_box(counts, *track.size))
    return {t: np.array(boxes) for t, boxes in frames.items()}


def _of(tracks: Sequence[VideoTrack], video_id: int | str) -> list[VideoTrack]:
    return [track for track in tracks if track.video_id == video_id]


def match_video(predicted: Sequence[VideoTrack], true: Sequence[VideoTrack]) -> dict[int, dict[str, Any]]:
    """TrackMAP's matches on one video, by the class's number; classes that do not occur are left out."""
    metric = _metric(_MOST_TRACKS)
    matches = {}
    for class_id in sorted({track.category_id for track in (*predicted, *true)}):
        of_class = sorted(
            (track for track in predicted if track.category_id == class_id), key=lambda track: -track.score
        )
        theirs = [track for track in true if track.category_id == class_id]
        # from 1: TrackEval takes what is matched by number 0 as free
        matches[class_id] = metric.eval_sequence(
            {
                "dt_track_ids": list(range(1, len(of_class) + 1)),
                "gt_track_ids": list(range(1, len(theirs) + 1)),
                "dt_tracks": [_coco(track) for track in of_class],
                "gt_tracks": [_coco(track) for track in theirs],
                "dt_track_scores": [track.score for track in of_class],
                "gt_track_iscrowd": [track.crowd for track in theirs],
                "iou_type": "mask",
            }
        )
    return matches


def _coco(track: VideoTrack) -> dict[int, dict[str, Any]]:
    return {t: {"size": list(track.size or ()), "counts": counts} for t, counts in enumerate(track.masks) if counts}


def _metric(most: int) -> Any:
    from trackeval.metrics import TrackMAP

    return TrackMAP({"USE_AREA_RANGES": False, "USE_TIME_RANGES": False, "PRINT_CONFIG": False, "MAX_DETECTIONS": most})


def _summarise(matches: Mapping[str, dict[int, dict[str, Any]]], true: Annotations) -> ApEvaluation:
    def by_class(part: Mapping[str, dict[int, dict[str, Any]]]) -> dict[str, TrackAp]:
        scores = {
            name: _scores({video: matched[number] for video, matched in part.items() if number in matched})
            for number, name in sorted(true.class_names.items())
        }
        return {name: score for name, score in scores.items() if score is not None}

    sequences = {name: by_class({name: matched}) for name, matched in matches.items()}
    combined = by_class(matches)
    means = {name: mean for name, classes in sequences.items() if (mean := _mean(classes))}
    return ApEvaluation(combined, _mean(combined), sequences, means)


def _scores(matches: dict[str, dict[str, Any]]) -> TrackAp | None:
    """Figures of one class from its matches on each video; None without a true track."""
    if not matches:
        return None
    figures = {most: _metric(most).combine_sequences(matches) for most in (1, 10, _MOST_TRACKS)}
    precision = figures[_MOST_TRACKS]["AP_all"]
    if precision[0] < 0:  # TrackEval's mark
        return None
    recall = {most: float(np.mean(figure["AR_all"])) for most, figure in figures.items()}
    thresholds = np.asarray(_metric(_MOST_TRACKS).array_labels)
    at = {share: float(precision[np.abs(thresholds - share).argmin()]) for share in (0.5, 0.75)}
    return TrackAp(100 * float(np.mean(precision)), 100 * at[0.5], 100 * at[0.75], 100 * recall[1], 100 * recall[10])


def _mean(classes: Mapping[str, TrackAp]) -> TrackAp | None:
    if not classes:
        return None
    return TrackAp(
        **{name: float(np.mean([getattr(score, name) for score in classes.values()])) for name in TrackAp.__slots__}
    )
