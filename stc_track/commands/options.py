"""Option types and options that commands share."""

from __future__ import annotations

import re
from typing import Any

import click

from stc_track.io.options import PATH, NumberRange, split_names

__all__ = ["PATH", "NumberRange", "split_names"]

TRACK_FORMATS = ("mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "mot")


class FrameSize(click.ParamType[Any]):
    """`HEIGHTxWIDTH` in pixels."""

    name = "HEIGHTxWIDTH"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As it is typed, which click's own capitals would hide."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(height, width)."""
        found = isinstance(value, str) and re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", value)
        if not isinstance(found, re.Match):
            self.fail(f"{value!r} is no size such as 375x1242", param, ctx)
        return int(found[1]), int(found[2])


class ClassMap(click.ParamType[Any]):
    """`OLD=NEW,...` of class numbers."""

    name = "OLD=NEW,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[int, int]:
        """New number by the old one."""
        if isinstance(value, dict):
            return value
        pairs = [re.fullmatch(r"([0-9]{1,9})=([0-9]{1,9})", each.strip()) for each in value.split(",")]
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
        found = re.fullmatch(r"([0-9]{1,6})|([0-9]{1,6}(?:\.[0-9]{1,6})?)s", str(value))
        if not found or (found[1] and int(found[1]) > 100_000):
            self.fail(f"{value!r} is neither frames, up to 100000, nor seconds such as 1.5s", param, ctx)
        return float(found[1] or found[2]), found[1] is None


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
