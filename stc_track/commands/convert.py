"""The `stc-convert` command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import (
    PATH,
    TRACK_FORMATS,
    annotations_option,
    classes_option,
    frame_size_option,
    frames_option,
    split_names,
)
from stc_track.io.console import Command

if TYPE_CHECKING:
    from stc_track.convert import Changes, Format
    from stc_track.formats.base import Tracks
    from stc_track.formats.sources import Sources


@click.command(cls=Command)
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
@click.option("--shift", default=0, help="Add this to every frame's number: KITTI counts from 0, MOT from 1.")
@classes_option
@click.option(
    "--overlaps",
    type=click.Choice(["cut", "keep"]),
    default="cut",
    show_default=True,
    help="Give a pixel that several cover to the highest score, or leave it.",
)
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
    sequences: list[str] | None,
) -> None:
    """Convert tracks from any known format to another.

    SOURCE tells its format itself: a folder of {sequence}.txt (MOTS text, MOTS detections or MOT-Challenge boxes),
    {sequence}.json (COCO results) or {sequence}/ (MOTS PNG, or gt/gt.txt and det/det.txt), or a JSON file (YouTube-VIS
    annotations or results, COCO with track_id).

    \b
    --to mots           {sequence}.txt, KITTI MOTS text: frame id class height width rle
    --to png            {sequence}/{frame}.png of 16 bits, class * 1000 + k
    --to ytvis          one file of YouTube-VIS annotations
    --to ytvis-results  one file of YouTube-VIS results
    --to coco           one file of COCO annotations with track_id
    --to cvat           {sequence}.xml, CVAT for video 1.1, a track of polygons for each object
    --to mot            {sequence}.txt, MOT-Challenge boxes
    --to detections     {sequence}.txt, MOTS detections: the masks without their ids
    """
    from stc_track.convert import Changes, require_place, write
    from stc_track.formats.sources import open_sources
    from stc_track.formats.youtube_vis import read_annotations
    from stc_track.io.errors import InputError

    require_place(kind, out, source, "SOURCE", annotations)
    if overlaps == "keep" and kind in ("mots", "png"):
        raise InputError("--overlaps keep", expected="a format in which masks may overlap", found=f"--to {kind}")
    known = read_annotations(annotations) if annotations else None
    found = open_sources(source, sequences=sequences, size=frame_size, annotations=known, hint="SOURCE names it")
    changes = Changes(shift, classes or {}, cut=overlaps == "cut")
    write(kind, out, _each(found, frames, changes, kind), changes.names(found.class_names), known)


def _each(found: Sources, frames: Path | None, changes: Changes, kind: str) -> Iterator[Tracks]:
    from stc_track.convert import prepared, shifted
    from stc_track.formats.base import Tracks
    from stc_track.io.pictures import list_frames
    from stc_track.io.progress import Bar

    for name, source in Bar(found.sequences.items(), unit="sequence", desc="convert"):
        objects = source.objects()
        ready = (
            shifted(source.place, objects, changes)
            if kind == "detections"
            else prepared(source.place, objects, changes)
        )
        yield Tracks(name, ready, list_frames(frames, name) if frames else None)
