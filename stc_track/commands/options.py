"""What the commands' options have in common."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click

TRACK_FORMATS = ("mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "mot")


def split_names(_ctx: click.Context, _option: click.Parameter, value: str | None) -> list[str] | None:
    """The names in `a,b,c`; None where the option is not given."""
    if value is None:
        return None
    if names := [name.strip() for name in value.split(",") if name.strip()]:
        return names
    raise click.BadParameter(f"{value!r} names no sequence")


class NamedPath(click.Path):
    """A path with a name: an empty one, as of a shell's variable that is not set, is not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        if not str(value):
            self.fail("a path without a name", param, ctx)
        return Path(super().convert(value, param, ctx))  # type: ignore[arg-type]  # click's stub has bytes as well


PATH = NamedPath(path_type=Path)


class NumberRange(click.FloatRange):
    """A range that NaN, which compares with nothing, is not in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


class FrameSize(click.ParamType):
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


class ClassMap(click.ParamType):
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
