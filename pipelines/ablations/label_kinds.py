"""The three kinds of labels beside each other, by each set of cues: `python -m pipelines.ablations.label_kinds`.

    python -m pipelines.ablations.label_kinds --truth KITTI_MOTS --out runs/labels_0000 \
        --build "--dataset kitti --root KITTI_MOTS --sequences 0000 --depth sgbm --flow dis"

A store is built once; its masks alone are redone for each row and measured against true masks. M of Eq. 2 and the
sub-regions know depth and flow; colour and motion are cues of the walk.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from pipelines.reporting.commands import call
from pipelines.reporting.tables import Table, number
from stc_track.io.console import Command
from stc_track.io.files import write_json
from stc_track.io.options import PATH

ROWS = (
    *((kind, cues) for kind in ("mask", "regions") for cues in ("depth", "flow", "depth,flow")),
    *(("walk", cues) for cues in ("depth", "flow", "depth,flow", "colour", "depth,flow,colour,motion")),
)
SHAPES = {"filled_box": "filled box", "ellipse": "ellipse"}


def as_table(rows: list[dict], note: str) -> Table:
    """Kind, cues and mean IoU of each class; the shapes that need no video come first.

    Args:
        rows: `labels`, `cues` and `mean_iou`, as `stc-pseudo inspect --json` writes it.
        note: what was measured.
    """
    first = rows[0]["mean_iou"]
    classes = [name for name in first if first[name]["instances"]]
    drawn = [(label, "-", *(number(first[name][shape]) for name in classes)) for shape, label in SHAPES.items()]
    made = [
        (row["labels"], row["cues"], *(number(row["mean_iou"][name]["pseudo_mask"]) for name in classes))
        for row in rows
    ]
    columns = ("labels", "cues", *(f"{name} ({first[name]['instances']})" for name in classes))
    return Table("Kinds of labels", note, columns, [*drawn, *made])


def _done(file: Path, build: str) -> list[dict]:
    """The rows of an earlier call with the same flags of build."""
    return [row for row in json.loads(file.read_text()) if row["build"] == build] if file.is_file() else []


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--build", required=True, help="Flags of stc-pseudo build: the data, and where depth and flow come from.")
@click.option("--truth", type=PATH, required=True, help="True masks, as of stc-pseudo inspect.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
@click.option("--workers", default=1, help="Shards at a time.")
@click.option("--out", type=PATH, default=Path("runs/label_kinds"), help="Store and figures.")
def main(build: str, truth: Path, min_area: int, workers: int, out: Path) -> None:
    """Measure each kind of labels by each set of cues; print them and write kinds.json and kinds.md.

    What an earlier call with the same flags measured is taken over.
    """
    from stc_pseudo.commands.build import main as build_store
    from stc_pseudo.commands.inspect import main as inspect

    rows, report = [], out / "inspect.json"
    kept = {(row["labels"], row["cues"]): row for row in _done(out / "kinds.json", build)}
    for labels, cues in ROWS:
        if (labels, cues) in kept:
            rows.append(kept[labels, cues])
            continue
        flags = ("--labels", labels, "--cues", cues, "--detail", 4, "--workers", workers, "--overwrite", "masks")
        call(build_store, *shlex.split(build), *flags, "--out", out / "store")
        call(inspect, out / "store", "--truth", truth, "--min-area", min_area, "--json", report)
        rows.append({"build": build, "labels": labels, "cues": cues, **json.loads(report.read_text())})
        write_json(out / "kinds.json", rows)
    note = f"Mean IoU with true masks of at least {min_area} pixels (how many); `{build}`."
    as_table(rows, note).publish(out / "kinds.md")


if __name__ == "__main__":
    main()
