"""What the options of all commands have in common: paths, lists of names, numbers and ranges."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import click

from stc_track.io.remote_path import AnyPath, RemotePath, as_place

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(:|//)")
BEYOND_REASON = 1e6  # no score, cost or rate is larger
_RANGE = re.compile(r"([0-9]{0,9}):([0-9]{0,9})")


def local_path(text: str) -> Path:
    """The path that a user typed: `~` is the home folder, and `file://` a plain path.

    Raises:
        ValueError: no name, or another scheme, whose files are not on this machine.

    Examples:
        >>> local_path("file:///data/a").as_posix(), local_path("data/a").as_posix()
        ('/data/a', 'data/a')
    """
    if not text:
        raise ValueError("a path without a name")  # as of a shell's variable that is not set
    if text.startswith("file://"):
        text = text.removeprefix("file://").removeprefix("localhost")
    elif scheme := _SCHEME.match(text):
        raise ValueError(
            f"expected a path or file://, found {scheme[0]} (copy it to a disk: stores and frames alone are read there)"
        )
    return Path(os.path.expanduser(text))


class NamedPath(click.Path):
    """A path, as `local_path` reads it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        try:
            value = local_path(os.fspath(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return Path(super().convert(value, param, ctx))  # type: ignore[arg-type]  # click's stub has bytes as well


PATH = NamedPath()


class NamedPlace(click.ParamType[Any]):
    """A path as `NamedPath` reads it, or a bucket: `s3://bucket/prefix`."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> AnyPath:
        """The path."""
        if isinstance(value, RemotePath):
            return value
        text = os.fspath(value)
        if "://" not in text or text.startswith("file://"):
            return PATH.convert(text, param, ctx)
        try:
            return as_place(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)


PLACE = NamedPlace()


def split_names(_ctx: click.Context, _option: click.Parameter, value: str | None) -> list[str] | None:
    """The names in `a,b,c`; None where the option is not given."""
    if value is None:
        return None
    if names := [name.strip() for name in value.split(",") if name.strip()]:
        return names
    raise click.BadParameter(f"{value!r} names no sequence")


class NumberRange(click.FloatRange):
    """Numbers from `least` to `most`, of which NaN is none; the help leaves out bounds that are beyond reason."""

    def __init__(self, least: float = -BEYOND_REASON, most: float = BEYOND_REASON) -> None:
        super().__init__(least, most)
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number: float = click.FLOAT.convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        if not self.least <= number <= self.most:
            self.fail(f"{number:g} is not in the range {self.least:g}<=x<={self.most:g}.", param, ctx)
        return number

    def _describe_range(self) -> str:
        least = "" if self.least == -BEYOND_REASON else f"{self.least:g}<="
        most = "" if self.most == BEYOND_REASON else f"<={self.most:g}"
        return f"{least}x{most}" if least or most else ""


class NumbersFromTo(click.ParamType[Any]):
    """`FROM:TO`, numbers of frames; either may be missing."""

    name = "FROM:TO"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As it is typed."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        """From which number on, and below which; None where there is no end."""
        if isinstance(value, tuple):
            return value
        match = _RANGE.fullmatch(value)
        start, stop = (int(part) if part else None for part in match.groups()) if match else (None, None)
        if not match or (stop is not None and stop <= (start or 0)):
            self.fail(f"{value!r} is no range such as 0:90, of frames 0 to 89", param, ctx)
        return start or 0, stop
