"""Whether corrupted files of every format end in a result or in a message, never in a crash or half a file.

Good files are corrupted at random (bytes, numbers, lines, values of JSON and XML), and the commands run on them. Each
case depends on the seed and its number alone. A case fails where a command raises anything but a message to its user,
leaves a file behind after one, writes tracks that do not read again or overlap, takes a minute or a gigabyte, or kills
its process.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import multiprocessing
import random
import resource
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from pipelines.checks.corruptions import corrupt
from pipelines.checks.fuzz_inputs import READERS
from stc_track.commands import convert, evaluate, track
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, MotsObject, read_mots, write_mots
from stc_track.io.console import Command
from stc_track.masks import rle
from stc_track.masks.disjoint import touching

SIZE = HEIGHT, WIDTH = 12, 17
_LONGEST = 60  # seconds of computing that a case may take
_PATIENCE = 900  # seconds after which one that does not end is said to hang
_MOST_MEMORY = 2**20  # KiB of the process that runs them


@dataclass(frozen=True, slots=True)
class Target:
    """Something to corrupt and run.

    Attributes:
        name: shown to the user.
        files: makes the good input in a folder and returns the files to corrupt.
        arguments: of the command for the folder.
        command: to run.
        corrupt: changes a file's content.
    """

    name: str
    files: Callable[[Path], list[Path]]
    arguments: Callable[[Path], list[str]]
    command: click.Command
    corrupt: Callable[[bytes, random.Random], bytes] = corrupt


def tracks() -> Iterator[MotsObject]:
    """A car and a pedestrian that pass each other, and an ignore region."""
    for t in range(4):
        for track_id, x, y, side in ((1001, 2 * t, 2, 5), (2001, 12 - 2 * t, 3, 4)):
            mask = np.zeros(SIZE, bool)
            mask[y : y + side, x : x + side] = True
            if track_id == 2001:
                mask[2:7, 2 * t : 2 * t + 5] = False
            yield MotsObject(t, track_id, track_id // 1000, *SIZE, rle.encode(mask))
        region = np.zeros(SIZE, bool)
        region[10:, 10:] = True
        yield MotsObject(t, IGNORE_ID, IGNORE_CLASS, *SIZE, rle.encode(region), ignored=True)


def _in(kind: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        write_mots(folder / "tracks" / "0000.txt", tracks())
        out = folder / ("in.json" if kind in ("ytvis", "ytvis-results", "coco") else "in")
        arguments = [str(folder / "tracks"), "--to", kind, "--out", str(out), "--shift", "1"]
        convert.main(arguments, standalone_mode=False)
        if kind == "ytvis-results":
            convert.main(
                [str(folder / "tracks"), "--to", "ytvis", "--out", str(folder / "truth.json"), "--shift", "1"],
                standalone_mode=False,
            )
        return sorted(path for path in folder.glob("in*/**/*" if out.is_dir() else "in.json") if path.is_file())

    return make


def _coco_results(folder: Path) -> list[Path]:
    results = [
        {
            "image_id": obj.frame,
            "category_id": obj.class_id,
            "score": 0.7,
            "bbox": [1, 2, 3, 4],
            "segmentation": {"size": list(SIZE), "counts": obj.counts.decode()},
        }
        for obj in tracks()
        if not obj.ignored
    ]
    (folder / "in").mkdir()
    (folder / "in" / "0000.json").write_text(json.dumps(results))
    return [folder / "in" / "0000.json"]


def _mot_truth(folder: Path) -> list[Path]:
    (folder / "in" / "MOT-1" / "gt").mkdir(parents=True)
    info, truth = folder / "in" / "MOT-1" / "seqinfo.ini", folder / "in" / "MOT-1" / "gt" / "gt.txt"
    info.write_text(f"[Sequence]\nimWidth={WIDTH}\nimHeight={HEIGHT}\n")
    truth.write_text("".join(f"{t},1,{t},2,5,5,1,1,0.9\n{t},2,9,9,3,3,1,3,1\n" for t in range(1, 5)))
    return [info, truth]


def _truth(folder: Path) -> list[Path]:
    files = _in("mots")(folder)
    shutil.copytree(folder / "in", folder / "truth")
    return files


def _converted(kind: str, *options: str) -> Callable[[Path], list[str]]:
    def arguments(folder: Path) -> list[str]:
        source = folder / "in.json" if (folder / "in.json").exists() else folder / "in"
        out = folder / ("out.json" if kind in ("ytvis", "coco", "ytvis-results") else "out")
        return [str(source), "--to", kind, "--out", str(out), *options]

    return arguments


def _tracked(folder: Path) -> list[str]:
    source = folder / "in.json" if (folder / "in.json").exists() else folder / "in"
    return [str(source), "--out", str(folder / "out"), "--frame-size", f"{HEIGHT}x{WIDTH}"]


def _measured(folder: Path) -> list[str]:
    return [str(folder / "in"), "--truth", str(folder / "truth"), "--workers", "1"]


def _measured_videos(folder: Path) -> list[str]:
    arguments = ["--benchmark", "youtube-vis", "--workers", "1"]
    return [str(folder / "in.json"), "--truth", str(folder / "truth.json"), *arguments]


SIZED = ("--frame-size", f"{HEIGHT}x{WIDTH}")
TARGETS = [
    *(
        Target(f"convert {source} to {kind}", _in(source), _converted(kind, *SIZED), convert.main)
        for source in ("mots", "png", "ytvis", "coco", "mot", "ytvis-results")
        for kind in ("mots", "png")
    ),
    *(
        Target(f"convert mots to {kind}", _in("mots"), _converted(kind), convert.main)
        for kind in ("ytvis", "ytvis-results", "coco", "cvat", "mot", "detections")
    ),
    Target("convert MOT's truth to mots", _mot_truth, _converted("mots"), convert.main),
    Target("convert COCO results", _coco_results, _converted("detections"), convert.main),
    *(
        Target(f"track {source}", _in(source), _tracked, track.main)
        for source in ("detections", "png", "mot", "ytvis-results")
    ),
    Target("track COCO results", _coco_results, _tracked, track.main),
    Target("evaluate", _truth, _measured, evaluate.main),
    Target("evaluate youtube-vis", _in("ytvis-results"), _measured_videos, evaluate.main),
    *(
        Target(name, files, lambda folder, more=more: [str(folder), *more], command, corruption)
        for name, files, command, more, corruption in READERS
    ),
]


@functools.cache
def _home() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()


@functools.cache
def _made(target: Target) -> tuple[Path, tuple[Path, ...]]:
    """A folder with the target's good input, made once, and the files in it to corrupt, relative to it."""
    folder = Path(tempfile.mkdtemp(dir=_home().name))
    return folder, tuple(path.relative_to(folder) for path in target.files(folder))


def run_case(seed: int, number: int, targets: list[Target] | None = None) -> tuple[str, str]:
    """Run one case of the targets; of all, if None.

    Returns:
        the target's name, and `result` or `message`.

    Raises:
        Exception: the case fails.
    """
    draw = random.Random(f"{seed} {number}")
    targets = TARGETS if targets is None else targets
    target = targets[number % len(targets)]
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name)
        good, names = _made(target)
        shutil.copytree(good, folder, dirs_exist_ok=True)
        files = [folder / path for path in names]
        for path in draw.sample(files, min(len(files), draw.choice((1, 1, 2)))):
            path.write_bytes(target.corrupt(path.read_bytes(), draw))
        if draw.random() < 0.05:
            path = draw.choice(files)
            path.rename(path.with_name(draw.choice(("a..b", "...", "-", " ", "é\u202e")) + path.suffix))
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                target.command(target.arguments(folder), standalone_mode=False)
        except click.ClickException as error:
            if not error.message or "\n" in error.message:
                raise AssertionError(f"not one line: {error.message!r}") from error
            left = [path for place in ("out", "out.json") for path in folder.glob(f"{place}/**/.*.tmp")]
            if left or (folder / "out.json").exists():
                raise AssertionError(f"left behind after '{error.message}'") from error
            return target.name, "message"
        _require_whole(folder / "out")
    return target.name, "result"


def _require_whole(out: Path) -> None:
    """MOTS text that was written reads again, without overlaps."""
    if not out.is_dir():
        return
    for path in out.glob("*.txt"):
        with path.open("rb") as file:
            if len(file.readline().split()) != 6:
                continue
        for frame, objects in read_mots(path).items():
            if touching([rle.spans(obj.counts, obj.height, obj.width) for obj in objects]).any():
                raise AssertionError(f"{path}: frame {frame}: overlaps")


def _work(seed: int, end: float, targets: list[Target], current: Any, ended: multiprocessing.Queue) -> None:
    """Run cases from the one after `current` until the time `end`; the first that fails goes into the queue."""
    counts: Counter[tuple[str, str]] = Counter()
    torch.set_num_threads(1)  # a forked process has none of the threads that torch would wait for
    while time.monotonic() < end:
        current.value += 1
        started = time.process_time()
        try:
            counts[run_case(seed, current.value, targets)] += 1
        except BaseException:
            ended.put((current.value, traceback.format_exc(), counts))
            return
        if (took := time.process_time() - started) > _LONGEST:
            ended.put((current.value, f"took {took:.0f} s", counts))
            return
        if (most := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) > _MOST_MEMORY:
            ended.put((current.value, f"took {most / 1024:.0f} MB", counts))
            return
    ended.put((None, "", counts))


@click.command(cls=Command)
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(min=0.01))
@click.option("--seed", default=0, show_default=True)
@click.option("--case", type=click.IntRange(min=0), help="Run this case alone, and show what it raises.")
@click.option("--only", default="", help="Targets with this in their names; each case is then another one.")
def main(minutes: float, seed: int, case: int | None, only: str) -> None:
    """Run the commands on corrupted files of every format until the time is over or one fails."""
    targets = [target for target in TARGETS if only in target.name]
    if not targets:
        raise click.BadParameter(f"expected a part of a target's name, found {only!r}", param_hint="--only")
    if case is not None:
        click.echo(": ".join(run_case(seed, case, targets)))
        return
    current, ended = multiprocessing.Value("q", -1), multiprocessing.Queue()
    worker = multiprocessing.Process(
        target=_work, args=(seed, time.monotonic() + 60 * minutes, targets, current, ended)
    )
    worker.start()
    failed, trace, counts = None, "", Counter()
    last, since = -1, time.monotonic()
    while worker.is_alive() and ended.empty() and time.monotonic() - since < _PATIENCE:
        worker.join(0.2)
        if current.value != last:
            last, since = current.value, time.monotonic()
    if worker.is_alive() and ended.empty():
        worker.kill()
        failed, trace = current.value, f"did not end in {_PATIENCE} s"
    elif not ended.empty() or worker.exitcode == 0:
        failed, trace, counts = ended.get()
        worker.join()
    else:
        failed, trace = current.value, f"the process ended with {worker.exitcode}"
    for target in targets:
        results, messages = (counts[target.name, kind] for kind in ("result", "message"))
        click.echo(f"{target.name:32}{results:8} results {messages:8} messages")
    click.echo(f"{counts.total()} cases of seed {seed}")
    if failed is not None:
        raise click.ClickException(f"case {failed} of seed {seed} failed\n{trace}")


if __name__ == "__main__":
    main()
