"""Tables III and X on pseudo-masks: `python -m pipelines.ablations.cues --root ROOT --source "NAME=FLAGS" --out DIR`.

For each source of depth and flow a store is built once, and its masks are redone and measured for each set of cues.
Beside them stand the filled box and the ellipse inscribed in it, which need no video. A source is `stc-pseudo build`'s
own flags, for instance

    --source "stereo, DIS=--depth sgbm --flow dis"
    --source "LiDAR, DIS=--depth precomputed --depth-dir ROOT/training/lidar_depth --flow dis"
    --source "networks=--depth monodepth2 --depth-weights FILE --flow upflow --flow-weights FILE"

LiDAR is pooled over the pixels that it hit; a cell without any gets the depth of the nearest one that has.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click

from pipelines.reporting.commands import Stages
from pipelines.reporting.tables import Table, number
from stc_track.io.console import Command
from stc_track.io.options import PATH

CUES = ("depth", "flow", "depth,flow", "colour", "depth,flow,colour")  # Table III's rows, and the third cue
SHAPES = {"filled_box": "filled box", "ellipse": "ellipse"}


def parse_source(text: str) -> tuple[str, list[str]]:
    """Split `NAME=FLAGS` into the name and the flags."""
    name, separator, flags = text.partition("=")
    if not separator or not name.strip() or not flags.strip().startswith("--"):
        raise click.BadParameter(f"expected NAME=FLAGS of stc-pseudo build, found '{text}'", param_hint="--source")
    return name.strip(), shlex.split(flags)


def as_table(rows: list[dict[str, Any]], note: str) -> Table:
    """Source, cues and mean IoU of each class; the shapes that need no source come first.

    Args:
        rows: `source`, `cues` and `mean_iou`, as `stc-pseudo inspect --json` writes it, of each measurement.
        note: what was measured.
    """
    first = rows[0]["mean_iou"]
    classes = [name for name in first if first[name]["instances"]]
    columns = [f"{name} ({first[name]['instances']})" for name in classes]
    drawn = [(label, "-", *(number(first[name][shape]) for name in classes)) for shape, label in SHAPES.items()]
    made = [
        (row["source"], row["cues"], *(number(row["mean_iou"][name]["pseudo_mask"]) for name in classes))
        for row in rows
    ]
    return Table("Cues (Table III) and sources (Table X)", note, ("source", "cues", *columns), [*drawn, *made])


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Data set in KITTI MOTS's layout, with true masks.")
@click.option("--sequences", help="Comma-separated names; all, if not given.")
@click.option(
    "--boxes", type=click.Choice(["instances", "labels"]), default="instances", help="As of stc-pseudo build."
)
@click.option("--source", "sources", multiple=True, required=True, help="NAME=FLAGS of stc-pseudo build; repeatable.")
@click.option("--cues", "cue_sets", multiple=True, default=CUES, help="A row of each source; repeatable.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
@click.option("--workers", default=1, help="Shards at a time.")
@click.option("--out", type=PATH, default=Path("runs/label_ablation"), help="Folder of the stores and figures.")
def main(
    root: Path,
    sequences: str | None,
    boxes: str,
    sources: tuple[str, ...],
    cue_sets: tuple[str, ...],
    min_area: int,
    workers: int,
    out: Path,
) -> None:
    """Measure the pseudo-masks of each source by each set of cues; print them and write ablation.json and .md."""
    from stc_track.io.files import write_json

    parsed = [parse_source(text) for text in sources]
    chosen = ("--sequences", sequences) if sequences else ()
    stages, rows = Stages(), []
    for index, (name, flags) in enumerate(parsed, 1):
        store, report = out / f"store_{index}", out / f"store_{index}.json"
        for cues in cue_sets:
            # The first of them builds the store; the others find its depth and flow there.
            data = ("--dataset", "kitti", "--root", root, *chosen, "--boxes", boxes, "--workers", workers)
            masks = ("--cues", cues, "--overwrite", "masks", *flags)
            stages.run("stc-pseudo", "build", *data, "--out", store, *masks)
            judged = ("--truth", root, *chosen, "--min-area", min_area, "--json", report)
            stages.run("stc-pseudo", "inspect", store, *judged)
            rows.append({"source": name, "flags": flags, "cues": cues, **json.loads(report.read_text())})
    without = rows[0]["mean_iou"]["all"]["without_box"]
    table = as_table(
        rows,
        f"Mean IoU with true masks of at least {min_area} pixels (how many) of sequences "
        f"{', '.join(rows[0]['sequences'])}; boxes: {boxes}" + (f", {without} masks have none." if without else "."),
    )
    table.publish(out / "ablation.md")
    write_json(out / "ablation.json", rows)


if __name__ == "__main__":
    main()
