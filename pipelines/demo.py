"""`make demo`: run the whole chain on synthetic driving video, in minutes, on two CPU cores.

Renders street scenes, builds pseudo-labels for some of them with the shipped depth and flow networks, trains CondInst
on these from boxes alone, predicts and tracks on the others, measures, and writes a page. Nothing is tuned here.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from pipelines.accuracy.predicted_masks import measure
from pipelines.reporting.commands import Stages
from pipelines.reporting.report import jpeg, montage, stage_pictures, write_report
from pipelines.reporting.tables import (
    Table,
    predicted_mask_table,
    pseudo_mask_table,
    time_line,
    time_table,
    track_table,
)
from stc_pseudo.store.reader import StoreReader
from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH

TRAIN = tuple(f"{k:04d}" for k in range(8))
TEST = tuple(f"{k:04d}" for k in range(8, 11))
FRAMES = 16
# The segmenter starts from the depth network's encoder, which saw no label either.
DEPTH_WEIGHTS = Path(__file__).parents[1] / "stc_pseudo" / "shipped" / "demo_monodepth2.pth"
SHOWN = (4, 10)  # positions of the frames on the page
SCORE = 0.3  # of the detections that count as found


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("runs/demo"), help="folder of all that it writes")
@click.option("--workers", default=2, help="processes or threads at a time")
@click.option("--seed", default=0, help="of the scenes and of the training")
def main(out: Path, workers: int, seed: int) -> None:
    """Boxes in, masks and tracks out, on rendered scenes."""
    started = time.monotonic()
    stages, data, truth = Stages(is_verbose()), out / "data", out / "data" / "instances_txt"
    render(data, workers, seed)
    networks = ("build", "--dataset", "demo", "--root", data, "--workers", workers)
    held_out = ",".join(TEST)
    stages.run("stc-pseudo", *networks, "--out", out / "store")
    stages.run("stc-pseudo", *networks, "--out", out / "store_exact", "--depth", "precomputed", "--flow", "precomputed")
    for store in ("store", "store_exact"):
        stages.run(
            "stc-pseudo", "inspect", out / store, "--truth", data, "--json", out / f"{store}.json", figures=False
        )
    stages.run("stc-pseudo", "export", out / "store", "--format", "coco", "--out", out / "pseudo_masks.json")
    # One thread: on so small a network two wait for each other longer than they gain.
    stages.run(
        "stc-train",
        "--pseudo-store",
        out / "store",
        "--config",
        "condinst_r18_demo",
        "--sequences",
        ",".join(TRAIN),
        "--work-dir",
        out / "train",
        "--seed",
        seed,
        "--init-backbone",
        DEPTH_WEIGHTS,
        threads=1,
    )
    stages.run(
        "stc-predict",
        out / "train" / "model.pth",
        "--dataset",
        "kitti",
        "--root",
        data,
        "--sequences",
        held_out,
        "--out",
        out / "predictions",
    )
    stages.run("stc-track", out / "predictions", "--out", out / "results", "--cues", out / "store")
    stages.run(
        "stc-eval",
        out / "results",
        "--truth",
        truth,
        "--sequences",
        held_out,
        "--json",
        out / "scores.json",
        figures=False,
    )
    quality = measure(out / "predictions", truth, SCORE, min_area=300)
    (out / "prediction_iou.json").write_text(json.dumps(quality, indent=1))
    tables = [
        pseudo_mask_table(
            {"networks": out / "store.json", "exact depth and flow": out / "store_exact.json"},
            "On all sequences: no network saw a mask or these scenes.",
        ),
        predicted_mask_table(quality, SCORE),
        track_table(out / "scores.json"),
        time_table(stages.seconds, time.monotonic() - started),
    ]
    for table in tables[:-1]:
        click.echo(table.as_text())
    click.echo(f"\n{time_line(stages.seconds, time.monotonic() - started)}")
    write_page(out, tables, stages)
    click.echo(f"page: {out / 'report.html'}")


def render(data: Path, workers: int, seed: int) -> None:
    """Render the demo's sequences, as far as they are not there yet."""
    from stc_pseudo.synthetic import render_dataset

    render_dataset(data, sequences=len(TRAIN) + len(TEST), frames=FRAMES, seed=seed, stereo=False, workers=workers)


def write_page(out: Path, tables: list[Table], stages: Stages) -> None:
    """Write `report.html` with pictures of the held-out sequences, and `stages.jpg` of one frame."""
    store = StoreReader(str(out / "store"))
    frames = [
        (
            f"Sequence {name}, frame {index}",
            stage_pictures(store, name, index, out / "predictions", out / "results", SCORE),
        )
        for name in TEST
        for index in SHOWN
    ]
    (out / "stages.jpg").write_bytes(jpeg(montage(frames[0][1])))
    write_report(
        out / "report.html",
        "Masks and tracks from boxes: the demo's synthetic street scenes",
        f"{len(TRAIN)} rendered sequences trained the segmenter, from their boxes alone; these pictures and "
        f"figures are of {len(TEST)} others. The depth network was trained without labels, the flow network, "
        "which corrects OpenCV's DIS, with true flow, both on scenes of other seeds. The segmenter itself "
        "sees only the frame. Synthetic data.",
        tables,
        frames,
        list(stages.seconds),
    )


if __name__ == "__main__":
    main()
