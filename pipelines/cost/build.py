"""Measure the cost of `stc-pseudo build` beside its networks, and its memory as the video grows.

`time` runs the command with Monodepth2 and UPFlow and tells how much of its wall time passes outside their forward
passes: decoding, resizing, pooling, similarity, masks and writing. Without weights, networks of the published size
with random weights are used: they take as long, and draw noise.

`memory` builds stores of drawn videos of growing length, from precomputed depth and flow cut as a network's, each in a
process of its own whose peak the kernel tells.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from torch import nn

OTHER_SHARE = 0.10  # of the wall time, at most
GROWTH = 0.05  # of the peak memory, at most
DEPTH_SIZE, FLOW_SIZE = (192, 640), (256, 832)  # defaults of train-depth and train-flow
HEIGHT, WIDTH, OBJECTS = 96, 320, 3  # of the drawn videos


@dataclass
class Clock:
    """Adds up the time of the forward passes of networks of some classes.

    Attributes:
        networks: the classes.
        seconds: (2,) wall time and this process's CPU time so far; the second is blind to what else the machine does.
        passes: how many.
    """

    networks: tuple[type[nn.Module], ...]
    seconds: np.ndarray = field(default_factory=lambda: np.zeros(2))
    passes: int = 0
    started: np.ndarray = field(default_factory=lambda: np.zeros(2))

    def before(self, module: nn.Module, _: object) -> None:
        """A module's pass begins."""
        if isinstance(module, self.networks):
            self.started = self.now()

    def after(self, module: nn.Module, *_: object) -> None:
        """It ends."""
        if isinstance(module, self.networks):
            self.seconds += self.now() - self.started
            self.passes += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time every pass while this lasts."""
        from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

        hooks = register_module_forward_pre_hook(self.before), register_module_forward_hook(self.after)
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @staticmethod
    def now() -> np.ndarray:
        """Wall time and CPU time, seconds."""
        import torch

        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # a pass that is only queued is not over
        return np.array([time.perf_counter(), time.process_time()])


def random_weights(folder: Path) -> tuple[Path, Path]:
    """Write checkpoints of Monodepth2 (ResNet-18) and UPFlow at full width and default size, untrained."""
    import torch

    from stc_pseudo.depth.monodepth2 import Monodepth2
    from stc_pseudo.flow.checkpoint import describe
    from stc_pseudo.flow.upflow import UPFlow
    from stc_pseudo.nn import weights

    torch.manual_seed(0)
    state = {f"network.{key}": value for key, value in Monodepth2().state_dict().items()}
    height, width = DEPTH_SIZE
    weights.save(
        folder / "monodepth2.pth",
        {
            "network": "monodepth2",
            "encoder": "resnet18",
            "channel_width": 1.0,
            "height": height,
            "width": width,
            "metres_per_unit": None,
            "state": state,
        },
    )
    weights.save(folder / "upflow.pth", {**describe(FLOW_SIZE), "state": UPFlow().state_dict()})
    return folder / "monodepth2.pth", folder / "upflow.pth"


def shorten(root: Path, sequence: str, frames: int, folder: Path) -> None:
    """Link the first frames of a sequence of `root`, with their masks, as a data set of its own in `folder`."""
    from stc_pseudo.datasets.images import list_frames
    from stc_pseudo.datasets.kitti import frame_number, instances_file
    from stc_track.formats.mots import read_mots, write_mots

    kept = list_frames(root / "training" / "image_02" / sequence)[:frames]
    target = folder / "training" / "image_02" / sequence
    target.mkdir(parents=True)
    for path in kept:
        (target / path.name).symlink_to(path.resolve())
    objects = read_mots(instances_file(root, sequence))
    write_mots(
        folder / "instances_txt" / f"{sequence}.txt",
        (obj for path in kept for obj in objects.get(frame_number(path), ())),
    )


def draw(folder: Path, frames: int) -> None:
    """Write a small video of ellipses that drift over a still background, with depth, flow and masks, to `folder`."""
    import cv2

    from stc_pseudo.datasets.flow_maps import write_kitti_flow
    from stc_track.formats.mots import MotsObject, write_mots
    from stc_track.masks import rle

    background = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    kinds = {kind: folder / "training" / kind / "0000" for kind in ("image_02", "depth", "flow")}
    for path in kinds.values():
        path.mkdir(parents=True)
    objects = []
    for t in range(frames):
        frame, depth, flow = background.copy(), np.full((HEIGHT, WIDTH), 60.0), np.zeros((2, HEIGHT, WIDTH), np.float32)
        for k in range(OBJECTS):
            centre = 40 + (2 * t + WIDTH // OBJECTS * k) % (WIDTH - 80)
            mask = ((x - centre) / 24) ** 2 + ((y - 18 - 30 * k) / 14) ** 2 <= 1
            frame[mask], depth[mask], flow[0][mask] = 60 * (k + 1), 20 - 4 * k, 2
            objects.append(MotsObject(t, 1001 + k, 1, HEIGHT, WIDTH, rle.encode(mask)))
        cv2.imwrite(str(kinds["image_02"] / f"{t:06d}.png"), frame)
        cv2.imwrite(str(kinds["depth"] / f"{t:06d}.png"), (depth * 256).astype(np.uint16))
        write_kitti_flow(kinds["flow"] / f"{t:06d}.png", flow)
    write_mots(folder / "instances_txt" / "0000.txt", objects)


def peak_of_build(frames: int, workers: int) -> tuple[float, float]:
    """Build the store of a drawn video in a process of its own: seconds, and peak MiB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, frames)
        training = folder / "training"
        program = Path(sys.executable).with_name("stc-pseudo")
        data = ("--dataset", "kitti", "--root", folder, "--out", folder / "store")
        depth = ("--depth", "precomputed", "--depth-dir", training / "depth")
        flow = ("--flow", "precomputed", "--flow-dir", training / "flow")
        started = time.perf_counter()
        with open(folder / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [program, "build", *data, *depth, *flow, "--detail", "4", "--workers", str(workers)],
                stdout=log,
                stderr=log,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise click.ClickException((folder / "log.txt").read_text()[-1000:])
        return time.perf_counter() - started, usage.ru_maxrss / 1024


@click.group()
def main() -> None:
    """Measure `stc-pseudo build`: its time beside the networks', and its memory."""


@main.command("time", cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Data set in KITTI MOTS's layout.")
@click.option("--sequence", default="0000")
@click.option("--frames", type=click.IntRange(min=2), default=16, help="From its start.")
@click.option("--depth-weights", type=PATH, help="Of monodepth2.  [default: random, ResNet-18 at 192x640]")
@click.option("--flow-weights", type=PATH, help="Of upflow.  [default: random, at 256x832]")
@click.option("--threads", type=click.IntRange(min=1), help="Of the networks on a CPU.  [default: one a core]")
@click.option("--device", default="cpu", help="Of the networks: cpu or cuda.")
@click.option("--check", is_flag=True, help=f"Fail where more than {OTHER_SHARE:.0%} is not the networks'.")
def time_command(
    root: Path,
    sequence: str,
    frames: int,
    depth_weights: Path | None,
    flow_weights: Path | None,
    threads: int | None,
    device: str,
    check: bool,
) -> None:
    """Share of build's wall time that passes outside the networks."""
    import torch

    from stc_pseudo.cli import main as stc_pseudo
    from stc_pseudo.depth.monodepth2 import Monodepth2
    from stc_pseudo.flow.upflow import UPFlow

    if threads:
        torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shorten(root, sequence, frames, folder)
        untrained = random_weights(folder)
        clock, started = Clock((Monodepth2, UPFlow)), Clock.now()
        with clock.watching():
            data = ("--dataset", "kitti", "--root", str(folder), "--out", str(folder / "store"), "--device", device)
            depth = ("--depth-weights", str(depth_weights or untrained[0]))
            flow = ("--flow-weights", str(flow_weights or untrained[1]))
            stc_pseudo(["build", *data, *depth, *flow], standalone_mode=False)
        total = Clock.now() - started
    share = 1 - clock.seconds / total
    named = torch.cuda.get_device_name() if device.startswith("cuda") else f"{torch.get_num_threads()} CPU threads"
    click.echo(f"{frames} frames, {named}, {clock.passes} passes of the networks")
    for kind, spent, networks, rest in zip(("wall", "CPU"), total, clock.seconds, share, strict=True):
        click.echo(
            f"{kind} time {spent:6.1f} s: networks {networks:6.1f} s, the rest {spent - networks:5.1f} s = "
            f"{rest:5.1%}, {(spent - networks) / frames:.3f} s a frame"
        )
    if check and share[0] > OTHER_SHARE:
        raise click.ClickException(f"the rest is more than {OTHER_SHARE:.0%} of the wall time")


@main.command("memory", cls=Command, context_settings={"show_default": True})
@click.option(
    "--frames",
    "lengths",
    type=click.IntRange(min=2),
    multiple=True,
    default=(50, 500),
    help="Lengths of the videos; repeatable.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, help="As of stc-pseudo build.")
@click.option("--check", is_flag=True, help=f"Fail where a longer video needs over {GROWTH:.0%} more than the first.")
def memory_command(lengths: tuple[int, ...], workers: int, check: bool) -> None:
    """Peak memory of build on videos of growing length."""
    peaks = []
    for frames in lengths:
        seconds, peak = peak_of_build(frames, workers)
        peaks.append(peak)
        click.echo(f"{frames:6} frames: {peak:7.1f} MiB at most ({peak / peaks[0] - 1:+.1%}), {seconds:.1f} s")
    if check and max(peaks) > (1 + GROWTH) * peaks[0]:
        raise click.ClickException(f"memory grew by more than {GROWTH:.0%}")


if __name__ == "__main__":
    main()
