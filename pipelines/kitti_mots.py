"""Run the whole chain on real KITTI MOTS video: `python -m pipelines.kitti_mots --root DIR --out runs/kitti_mots`.

Trains on the benchmark's 12 training sequences and reports on its 9 validation sequences; `archive.zip` holds the
tracks as the benchmark takes them. With `--sequences`, training and measuring see the same frames: boxes to masks of
the boxes' own video, not generalisation. `--test-root` names the benchmark's test videos, which have neither boxes nor
masks: the archive is of these then.

The store is built from OpenCV's stereo matching and DIS flow, or as `--signals` says; where weights are named, a second
one from Monodepth2 and UPFlow is measured beside it.
"""

from __future__ import annotations

import shlex
import time
import zipfile
from pathlib import Path

import click
import numpy as np

from pipelines.accuracy.predicted_masks import measure
from pipelines.reporting.commands import Stages
from pipelines.reporting.report import Page, stage_pictures, write_report
from pipelines.reporting.tables import Table, pseudo_mask_table, show_run
from stc_pseudo.datasets.kitti import MOTS_TRAINING, MOTS_VALIDATION
from stc_pseudo.store.reader import StoreReader
from stc_track.io.console import Command, is_verbose
from stc_track.io.errors import InputError
from stc_track.io.options import PATH

SHOWN = 6  # frames of each sequence on the page


def write_archive(results: Path, archive: Path, pattern: str = "*.txt") -> None:
    """Put result files into a zip, in its root, as benchmarks take them.

    Args:
        results: their folder.
        archive: the file to write.
        pattern: of their names.

    Raises:
        InputError: there is none.
    """
    files = sorted(results.glob(pattern))
    if not files:
        raise InputError(results, expected=f"results, {pattern}", found="none")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.name)


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="KITTI MOTS, with image_03 and calib for the stereo matching.")
@click.option("--out", type=PATH, default=Path("runs/kitti_mots"), help="Folder of all that it writes.")
@click.option("--sequences", help="Train and report on these alone, comma-separated.")
@click.option("--train-sequences", help="Comma-separated.  [default: the official 12]")
@click.option("--val-sequences", help="Comma-separated.  [default: the official 9]")
@click.option("--test-root", type=PATH, help="Test videos in the same layout, for the archive.")
@click.option("--signals", default="--depth sgbm --flow dis", help="Flags of stc-pseudo build: depth and flow.")
@click.option("--depth-weights", type=PATH, help="Monodepth2's, by `stc-pseudo train-depth`.")
@click.option("--flow-weights", type=PATH, help="UPFlow's, by `stc-pseudo train-flow`.")
@click.option(
    "--preset", type=click.Choice(["best", "paper"]), default="best", help="Of build, stc-train and stc-track."
)
@click.option("--config", default="condinst_r18_demo", help="Of stc-train.")
@click.option("--init-backbone", help="Of stc-train.  [default: Monodepth2's encoder, where its weights are named]")
@click.option("--max-iters", default=1000, help="Of stc-train.")
@click.option(
    "--boxes", type=click.Choice(["instances", "labels"]), default="instances", help="As of stc-pseudo build."
)
@click.option("--score", default=0.3, help="Detections below are left out of the mean IoU.")
@click.option("--workers", default=2, help="Shards at a time.")
def main(
    root: Path,
    out: Path,
    sequences: str | None,
    train_sequences: str | None,
    val_sequences: str | None,
    test_root: Path | None,
    signals: str,
    depth_weights: Path | None,
    flow_weights: Path | None,
    preset: str,
    config: str,
    init_backbone: str | None,
    max_iters: int,
    boxes: str,
    score: float,
    workers: int,
) -> None:
    """Boxes in, masks and tracks out, on real video."""
    if sequences and (train_sequences or val_sequences):
        raise InputError("--sequences", expected="no --train-sequences or --val-sequences with it", found="one")
    if (depth_weights is None) != (flow_weights is None):
        raise InputError("--depth-weights", expected="--flow-weights with it, or neither", found="one of them")
    started, stages = time.monotonic(), Stages(is_verbose())
    train = sequences or train_sequences or ",".join(MOTS_TRAINING)
    val = sequences or val_sequences or ",".join(MOTS_VALIDATION)
    shared = ("--dataset", "kitti", "--root", root, "--workers", workers, "--preset", preset)
    sources = {signals.replace("--", ""): ("store", *shlex.split(signals))}
    if depth_weights is not None:
        networks = ("--depth", "monodepth2", "--depth-weights", depth_weights, "--flow", "upflow", "--flow-weights")
        sources["monodepth2 and upflow"] = ("store_networks", *networks, flow_weights)
    for name, *flags in sources.values():
        stages.run("stc-pseudo", "build", *shared, "--boxes", boxes, "--sequences", train, "--out", out / name, *flags)
        report = ("--json", out / f"{name}.json")
        stages.run("stc-pseudo", "inspect", out / name, "--truth", root, *report, figures=False)
    start = init_backbone or depth_weights
    stages.run(
        "stc-train", "--pseudo-store", out / "store", "--config", config, "--preset", preset, "--max-iters", max_iters,
        "--work-dir", out / "train", *(("--init-backbone", start) if start else ()), threads=1,
    )  # fmt: skip

    model, shared = out / "train" / "model.pth", (*shared[4:], *shlex.split(signals))
    track(stages, model, root, val, out, out / ("store" if val == train else "cues"), shared)
    truth = root / "instances_txt"
    figures = ("--truth", truth, "--sequences", val, "--json", out / "scores.json")
    stages.run("stc-eval", out / "results", *figures, figures=False)
    if test_root is not None:
        track(stages, model, test_root, None, out / "test", out / "test" / "cues", shared)
    write_archive((out if test_root is None else out / "test") / "results", out / "archive.zip")
    quality = measure(out / "predictions", truth, score, min_area=300)
    labels = pseudo_mask_table({label: out / f"{source[0]}.json" for label, source in sources.items()}, "")
    tables = show_run(labels, quality, score, out / "scores.json", stages.seconds, time.monotonic() - started)
    note = "Trained on the boxes of the very frames that are shown."
    write_page(out, val, score, tables, stages, note if val == train else f"Trained on {train}; shown: {val}.")
    click.echo(f"archive: {out / 'archive.zip'}\npage: {out / 'report.html'}")


def track(
    stages: Stages, model: Path, root: Path, names: str | None, out: Path, cues: Path, build: tuple[object, ...]
) -> None:
    """Predict and link some videos, to `predictions` and `results` in `out`.

    Args:
        stages: runs the commands.
        model: of stc-train.
        root: the videos' data set.
        names: of the sequences, comma-separated; None for all.
        out: a folder.
        cues: store of their depth and flow; made where there is none.
        build: flags of `stc-pseudo build`, preset and signals among them.
    """
    data = ("--dataset", "kitti", "--root", root, *(("--sequences", names) if names else ()))
    if not (cues / "manifest.json").is_file():
        stages.run("stc-pseudo", "build", *data, *build, "--cues-only", "--out", cues)
    stages.run("stc-predict", model, *data, "--out", out / "predictions")
    preset = build[build.index("--preset") : build.index("--preset") + 2]
    stages.run("stc-track", out / "predictions", "--out", out / "results", "--cues", cues, *preset)


def write_page(out: Path, val: str, score: float, tables: list[Table], stages: Stages, text: str) -> None:
    """Write `report.html` with pictures of the sequences that were predicted."""
    cues = out / "cues"
    reader, frames = StoreReader(str(cues if (cues / "manifest.json").is_file() else out / "store")), []
    for name in val.split(","):
        for t in np.linspace(0, len(reader.sequence(name)) - 1, SHOWN).astype(int).tolist():
            stage = stage_pictures(reader, name, t, out / "predictions", out / "results", score)
            frames.append((f"Sequence {name}, frame {t}", stage))
    title = "Masks and tracks from boxes: KITTI MOTS"
    write_report(out / "report.html", Page(title, text, frames, tables, list(stages.seconds)))


if __name__ == "__main__":
    main()
