"""`stc-pseudo export`: a store's pseudo-masks as annotations."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stc_track.io.console import Command
from stc_track.io.options import PATH, split_names


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--format", "format_name", type=click.Choice(["coco"]), default="coco", help="of the annotations")
@click.option("--out", type=PATH, required=True, help="file to write")
@click.option("--sequences", callback=split_names, help="comma-separated names; all, if not given")
def main(store: str, format_name: str, out: Path, sequences: list[str] | None) -> None:
    """Write STORE's pseudo-masks, with track ids, as annotations that other segmenters train on."""
    from stc_pseudo.export.coco import coco_annotations
    from stc_pseudo.store.reader import StoreReader
    from stc_track.io.files import replacing

    reader = StoreReader(store)
    content = coco_annotations(reader, tuple(sequences or reader.sequences))
    with replacing(out, "w") as file:
        json.dump(content, file)
    click.echo(f"{len(content['annotations'])} annotations on {len(content['images'])} images: {out}")
