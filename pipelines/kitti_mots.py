"""Run the whole chain on real KITTI MOTS video: `python -m pipelines.kitti_mots --root DIR --out runs/kitti_mots`.

Builds a store from OpenCV's stereo matching and DIS flow, and one from Monodepth2 and UPFlow, measures both against the
true masks, trains on the first of them, predicts, tracks and evaluates. With a single sequence, training and measuring
see the same frames: boxes to masks of the boxes' own video, not generalisation.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from pipelines.accuracy.predicted_masks import measure
from pipelines.reporting.commands import Stages
from pipelines.reporting.report import stage_pictures, write_report
from pipelines.reporting.tables import predicted_mask_table, pseudo_mask_table, time_line, time_table, track_table
from stc_pseudo.store.reader import StoreReader
from stc_track.io.console import Command, is_verbose

PATH = click.Path(path_type=Path)
SHOWN = 6  # frames of each sequence on the page


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="KITTI MOTS, with image_03 and calib for the stereo matching")
@click.option("--out", type=PATH, default=Path("runs/kitti_mots"), help="folder of all that it writes")
@click.option("--sequences", default="0000", help="comma-separated names")
@click.option("--depth-weights", type=PATH, required=True, help="Monodepth2's, by `stc-pseudo train-depth`")
@click.option("--flow-weights", type=PATH, required=True, help="UPFlow's, by `stc-pseudo train-flow`")
@click.option("--config", default="condinst_r18_demo", help="of stc-train")
@click.option("--max-iters", default=1000, help="of stc-train")
@click.option("--boxes", type=click.Choice(["instances", "labels"]), default="instances", help="as of stc-pseudo build")
@click.option("--score", default=0.3, help="detections below are left out of the mean IoU")
@click.option("--workers", default=2, help="shards at a time")
def main(
    root: Path,
    out: Path,
    sequences: str,
    depth_weights: Path,
    flow_weights: Path,
    config: str,
    max_iters: int,
    boxes: str,
    score: float,
    workers: int,
) -> None:
    """Boxes in, masks and tracks out, on real video."""
    started, stages = time.monotonic(), Stages(is_verbose())
    sources = {
        "sgbm and dis": ("store_opencv", "--depth", "sgbm", "--flow", "dis"),
        "monodepth2 and upflow": (
            "store_networks",
            "--depth",
            "monodepth2",
            "--depth-weights",
            depth_weights,
            "--flow",
            "upflow",
            "--flow-weights",
            flow_weights,
        ),
    }
    for store, *flags in sources.values():
        stages.run(
            "stc-pseudo",
            "build",
            "--dataset",
            "kitti",
            "--root",
            root,
            "--sequences",
            sequences,
            "--boxes",
            boxes,
            "--workers",
            workers,
            "--out",
            out / store,
            *flags,
        )
        stages.run(
            "stc-pseudo", "inspect", out / store, "--truth", root, "--json", out / f"{store}.json", figures=False
        )
    store = out / "store_opencv"
    stages.run(
        "stc-train",
        "--pseudo-store",
        store,
        "--config",
        config,
        "--max-iters",
        max_iters,
        "--work-dir",
        out / "train",
        "--init-backbone",
        depth_weights,
        threads=1,
    )
    stages.run(
        "stc-predict",
        out / "train" / "model.pth",
        "--dataset",
        "kitti",
        "--root",
        root,
        "--sequences",
        sequences,
        "--out",
        out / "predictions",
    )
    stages.run("stc-track", out / "predictions", "--out", out / "results", "--cues", store)
    truth = root / "instances_txt"
    stages.run(
        "stc-eval",
        out / "results",
        "--truth",
        truth,
        "--sequences",
        sequences,
        "--json",
        out / "scores.json",
        figures=False,
    )
    quality = measure(out / "predictions", truth, score, min_area=300)
    tables = [
        pseudo_mask_table({label: out / f"{source[0]}.json" for label, source in sources.items()}, ""),
        predicted_mask_table(quality, score),
        track_table(out / "scores.json"),
        time_table(stages.seconds, time.monotonic() - started),
    ]
    for table in tables[:-1]:
        click.echo(table.as_text())
    click.echo(f"\n{time_line(stages.seconds, time.monotonic() - started)}")
    reader = StoreReader(str(store))
    frames = []
    for name in sequences.split(","):
        for t in np.linspace(0, len(reader.sequence(name)) - 1, SHOWN).astype(int).tolist():
            stage = stage_pictures(reader, name, t, out / "predictions", out / "results", score)
            frames.append((f"Sequence {name}, frame {t}", stage))
    write_report(
        out / "report.html",
        "Masks and tracks from boxes: KITTI MOTS",
        "Trained on the boxes of the very frames that are shown.",
        tables,
        frames,
        list(stages.seconds),
    )
    click.echo(f"page: {out / 'report.html'}")


if __name__ == "__main__":
    main()
