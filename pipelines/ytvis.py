"""Run the whole chain on YouTube-VIS: `python -m pipelines.ytvis --root TRAIN --val-root VALID --out runs/ytvis`.

Trains on the boxes of one folder's annotations; predicts and links another's videos, whose JSON file may list the
videos alone. `results.json` and `archive.zip` are what the benchmark's server takes; where the JSON has masks, the
tracks are measured too.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from pipelines.kitti_mots import write_archive
from pipelines.reporting.commands import Stages
from stc_pseudo.datasets.youtube_vis import annotation_file
from stc_track.io.console import Command, is_verbose
from stc_track.io.errors import require_file
from stc_track.io.options import PATH


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Frames and annotations to train on.")
@click.option("--annotations", type=PATH, help="Their file.  [default: the only one]")
@click.option("--val-root", type=PATH, required=True, help="Frames to predict, and a JSON file that lists the videos.")
@click.option("--val-annotations", type=PATH, help="Their file.  [default: the only one]")
@click.option("--out", type=PATH, default=Path("runs/ytvis"), help="Folder of all that it writes.")
@click.option("--signals", default="--flow dis", help="Flags of stc-pseudo build: depth and flow.")
@click.option(
    "--preset", type=click.Choice(["best", "paper"]), default="best", help="Of build, stc-train and stc-track."
)
@click.option("--config", default="condinst_r50_ytvis", help="Of stc-train.")
@click.option("--init-backbone", default="auto", help="Of stc-train.")
@click.option("--max-iters", type=click.IntRange(min=1), help="Of stc-train.  [default: the config's]")
@click.option("--cues/--no-cues", default=True, help="Depth and flow of the validation videos for stc-track as well.")
@click.option("--workers", default=2, help="Shards at a time.")
def main(
    root: Path,
    annotations: Path | None,
    val_root: Path,
    val_annotations: Path | None,
    out: Path,
    signals: str,
    preset: str,
    config: str,
    init_backbone: str,
    max_iters: int | None,
    cues: bool,
    workers: int,
) -> None:
    """Boxes in, tracks of YouTube-VIS out."""
    boxes, videos = (
        require_file(file, "annotations in YouTube-VIS's JSON", flag)
        if file
        else annotation_file(folder, f"{flag} names it")
        for file, folder, flag in (
            (annotations, root, "--annotations"),
            (val_annotations, val_root, "--val-annotations"),
        )
    )
    stages, model = Stages(is_verbose()), out / "train" / "model.pth"
    shared = ("--workers", workers, "--preset", preset, *shlex.split(signals))
    data = ("--dataset", "ytvis", "--root")
    stages.run("stc-pseudo", "build", *data, root, "--boxes", boxes, "--out", out / "store", *shared)
    steps = ("--max-iters", max_iters) if max_iters else ()
    stages.run(
        "stc-train", "--pseudo-store", out / "store", "--config", config, "--preset", preset,
        "--work-dir", model.parent, "--init-backbone", init_backbone, *steps,
    )  # fmt: skip
    if cues:
        stages.run("stc-pseudo", "build", *data, val_root, "--cues-only", "--out", out / "cues", *shared)
    stages.run("stc-predict", model, *data, val_root, "--out", out / "predictions")
    form = ("--format", "ytvis-results", "--annotations", videos, *(("--cues", out / "cues") if cues else ()))
    stages.run("stc-track", out / "predictions", "--out", out / "results.json", "--preset", preset, *form)
    write_archive(out, out / "archive.zip", "results.json")
    if json.loads(videos.read_text()).get("annotations"):
        rules = ("--benchmark", "youtube-vis", "--json", out / "scores.json")
        stages.run("stc-eval", out / "results.json", "--truth", videos, *rules)
    click.echo(f"archive: {out / 'archive.zip'}")


if __name__ == "__main__":
    main()
