"""What a report costs: `python -m pipelines.cost.report --instances 20000 --out runs/report_cost`.

Writes a store of drawn boxes that move by a cell a frame, in frames of KITTI's size, reports on it with
`stc-pseudo report`, and prints seconds, the page's size, and peak memory of that process.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

SIZE = 375, 1242
BOXES = 10  # a frame
SIDES = 40, 60  # height and width of a box, pixels
STEP = 4  # pixels a frame


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--instances", type=click.IntRange(min=BOXES), default=20_000, help="Boxes of the store.")
@click.option("--pictures", type=click.IntRange(min=0), default=200, help="As of stc-pseudo report.")
@click.option("--out", type=PATH, default=Path("runs/report_cost"), help="Folder for frames, store and page.")
def main(instances: int, pictures: int, out: Path) -> None:
    """Time `stc-pseudo report` on a drawn store."""
    length = instances // BOXES
    if not (out / "store" / "0000" / "record.json").is_file():
        write_store(out, length)
    page = out / "report.html"
    start = time.perf_counter()
    command = [sys.executable, "-c", "from stc_pseudo.cli import main; main()", "report", str(out / "store")]
    subprocess.run([*command, "--out", str(page), "--pictures", str(pictures)], check=True)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    text = page.read_text(encoding="utf-8")
    shown = len(re.findall(r'"/9j/', text))
    click.echo(f"{length * BOXES} instances on {length} frames, {shown} pictures: {seconds:.1f} s, {memory:.0f} MiB")
    click.echo(f"page of {len(text) / 1e6:.2f} MB")


def write_store(out: Path, length: int) -> None:
    """A sequence of `length` frames, its store in `out/store`; all frames are one file."""
    from PIL import Image

    from stc_pseudo.building.stages import pool_objects
    from stc_pseudo.datasets.base import VideoSequence
    from stc_pseudo.store.writer import StoreWriter
    from stc_track.formats.store import CELL

    rng = np.random.default_rng(0)
    (out / "frames").mkdir(parents=True, exist_ok=True)
    frames = []
    for number in range(length):
        path = out / "frames" / f"{number:06d}.png"
        if number:
            path.unlink(missing_ok=True)
            path.hardlink_to(frames[0])
        else:
            coarse = Image.fromarray(rng.integers(0, 255, (24, 80, 3), np.uint8))
            coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC).save(path)
        frames.append(path)
    boxes = {number: _boxes(number) for number in range(length)}
    sequence = VideoSequence(
        "0000", SIZE, tuple(frames), tuple(range(length)), boxes=boxes, class_names={1: "car", 2: "pedestrian"}
    )
    cells = tuple(side // CELL for side in SIZE)
    with StoreWriter(str(out / "store"), "drawn", sequence.class_names, out / "frames") as writer:
        writer.lock(sequence.name)
        partial = writer.begin(sequence, {"detail": CELL, "keep": []}, {})
        for start, stop in partial.shards():
            objects = np.stack([_objects(boxes[t]) for t in range(start, stop)])
            pooled = [pool_objects(on_frame) for on_frame in objects]
            count = stop - start
            flow = np.zeros((count, 2, *cells), np.float16)
            flow[:, 0] = STEP
            arrays = {
                "inverse_depth": rng.random((count, *cells)).astype(np.float16),
                "flow": flow,
                "mask": np.ones((count, *cells), bool),
                "objects": objects,
                "instances": np.stack([instances for instances, _ in pooled]),
                "coverage": np.stack([coverage for _, coverage in pooled]),
            }
            areas = [np.bincount(on_frame.ravel(), minlength=BOXES + 1)[1:] for on_frame in objects]
            scores = rng.random(count * BOXES).astype(np.float32)
            partial.write(start, arrays, {"box_area": np.concatenate(areas), "box_score": scores})
        writer.finish(sequence.name)


def _boxes(number: int) -> Any:
    from stc_pseudo.datasets.base import FrameBoxes

    height, width = SIDES
    across = SIZE[1] - width
    row = np.arange(BOXES)
    left = (row * 117 + number * STEP) % across
    top = 20 + (row % 5) * 65
    xyxy = np.stack((left, top, left + width, top + height), 1).astype(np.float32)
    return FrameBoxes(xyxy, (1 + row % 2).astype(np.int32), (1001 + row).astype(np.int32), np.zeros((0, 4), np.float32))


def _objects(boxes: Any) -> np.ndarray:
    objects = np.zeros(SIZE, np.uint16)
    for number, box in enumerate(boxes.xyxy.astype(int).tolist(), 1):
        objects[box[1] : box[3], box[0] + 4 : box[2] - 4] = number
    return objects


if __name__ == "__main__":
    main()
