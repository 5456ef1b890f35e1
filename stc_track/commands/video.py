"""The `stc-video` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import PATH, NumberRange, frame_size_option, split_names
from stc_track.io.console import Command

if TYPE_CHECKING:
    from stc_track.formats.base import Source
    from stc_track.io.progress import Bar
    from stc_track.rendering.overlay import Overlay
    from stc_track.rendering.video import VideoWriter


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("results", type=PATH)
@click.option(
    "--frames",
    required=True,
    type=PATH,
    help="Folder of all sequences' frames: {sequence}/, or a data set with training/image_02.",
)
@frame_size_option
@click.option(
    "--out", required=True, type=PATH, help="Folder for {sequence}.mp4, or the .mp4 file of a single sequence."
)
@click.option("--fps", type=NumberRange(0.1, 1000), default=10.0, help="Frames per second.")
@click.option("--opacity", type=NumberRange(0, 1), default=0.45, help="Of the masks.")
@click.option("--trail", type=click.IntRange(0, 100_000), default=20, help="Frames of each object's path.")
@click.option("--ids/--no-ids", default=True, help="Write class and number above each object.")
@click.option("--quality", type=click.IntRange(0, 51), default=20, help="x264's rate factor; smaller is better.")
@click.option("--sequences", callback=split_names, help="Only these, comma-separated.  [default: all]")
def main(
    results: Path,
    frames: Path,
    frame_size: tuple[int, int] | None,
    out: Path,
    fps: float,
    opacity: float,
    trail: int,
    ids: bool,
    quality: int,
    sequences: list[str] | None,
) -> None:
    """Draw tracks on their frames, as video that a browser plays (H.264).

    RESULTS is whatever stc-convert reads; masks keep their colour for as long as their track lives.
    """
    from stc_track.formats.sources import open_sources
    from stc_track.io.errors import InputError
    from stc_track.io.progress import Bar
    from stc_track.rendering.overlay import Overlay, Style
    from stc_track.rendering.video import VideoWriter

    sources = open_sources(results, sequences=sequences, size=frame_size, hint="RESULTS names the tracks")
    one_file = out.suffix == ".mp4"
    if one_file and len(sources.sequences) > 1:
        raise InputError(out, expected="a folder, for several sequences", found="a file", hint="--sequences picks one")
    style = Style(opacity, ids, trail)
    with Bar(unit="frame", desc="video") as bar:
        for name, source in sources.sequences.items():
            with VideoWriter(out if one_file else out / f"{name}.mp4", fps, quality) as writer:
                _draw(source, frames, Overlay(sources.class_names, style), writer, bar)


def _draw(source: Source, frames: Path, overlay: Overlay, writer: VideoWriter, bar: Bar) -> None:
    """Write one sequence's video; frames before the first and after the last object are in it too."""
    import itertools

    from stc_track.convert import Changes, prepared
    from stc_track.io.pictures import list_frames, numbered_pictures, read_picture, sequence_folder

    pictures = numbered_pictures(sequence_folder(frames, source.name))
    listed = list_frames(frames, source.name)
    objects = prepared(source.place, source.objects(), Changes(cut=False))
    groups = itertools.groupby(objects, key=lambda obj: obj.frame)
    upcoming = next(groups, None)
    for number, path in pictures.items():
        shown = []
        if upcoming is not None and upcoming[0] <= number:
            shown = list(upcoming[1])
            for obj in shown:
                listed.require(obj.frame, (obj.height, obj.width), source.name)
            upcoming = next(groups, None)
        writer.write(overlay.draw(read_picture(path, listed.size), number, shown))
        bar.update()
    if upcoming is not None:
        listed.require(upcoming[0], listed.size, source.name)
