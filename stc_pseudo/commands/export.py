"""`stc-pseudo export`: a store's pseudo-masks as annotations."""

from __future__ import annotations

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
    from stc_track.io.files import write_json

    reader = StoreReader(store)
    content = coco_annotations(reader, tuple(sequences or reader.sequences))
    write_json(out, content, indent=None)
    click.echo(f"{len(content['annotations'])} annotations on {len(content['images'])} images: {out}")
