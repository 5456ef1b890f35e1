"""Our tracker beside public ones on real boxes: MOT-Challenge sequences with detections and truth.

`python -m pipelines.tracking.boxes --root DIR` prints TrackEval's figures of all sequences together, and HOTA and
identity switches of each; `--drop N` takes every Nth frame, `--pan` and `--shake` move the boxes as a camera would, by
shares of the frame's width. What each mechanism of ours is worth: `pipelines.tracking.mechanisms`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from pipelines.baselines.public_trackers import BOX_BASELINES
from pipelines.tracking.box_metrics import HEAD, BoxVideo, Result, evaluate, read_video, row, summarise
from stc_track import Detections, Tracker, TrackerSettings
from stc_track.formats.mots import Detection, MotsObject
from stc_track.io.console import Command
from stc_track.io.options import PATH
from stc_track.tracking.link import link
from stc_track.tracking.offline import OfflineSettings, whole_sequence
from stc_track.tracking.settings import PRESETS

DEFAULT = TrackerSettings()
Run = Callable[[BoxVideo], Result]
_NOTHING = np.zeros((0, 4)), np.zeros(0)
_PEDESTRIAN = 2


def ours(settings: TrackerSettings) -> Run:
    """Our tracker; missing tracks are output as `link` does."""

    def run(video: BoxVideo) -> Result:
        tracker, output, tracked_boxes = Tracker(settings, video.frames.step), settings.output, {}
        for frame in video.frames:
            boxes, scores = video.detections.get(frame, _NOTHING)
            classes = np.ones(len(scores), np.int64)
            tracks = tracker.update(Detections(frame, boxes.copy(), scores.copy(), classes))
            low, high = tracks.missing_boxes[:, :2], tracks.missing_boxes[:, 2:]
            shown = (low > 0).all(1) & (high < video.size[::-1]).all(1) & (tracks.missing_for <= output.predict_missing)
            shown &= tracks.missing_scores >= output.predict_score
            tracked_boxes[frame] = (
                np.concatenate((boxes[tracks.indices[tracks.confirmed]], tracks.missing_boxes[shown])),
                np.concatenate((tracks.track_ids[tracks.confirmed], tracks.missing_ids[shown])),
            )
        return tracked_boxes

    return run


def offline(settings: TrackerSettings) -> Run:
    """Our tracker as `stc-track --offline` runs it: the whole sequence is known before anything is output."""

    def run(video: BoxVideo) -> Result:
        detections = (
            Detection(frame, tuple(box), score, _PEDESTRIAN, *video.size, b"")
            for frame, (boxes, scores) in video.detections.items()
            for box, score in zip(boxes.tolist(), scores.tolist(), strict=True)
        )
        delayed = partial(whole_sequence, settings=OfflineSettings(max_gap=settings.lifecycle.max_gap))
        by_frame: dict[int, list[MotsObject]] = {}
        for obj in link(detections, settings, delayed=delayed, frame_step=video.frames.step):
            by_frame.setdefault(obj.frame, []).append(obj)
        return {
            frame: (np.array([obj.box for obj in objects]), np.array([obj.track_id for obj in objects]))
            for frame, objects in by_frame.items()
        }

    return run


def baseline(name: str, options: Mapping[str, Any] | None = None) -> Run:
    """A tracker of the `trackers` package with its defaults and the video's frame rate.

    Args:
        name: one of BOX_BASELINES.
        options: of its constructor; `low_score` leaves out detections below it before the tracker sees them.
    """
    chosen = dict(options or {})
    low_score = chosen.pop("low_score", 0.0)

    def run(video: BoxVideo) -> Result:
        import supervision
        import trackers

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tracker, tracked_boxes = getattr(trackers, BOX_BASELINES[name])(frame_rate=video.frame_rate, **chosen), {}
            for frame in video.frames:
                boxes, scores = video.detections.get(frame, _NOTHING)
                boxes, scores = boxes[scores >= low_score], scores[scores >= low_score]
                detections = supervision.Detections(
                    xyxy=boxes.astype(np.float32), confidence=scores.copy(), class_id=np.zeros(len(scores), int)
                )
                tracked = tracker.update(detections)
                ids = np.asarray(tracked.tracker_id)
                tracked_boxes[frame] = tracked.xyxy[ids >= 0], ids[ids >= 0]
        return tracked_boxes

    return run


def perturbed(video: BoxVideo, drop: int, pan: float, shake: float, seed: int) -> BoxVideo:
    """The video at a lower frame rate, and as a moving camera would have seen it."""
    random = np.random.default_rng(seed)
    frames = video.frames[::drop]
    steps = random.normal(0, pan * video.size[1], (len(frames), 2)) * (1, 0.4)
    place, velocity = random.normal(0, shake * video.size[1], (len(frames), 2)) * (1, 0.5), np.zeros(2)
    drift = np.zeros(2)
    for number, step in enumerate(steps):
        velocity = 0.95 * velocity + 0.3 * step
        drift = drift + velocity
        place[number] += drift
    offsets = {frame: np.tile(place[number], 2) for number, frame in enumerate(frames)}
    kept = [frame for frame in frames if frame in video.detections]
    detections = {frame: (video.detections[frame][0] + offsets[frame], video.detections[frame][1]) for frame in kept}
    truth = {
        frame: (video.truth[frame][0] + offsets[frame], *video.truth[frame][1:])
        for frame in frames
        if frame in video.truth
    }
    size = video.size if not (pan or shake) else (10**6, 10**6)  # nothing leaves a frame that moves along
    return replace(
        video, frames=frames, frame_rate=video.frame_rate / drop, detections=detections, truth=truth, size=size
    )


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", required=True, type=PATH, help="Folder of {sequence}/det, gt, seqinfo.")
@click.option("--baselines/--no-baselines", default=True, help="Measure the public trackers as well.")
@click.option("--drop", default=1, help="Take every Nth frame.")
@click.option("--pan", default=0.0, help="Standard deviation of a camera's acceleration, share of the frame's width.")
@click.option("--shake", default=0.0, help="Standard deviation of a camera's shaking, share of the frame's width.")
@click.option("--seed", default=1, help="Of the camera.")
def main(root: Path, baselines: bool, drop: int, pan: float, shake: float, seed: int) -> None:
    """Measure our tracker and public ones on real boxes."""
    folders = sorted(folder for folder in root.iterdir() if (folder / "det" / "det.txt").is_file())
    videos = [perturbed(read_video(folder), drop, pan, shake, seed) for folder in folders]
    paper = PRESETS["paper"]
    rows: dict[str, Run] = {"ours": ours(DEFAULT), "ours, --preset paper": ours(paper)}
    rows["ours, paper, --motion center"] = ours(paper.changed(points="center"))  # CP of Table VIII
    rows["ours, --offline"] = offline(DEFAULT)
    rows |= {name: baseline(name) for name in BOX_BASELINES} if baselines else {}
    click.echo(f"{', '.join(video.name for video in videos)}\n{'':34}{HEAD}  each: HOTA/switches")
    for name, run in rows.items():
        parts = {video.name: evaluate(video, run(video)) for video in videos}
        alone = [summarise({key: part}) for key, part in parts.items()]
        singly = " ".join(f"{scores.HOTA:.1f}/{scores.id_switches}" for scores in alone)
        click.echo(f"{name:34}{row(summarise(parts))}  {singly}")


if __name__ == "__main__":
    main()
