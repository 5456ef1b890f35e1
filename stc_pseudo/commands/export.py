"""`stc-pseudo export`: a store's pseudo-masks as a data set, in any format that `stc-convert` writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import (
    FORMAT_HELP,
    TRACK_FORMATS,
    classes_option,
    missing_option,
    say_lossy,
    shift_option,
)
from stc_track.io.console import Command
from stc_track.io.options import PATH, split_names

if TYPE_CHECKING:
    from stc_track.convert import Missing
    from stc_track.formats.exporters import Format


@click.command(
    cls=Command,
    help=f"""Write STORE's pseudo-masks, with track ids, as a data set that others read: no training is needed.

    {FORMAT_HELP}
    """,
)
@click.argument("store")
@click.option(
    "--format",
    "kind",
    type=click.Choice([*TRACK_FORMATS, "detections"]),
    default="coco",
    show_default=True,
    help="The format to write.",
)
@click.option(
    "--out", type=PATH, required=True, help="Folder to write to; for ytvis, ytvis-results and coco the .json file."
)
@shift_option
@classes_option
@missing_option("keep")
@click.option("--sequences", callback=split_names, help="Only these, comma-separated.  [default: all]")
def main(
    store: str,
    kind: Format,
    out: Path,
    shift: int,
    classes: dict[int, int] | None,
    missing: Missing,
    sequences: list[str] | None,
) -> None:
    """Write a store's pseudo-masks; the help is above."""
    from stc_pseudo.store.reader import StoreReader
    from stc_track.convert import Changes, convert
    from stc_track.formats.exporters import EXPORTERS, require_place
    from stc_track.formats.store_tracks import store_sources

    reader = StoreReader(store)
    require_place(kind, out, Path(reader.url) if reader.store.is_local else None, "STORE")
    changes = Changes(shift, classes or {})
    sources = store_sources(reader.store, reader.records, sequences=sequences, regions=EXPORTERS[kind].regions)
    written = convert(kind, out, sources, changes, missing=missing, desc="export")
    regions = f" and {written.regions} ignore regions" if written.regions else ""
    click.echo(f"{written.objects} masks{regions} on {written.frames} frames of {written.sequences} sequences: {out}")
    say_lossy(kind)
