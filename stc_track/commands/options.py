"""Option types and options that commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from stc_track.io.options import PATH, NumberRange, split_names

if TYPE_CHECKING:
    from stc_track.formats.exporters import Format

__all__ = ["PATH", "NumberRange", "split_names"]

TRACK_FORMATS = (
    "mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "cvat-polygons", "mot", "yolo", "bdd100k", "datumaro",
)  # fmt: skip
# what `--help` says of each
FORMAT_HELP = """\b
    mots           {sequence}.txt, KITTI MOTS text: frame id class height width rle
    png            {sequence}/{frame}.png of 16 bits, class * 1000 + k
    ytvis          one file of YouTube-VIS annotations
    ytvis-results  one file of YouTube-VIS results
    coco           one file of COCO annotations with RLE, track_id and score
    cvat           {sequence}.xml, CVAT for video 1.1, a mask for each object and frame
    cvat-polygons  the same with a track of polygons for each object
    mot            {sequence}.txt, MOT-Challenge boxes
    yolo           labels/{sequence}/{frame}.txt and data.yaml, YOLO polygons without track ids (lossy)
    bdd100k        {sequence}/{sequence}-{frame}.png, BDD100K's RGBA bitmasks
    datumaro       annotations/default.json, Datumaro's own format
    detections     {sequence}.txt, MOTS detections: the masks without their ids"""


class FrameSize(click.ParamType[Any]):
    """`HEIGHTxWIDTH` in pixels."""

    name = "HEIGHTxWIDTH"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As it is typed, which click's own capitals would hide."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(height, width)."""
        match = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", value)
        if not isinstance(match, re.Match):
            self.fail(f"{value!r} is no size such as 375x1242", param, ctx)
        return int(match[1]), int(match[2])


class ClassMap(click.ParamType[Any]):
    """`OLD=NEW,...` of class numbers."""

    name = "OLD=NEW,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[int, int]:
        """New number by the old one."""
        if isinstance(value, dict):
            return value
        pairs = [re.fullmatch(r"([0-9]{1,9})=([0-9]{1,9})", text.strip()) for text in value.split(",")]
        if None in pairs:
            self.fail(f"{value!r} is no list such as 10=3,7=1", param, ctx)
        return {int(pair[1]): int(pair[2]) for pair in pairs if pair}


class Duration(click.ParamType[Any]):
    """A number of frames (`45`) or of seconds (`1.5s`)."""

    name = "FRAMES or SECONDSs"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As it is typed."""
        return "FRAMES|SECONDSs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, bool]:
        """The number, and whether it is of seconds."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([0-9]{1,6})|([0-9]{1,6}(?:\.[0-9]{1,6})?)s", str(value))
        if not match or (match[1] and int(match[1]) > 100_000):
            self.fail(f"{value!r} is neither frames, up to 100000, nor seconds such as 1.5s", param, ctx)
        return float(match[1] or match[2]), match[1] is None


frames_option = click.option(
    "--frames", type=PATH, help="Folder of all sequences' frames: says which there are and how they are called."
)
frame_size_option = click.option(
    "--frame-size", type=FrameSize(), help="Of the frames of MOT-Challenge boxes without seqinfo.ini."
)
classes_option = click.option("--classes", type=ClassMap(), help="Renumber classes.")
annotations_option = click.option(
    "--annotations", type=PATH, help="YouTube-VIS annotations that results, read or written, belong to."
)
overlaps_option = click.option(
    "--overlaps",
    type=click.Choice(["cut", "keep"]),
    default="cut",
    show_default=True,
    help="Give a pixel that several cover to the highest score, or leave it.",
)
shift_option = click.option(
    "--shift", default=0, help="Add this to every frame's number: KITTI counts from 0, MOT from 1."
)


def missing_option(default: str) -> Callable[[Any], Any]:
    """`--missing`, with a command's own default."""
    return click.option(
        "--missing",
        type=click.Choice(["keep", "drop", "box"]),
        default=default,
        show_default=True,
        help="What becomes of a box without a mask: keep it where the format has a place for it (coco, mot, datumaro, "
        "detections; the others refuse), leave it out, or fill it.",
    )


def say_lossy(kind: Format) -> None:
    """Print what a format cannot hold, where there is something."""
    from stc_track.formats.exporters import EXPORTERS

    if loses := EXPORTERS[kind].loses:
        click.echo(f"{kind} is lossy: without {loses}", err=True)
