"""`stc-pseudo inspect`: how good a store's pseudo-masks are."""

from __future__ import annotations

from pathlib import Path

import click

from stc_track.io.console import Command
from stc_track.io.options import PATH, split_names


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option(
    "--truth",
    type=PATH,
    required=True,
    help="Data set root, folder of {sequence}.txt in MOTS text, or YouTube-VIS JSON file.",
)
@click.option("--json", "json_file", type=PATH, help="Write the figures here as well.")
@click.option("--sequences", callback=split_names, help="Comma-separated names; all, if not given.")
@click.option("--min-area", type=click.IntRange(min=0), default=300, help="Leave out true masks of fewer pixels.")
def main(store: str, truth: Path, json_file: Path | None, sequences: list[str] | None, min_area: int) -> None:
    """Mean IoU of STORE's pseudo-masks with true masks, per class, beside the filled box and the inscribed ellipse."""
    from stc_pseudo.evaluation.pseudo_masks import SHAPES, inspect_store
    from stc_pseudo.store.reader import StoreReader
    from stc_track.io.files import write_json

    reader = StoreReader(store)
    report = inspect_store(reader, truth, tuple(sequences or reader.sequences), min_area)
    if json_file is not None:
        write_json(json_file, report)
    click.echo(f"{'class':<12}{'instances':>10}{'without box':>13}" + "".join(f"{shape:>13}" for shape in SHAPES))
    for name, row in report["mean_iou"].items():
        means = "".join(f"{'-' if row[shape] is None else format(row[shape], '.4f'):>13}" for shape in SHAPES)
        click.echo(f"{name:<12}{row['instances']:>10}{row['without_box']:>13}{means}")
