"""What a store costs: `python -m pipelines.cost.store COMMAND`.

`size` tells a store's bytes a frame, `sample` what a random training sample takes beside PNG files of the same maps,
`scale` what a frame costs in long videos and in many short ones, `workers` what a second process brings. Times are CPU
times where nothing else is said, since a machine may be busy with other things.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from pipelines.cost.simulated_estimators import Flat, simulated_gpu
from stc_track.io.console import Command
from stc_track.io.options import PATH

TINY = 24, 40  # height and width of the frames of `scale`
MAPS = ("instances", "coverage")  # what a training sample reads by default


@click.group()
def main() -> None:
    """Measure stores and builds."""


@main.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
def size(store: str) -> None:
    """Bytes a frame of each array of STORE, and of everything else."""
    from stc_pseudo.store.reader import StoreReader
    from stc_pseudo.store.versions import is_chunk

    reader, frames, total = StoreReader(store), 0, Counter()
    for record in reader.records.values():
        frames += len(record["numbers"])
        for key, (length, *_) in record["files"].items():
            total[key.split("/")[0] if is_chunk(key) and key.split("/")[0] in record["arrays"] else "other"] += length
    for name, length in total.most_common():
        click.echo(f"{name:20} {length / frames / 1e3:8.2f} kB a frame")
    click.echo(f"{'all':20} {total.total() / frames / 1e3:8.2f} kB a frame, {frames} frames")


@main.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--draws", default=400, help="Random samples.")
def sample(store: str, draws: int) -> None:
    """Time of a random training sample's maps out of STORE, beside PNG files of the same maps."""
    import cv2

    from stc_pseudo.store.reader import StoreReader

    reader = StoreReader(store)
    sequences = [reader.sequence(name) for name in reader.sequences]
    places = [(sequence, t) for sequence in sequences for t in range(len(sequence))]
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for k, (sequence, t) in enumerate(places):
            for name in MAPS:
                cv2.imwrite(f"{folder}/{k}-{name}.png", sequence.read(name, t))
        order = random.integers(len(places), size=draws).tolist()

        def from_store() -> None:
            for k in order:
                for name in MAPS:
                    places[k][0].read(name, places[k][1])

        def from_png() -> None:
            for k in order:
                for name in MAPS:
                    cv2.imread(f"{folder}/{k}-{name}.png", cv2.IMREAD_UNCHANGED)

        # The least of several rounds, one after the other: others use the machine as well.
        rounds = [(timed(from_store), timed(from_png)) for _ in range(5)]
    ours, png = (min(times) / draws * 1e3 for times in zip(*rounds, strict=True))
    click.echo(f"a random sample ({' and '.join(MAPS)}): store {ours:.3f} ms, PNG {png:.3f} ms, ratio {ours / png:.2f}")


def timed(function: Callable[[], None]) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    function()
    return time.process_time() - started


def build_tiny(folder: Path, sequences: int, frames: int, boxes: int) -> tuple[float, float, float]:
    """Build a store of tiny drawn videos in a process of its own, with so many boxes a frame.

    Returns:
        CPU ms a frame of the build, CPU ms a frame of a second one that finds everything complete, and peak MiB.
    """
    import cv2

    from stc_pseudo.building.build_store import build
    from stc_pseudo.datasets.base import FrameBoxes, Sequence
    from stc_pseudo.settings import LabelSettings
    from stc_pseudo.store.writer import StoreWriter

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            picture = np.random.default_rng(0).integers(0, 256, (*TINY, 3), np.uint8)
            encoded = cv2.imencode(".png", picture)[1].tobytes()
            corners, ids = np.array([[8, 4, 30, 20]] * boxes, np.float32).reshape(-1, 4), np.arange(boxes) + 1
            box = FrameBoxes(corners, np.ones(boxes, int), ids, np.zeros((0, 4), np.float32))
            videos = []
            for k in range(sequences):
                place = folder / f"{k:05d}"
                place.mkdir()
                paths = tuple(place / f"{t:06d}.png" for t in range(frames))
                for path in paths:
                    path.write_bytes(encoded)
                numbers = tuple(range(frames))
                videos.append(Sequence(place.name, TINY, paths, numbers, boxes=dict.fromkeys(numbers, box)))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            figures = []
            for _ in range(2):
                started = time.process_time()
                writer = StoreWriter(str(folder / "store"), "tiny", {1: "thing"}, folder)
                build(videos, Flat(), Flat(), writer, LabelSettings(detail=4))
                figures.append((time.process_time() - started) / (sequences * frames) * 1e3)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            os.write(write, " ".join(map(str, (*figures, peak))).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read().split()
    os.waitpid(pid, 0)
    if len(answer) != 3:
        raise click.ClickException("the build failed")
    return float(answer[0]), float(answer[1]), float(answer[2])


@main.command(cls=Command, context_settings={"show_default": True})
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=(int, int),
    default=((1, 1000), (1, 10_000), (2000, 5)),
    help="Sequences, and frames of each; repeatable; the first is what others are compared with.",
)
@click.option(
    "--boxes", default=1, help="On each frame; without any, nothing but reading, pooling and writing is left."
)
def scale(cases: tuple[tuple[int, int], ...], boxes: int) -> None:
    """Cost of a frame, of a rerun, and peak memory, by the length and number of videos of 40x24 pixels."""
    import torch

    torch.set_num_threads(1)
    first: tuple[float, float, float] | None = None
    for sequences, frames in cases:
        with tempfile.TemporaryDirectory() as folder:
            costs = build_tiny(Path(folder), sequences, frames, boxes)
        first = first or costs
        cost, again, peak = costs
        click.echo(
            f"{sequences:6} x {frames:6} frames: {cost:6.2f} ms a frame ({cost / first[0] - 1:+.0%}), "
            f"a rerun {again:.3f} ms, {peak:.0f} MiB at most ({peak / first[2] - 1:+.0%})"
        )


@main.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Data set in KITTI MOTS's layout, with stereo.")
@click.option("--sequence", default="0000")
@click.option("--short", default=11, help="Sequences of 16 frames beside the whole one.")
@click.option("--frames", default=154, help="Of the long sequence.")
@click.option("--workers", default=2)
@click.option(
    "--gpu-ms", default=0.0, help="Of networks on a simulated GPU a frame: the time of a build beside theirs."
)
def workers(root: Path, sequence: str, short: int, frames: int, workers: int, gpu_ms: float) -> None:
    """Time of a build with one process and with several: `sgbm` and `dis`, one long video and short ones.

    OpenCV's threads in the one process use all cores, so it runs on one core as well, as each of several does.
    With --gpu-ms the networks take that time a frame in a process of their own, which leaves the cores free; nothing
    else is measured then.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = cut_videos(root, sequence, folder / "data", {"long": frames} | {f"short{k}": 16 for k in range(short)})
        if gpu_ms:
            whole, networks = build_on_simulated_gpu(data, folder / "store", workers, gpu_ms / 1e3)
            click.echo(f"networks alone {networks:.1f} s, build {whole:.1f} s: {whole / networks:.2f} x")
            return
        cores = sorted(os.sched_getaffinity(0))
        cases = (("one process on one core", 1, cores[:1]), ("one process", 1, cores), ("several", workers, cores))
        seconds = {}
        for case, count, used in cases:
            program, store = Path(sys.executable).with_name("stc-pseudo"), folder / case.replace(" ", "-")
            command = ["taskset", "-c", ",".join(map(str, used)), program, "build", "--dataset", "kitti", "--root"]
            command += [data, "--out", store, "--depth", "sgbm", "--flow", "dis", "--workers", str(count)]
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            seconds[case] = time.perf_counter() - started
            click.echo(f"{case:24}{seconds[case]:7.1f} s, {cpu:6.1f} s of CPU")
        for case in ("one process on one core", "one process"):
            ratio = seconds[case] / seconds["several"]
            click.echo(f"{workers} processes against {case}: {ratio:.2f} x on {len(cores)} cores")


def build_on_simulated_gpu(root: Path, store: Path, workers: int, seconds: float) -> tuple[float, float]:
    """Wall time of a build whose networks take so many seconds a frame elsewhere, and theirs alone, in seconds."""
    from stc_pseudo.building.build_store import build
    from stc_pseudo.building.cluster import OnDask
    from stc_pseudo.datasets.kitti import read_kitti
    from stc_pseudo.settings import LabelSettings
    from stc_pseudo.store.writer import StoreWriter

    videos, settings = read_kitti(root), LabelSettings()
    writer = StoreWriter(str(store), "kitti", videos[0].class_names, root)
    making = OnDask(partial(simulated_gpu, seconds), writer.store, workers, gpu=True)
    started = time.perf_counter()
    build(videos, Flat(), Flat(), writer, settings, executor=making)
    return time.perf_counter() - started, seconds * sum(len(video) for video in videos)


def cut_videos(root: Path, sequence: str, folder: Path, lengths: dict[str, int]) -> Path:
    """Link the first frames of a stereo sequence under several names as a data set of its own."""
    training = root / "training"
    rows = (root / "instances_txt" / f"{sequence}.txt").read_text().splitlines(keepends=True)
    calibration = (training / "calib" / f"{sequence}.txt").read_text()
    for part in ("training/calib", "instances_txt"):
        (folder / part).mkdir(parents=True)
    for name, length in lengths.items():
        for camera in ("image_02", "image_03"):
            target = folder / "training" / camera / name
            target.mkdir(parents=True)
            for path in sorted((training / camera / sequence).iterdir())[:length]:
                (target / path.name).symlink_to(path.resolve())
        (folder / "training/calib" / f"{name}.txt").write_text(calibration)
        kept = [row for row in rows if int(row.split()[0]) < length]
        (folder / "instances_txt" / f"{name}.txt").write_text("".join(kept))
    return folder


if __name__ == "__main__":
    main()
