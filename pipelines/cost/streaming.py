"""Peak memory and speed of the commands on long text files: memory must not grow with the file.

Cars drive past each other in rows, ten to a frame; their masks are ellipses. Each command runs in a process of its own,
whose peak memory is what the kernel says of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, write_mots
from stc_track.io.console import Command
from stc_track.masks import rle

HEIGHT, WIDTH, SIDE = 375, 1242, 60
_START = "import sys, importlib; importlib.import_module(sys.argv.pop(1)).main()"
OBJECTS = 10  # a frame
SPEED = 4  # pixels a frame
COMMANDS = {
    "stc-track": ("detections", "stc_track.commands.track", ()),
    "stc-convert --to mots": ("tracks", "stc_track.commands.convert", ("--to", "mots")),
    "stc-convert --to mot": ("tracks", "stc_track.commands.convert", ("--to", "mot", "--shift", "1")),
}


def masks() -> list[bytes]:
    """RLE of an ellipse at each place that a car may have on its row: column x = SPEED * index."""
    y, x = np.ogrid[:SIDE, :SIDE]
    ellipse = (x - SIDE / 2) ** 2 / (SIDE / 2) ** 2 + (y - SIDE / 2) ** 2 / (SIDE / 3) ** 2 <= 1
    encoded = []
    for left in range(0, WIDTH - SIDE, SPEED):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[100 : 100 + SIDE, left : left + SIDE] = ellipse
        encoded.append(rle.encode(mask))
    return encoded


def places(lines: int, count: int) -> Iterator[tuple[int, int, int]]:
    """Frame, car and place of each line; a car that has left begins again as another."""
    step = count // OBJECTS
    for line in range(lines):
        frame, car = divmod(line, OBJECTS)
        travelled, place = divmod(frame + car * step, count)
        yield frame, 1 + travelled * OBJECTS + car, place


def write_files(folder: Path, lines: int) -> None:
    """`detections/0000.txt` and `tracks/0000.txt`."""
    drawn = masks()
    with DetectionWriter(folder / "detections" / "0000.txt") as writer:
        for frame, _, place in places(lines, len(drawn)):
            x = SPEED * place
            box = (x, 100 + SIDE // 6, x + SIDE, 100 + SIDE - SIDE // 6)
            writer.write(Detection(frame, box, 0.9, 1, HEIGHT, WIDTH, drawn[place]))
    write_mots(
        folder / "tracks" / "0000.txt",
        (MotsObject(frame, car, 1, HEIGHT, WIDTH, drawn[place]) for frame, car, place in places(lines, len(drawn))),
    )


def run(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a Python process; an error where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _START, *arguments], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(arguments)} ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


@click.command(cls=Command)
@click.option(
    "--lines",
    multiple=True,
    type=click.IntRange(1000),
    default=(10_000, 100_000, 1_000_000),
    show_default=True,
    help="Lengths of the files.",
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    type=click.Choice(list(COMMANDS)),
    default=tuple(COMMANDS),
    help="Which to run.  [default: all]",
)
def main(lines: tuple[int, ...], commands: tuple[str, ...]) -> None:
    """Run the commands on files of growing length and print their time and peak memory."""
    click.echo(f"{'':24}{'lines':>10}{'seconds':>10}{'lines/s':>10}{'peak MiB':>10}")
    for length in lines:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_files(folder, length)
            for command in commands:
                source, module, options = COMMANDS[command]
                arguments = [module, str(folder / source), "--out", str(folder / "out"), *options]
                seconds, peak = run(arguments)
                click.echo(f"{command:24}{length:10}{seconds:10.1f}{length / seconds:10.0f}{peak:10.1f}")


if __name__ == "__main__":
    main()
