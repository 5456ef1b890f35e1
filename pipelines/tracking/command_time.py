"""Time of the whole `stc-track` command on boxes, beside `Tracker.update` alone and the `trackers track` command.

`python -m pipelines.tracking.command_time --root DIR` measures seconds of processor time of child processes, all
sequences of a folder of MOT-Challenge together, by turns, and prints frames a second and the ratios. A command's own
start is part of its time: `stc-track` starts once for all sequences, `trackers track` once for each. Reading and
writing the same boxes, without a tracker between, are measured as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from pipelines.tracking.box_metrics import BoxVideo, read_video
from stc_track import Detections, Tracker
from stc_track.formats.mot_boxes import write_mot
from stc_track.formats.sources import open_sources
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH

PEERS = "bytetrack", "ocsort", "botsort"
_NOTHING = np.zeros((0, 4)), np.zeros(0)


def child_seconds(*command: object) -> float:
    """Processor time of a command, user and system; raises CalledProcessError where it fails."""
    before = os.times()
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    subprocess.run([str(word) for word in command], check=True, capture_output=True, env=os.environ | one_thread)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def update_seconds(videos: list[BoxVideo]) -> float:
    """Processor time of `Tracker.update` over all frames, arrays in, arrays out."""
    total = 0.0
    for video in videos:
        tracker = Tracker(None, video.frames.step)
        for frame in video.frames:
            boxes, scores = (array.copy() for array in video.detections.get(frame, _NOTHING))
            started = time.process_time()
            tracker.update(Detections(frame, boxes, scores, np.ones(len(scores), np.int64)))
            total += time.process_time() - started
    return total


def file_seconds(root: Path, out: Path) -> tuple[float, float]:
    """Processor time of reading the folder's boxes and of writing as many, no tracking between."""
    started = time.process_time()
    objects = {name: list(source.objects()) for name, source in open_sources(
        root, text="detections", boxes_as_masks=False).sequences.items()}  # fmt: skip
    read = time.process_time()
    for name, tracked in objects.items():
        write_mot(out / f"{name}.txt", tracked)
    return read - started, time.process_time() - read


def our_command(root: Path, out: Path) -> float:
    """Of `stc-track` on the folder, MOT-Challenge boxes in and out."""
    shutil.rmtree(out, ignore_errors=True)
    start = "from stc_track.commands.track import main; main()"
    return child_seconds(sys.executable, "-c", start, root, "--out", out, "--format", "mot")


def peer_command(folders: list[Path], tracker: str, out: Path) -> float:
    """Of `trackers track` on the sequences' boxes, one after the other."""
    program = shutil.which("trackers", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if program is None:
        raise InputError("trackers", expected="the command", found="none", hint="pip install 'stc-seg[baselines]'")
    return sum(
        child_seconds(program, "track", "--detections", video / "det" / "det.txt", "--tracker", tracker, "--mot-output",
                      out / f"{video.name}.txt", "--overwrite")
        for video in folders
    )  # fmt: skip


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", required=True, type=PATH, help="Folder of {sequence}/det, gt, seqinfo.")
@click.option("--repeats", default=3, help="The best of so many is taken.")
@click.option("--baselines/--no-baselines", default=True, help="Measure the other package's command as well.")
def main(root: Path, repeats: int, baselines: bool) -> None:
    """Measure the time of whole commands."""
    folders = sorted(folder for folder in root.iterdir() if (folder / "det" / "det.txt").is_file())
    videos = [read_video(folder) for folder in folders]
    frames = sum(len(video.detections) for video in videos)
    with tempfile.TemporaryDirectory() as folder:
        inputs, out = Path(folder) / "in", Path(folder) / "out"
        for folder in folders:  # detections alone: the truth beside them is no input
            (inputs / folder.name / "det").mkdir(parents=True)
            for name in ("seqinfo.ini", "det/det.txt"):
                shutil.copy(folder / name, inputs / folder.name / name)
        seconds_of: dict[str, list[float]] = {}
        for _ in range(repeats):
            turns = {"update()": update_seconds(videos), "stc-track": our_command(inputs, out)}
            turns["stc-track's start"] = child_seconds(sys.executable, "-c", _START)
            turns["reading"], turns["writing"] = file_seconds(inputs, out)
            if baselines:
                turns |= {f"trackers track, {name}": peer_command(folders, name, Path(folder)) for name in PEERS}
            for name, seconds in turns.items():
                seconds_of.setdefault(name, []).append(seconds)
    ours = min(seconds_of["update()"])
    rest = min(seconds_of["stc-track"]) - sum(
        min(seconds_of[name]) for name in ("stc-track's start", "reading", "writing")
    )
    click.echo(f"{frames} frames\n{'':28}{'seconds':>9}{'frames/s':>10}{'x update()':>12}")
    for name, seconds in seconds_of.items():
        best = min(seconds)
        click.echo(f"{name:28}{best:9.2f}{frames / best:10.0f}{best / ours:12.2f}")
    click.echo(f"stc-track less its start, reading and writing: {rest / ours:.2f} x update()")


_START = "import stc_track.tracking.link, stc_track.convert, stc_track.commands.track"

if __name__ == "__main__":
    main()
