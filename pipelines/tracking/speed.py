"""Measure the tracker's speed beside plain Python loops and public trackers, by objects a frame, and on a long stream.

`python -m pipelines.tracking.speed` needs no data: objects of random size move about a frame. Frames per second are of
the processor's time, on one core, of linking alone; boxes go in, as arrays (as lists for the loops), and ids come out.
"""

from __future__ import annotations

import json
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np

from pipelines.baselines.public_trackers import BOX_BASELINES, Baseline
from pipelines.baselines.released_tracker import ReleasedTracker
from stc_track.formats.mots import Detection
from stc_track.io.console import Command
from stc_track.io.files import replacing
from stc_track.io.options import PATH
from stc_track.masks import rle
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.tracker import Tracker
from stc_track.tracking.types import Detections

HEIGHT, WIDTH = 1080, 1920
OURS, LOOPS = "ours", "plain loops"


def moving_boxes(objects: int, frames: int, seed: int) -> np.ndarray:
    """Boxes (frames, objects, 4) float64 that drift through the frame, with noise; each restarts at a border."""
    random = np.random.default_rng(seed)
    sizes = random.uniform(15, 60, (objects, 2)) * (1, 1.6)
    start = random.uniform(0, 1, (objects, 2)) * (WIDTH, HEIGHT)
    velocity = random.normal(0, 3, (objects, 2))
    centres = (start + velocity * np.arange(frames)[:, None, None]) % (WIDTH, HEIGHT)
    centres += random.normal(0, 0.02, centres.shape) * sizes
    return np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=2)


def runner(name: str, settings: TrackerSettings) -> Callable[[int, np.ndarray, np.ndarray], object]:
    """What takes in a frame's number, boxes (N, 4) and scores (N,)."""
    if name == OURS:
        tracker = Tracker(settings)
        return lambda frame, boxes, scores: tracker.update(
            Detections(frame, boxes, scores, np.ones(len(scores), np.int64))
        )
    if name == LOOPS:
        loops = ReleasedTracker()
        return lambda frame, boxes, scores: loops.update([tuple(box) for box in boxes.tolist()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no pictures are given
        baseline = Baseline(name)
    return lambda frame, boxes, scores: baseline.update(boxes, scores)


def frames_per_second(name: str, boxes: np.ndarray, settings: TrackerSettings) -> float:
    """Of the processor's time, over frames of boxes (T, N, 4)."""
    update, scores = runner(name, settings), np.full(boxes.shape[1], 0.9)
    copies = [array.copy() for array in boxes]
    started = time.process_time()
    for frame, array in enumerate(copies):
        update(frame, array, scores.copy())
    return len(copies) / (time.process_time() - started)


def stream(detections: int, a_frame: int, seed: int) -> Iterator[Detection]:
    """So many detections with masks, `a_frame` on each frame, one in memory at a time."""
    boxes = moving_boxes(a_frame, 1000, seed)
    counts: dict[tuple[int, ...], bytes] = {}
    for number in range(detections):
        frame, index = divmod(number, a_frame)
        x1, y1, x2, y2 = (int(corner) for corner in boxes[frame % 1000, index].clip(0, (WIDTH, HEIGHT) * 2))
        x2, y2 = min(max(x2, x1 + 4), WIDTH), min(max(y2, y1 + 4), HEIGHT)
        x1, y1 = min(x1, x2 - 4), min(y1, y2 - 4)
        key = (x1, y1, x2, y2)
        if key not in counts:
            if len(counts) > 20_000:
                counts.clear()
            columns = np.arange(x1, x2)[:, None] * HEIGHT
            counts[key] = rle.from_spans(columns + np.array([y1, y2]), HEIGHT, WIDTH)
        yield Detection(frame, tuple(map(float, key)), 0.9, 1, HEIGHT, WIDTH, counts[key])


def memory(total: int, a_frame: int, seed: int, settings: TrackerSettings) -> dict[int, float]:
    """Peak memory of the process, MiB, after a tenth and after all of so many detections."""
    peaks = {}

    def counted() -> Iterator[Detection]:
        for number, detection in enumerate(stream(total, a_frame, seed), 1):
            if number in (total // 10, total):
                peaks[number] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            yield detection

    for _ in link(counted(), settings):
        pass
    return peaks


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--objects", default="8,25,50,100,200", help="Objects a frame, comma-separated.")
@click.option("--frames", default=300, help="Of each measurement.")
@click.option("--seed", default=0, help="Of the boxes.")
@click.option("--baselines/--no-baselines", default=True, help="Measure the public trackers as well.")
@click.option("--stream", "streamed", default=0, help="Stream so many detections with masks and print the memory.")
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file as well.")
def main(objects: str, frames: int, seed: int, baselines: bool, streamed: int, json_file: Path | None) -> None:
    """Measure speed and memory."""
    settings = TrackerSettings()
    counts = [int(text) for text in objects.split(",")]
    names = [OURS, LOOPS, *(BOX_BASELINES if baselines else ())]
    click.echo("frames per second of processor time\n" + f"{'objects a frame':16}" + "".join(f"{n:>13}" for n in names))
    figures: dict[str, dict] = {"fps": {}}
    for count in counts:
        boxes = moving_boxes(count, frames, seed)
        rates = {name: frames_per_second(name, boxes, settings) for name in names}
        figures["fps"][count] = rates
        click.echo(f"{count:<16}" + "".join(f"{rates[name]:13.0f}" for name in names))
    if streamed:
        started = time.process_time()
        figures["memory"] = memory(streamed, 20, seed, settings)
        seconds = time.process_time() - started
        shown = ", ".join(f"{peak:.0f} MiB after {number}" for number, peak in figures["memory"].items())
        click.echo(f"stream of {streamed} detections with masks, 20 a frame: peak {shown}; {seconds:.0f} s")
    if json_file:
        with replacing(json_file, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
