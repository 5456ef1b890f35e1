"""The `stc-convert` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import (
    FORMAT_HELP,
    PATH,
    TRACK_FORMATS,
    annotations_option,
    classes_option,
    frame_size_option,
    frames_option,
    missing_option,
    overlaps_option,
    say_lossy,
    shift_option,
    split_names,
)
from stc_track.io.console import Command

if TYPE_CHECKING:
    from stc_track.convert import Missing
    from stc_track.formats.exporters import Format


@click.command(
    cls=Command,
    help=f"""Convert tracks from any known format to another.

    SOURCE tells its format itself: a folder of {{sequence}}.txt (MOTS text, MOTS detections or MOT-Challenge boxes),
    {{sequence}}.json (COCO results) or {{sequence}}/ (MOTS PNG, masks as DAVIS has them, or gt/gt.txt and
    det/det.txt), a JSON file (YouTube-VIS annotations or results, COCO with track_id), or a store of pseudo-labels.

    {FORMAT_HELP}
    """,
)
@click.argument("source", type=PATH)
@click.option(
    "--to", "kind", required=True, type=click.Choice([*TRACK_FORMATS, "detections"]), help="The format to write."
)
@click.option(
    "--out", required=True, type=PATH, help="Folder to write to; for ytvis, ytvis-results and coco the .json file."
)
@frames_option
@frame_size_option
@annotations_option
@shift_option
@classes_option
@overlaps_option
@missing_option("drop")
@click.option("--sequences", callback=split_names, help="Only these, comma-separated.  [default: all]")
def main(
    source: Path,
    kind: Format,
    out: Path,
    frames: Path | None,
    frame_size: tuple[int, int] | None,
    annotations: Path | None,
    shift: int,
    classes: dict[int, int] | None,
    overlaps: str,
    missing: Missing,
    sequences: list[str] | None,
) -> None:
    """Convert tracks from any known format to another; the help is above."""
    from stc_track.convert import Changes, convert
    from stc_track.formats.exporters import EXPORTERS, require_other, require_place
    from stc_track.formats.sources import open_sources
    from stc_track.formats.youtube_vis import read_annotations
    from stc_track.io.errors import InputError

    require_place(kind, out, source, "SOURCE")
    require_other(out, annotations)
    if overlaps == "keep" and not EXPORTERS[kind].overlaps:
        raise InputError("--overlaps keep", expected="a format in which masks may overlap", found=f"--to {kind}")
    annotated = read_annotations(annotations) if annotations else None
    sources = open_sources(
        source,
        sequences=sequences,
        size=frame_size,
        annotations=annotated,
        hint="SOURCE names it",
        regions=EXPORTERS[kind].regions,
    )
    changes = Changes(shift, classes or {}, cut=overlaps == "cut")
    convert(kind, out, sources, changes, missing=missing, frames=frames, annotations=annotated)
    say_lossy(kind)
