"""Settings that check themselves: types and ranges are read from the annotations of a dataclass.

A settings class writes each field's type once, with its range, and calls `check(self)` in `__post_init__`:

    @dataclass(frozen=True)
    class MaskSettings:
        threshold_depth: Share = 0.3
        cues: tuple[Literal["depth", "flow"], ...] = ("depth",)

        def __post_init__(self) -> None:
            check(self)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from stc_track.io.errors import SettingError


@dataclass(frozen=True)
class Between:
    """Range of a number, to annotate a field with: `Annotated[float, Between(0, 1)]`.

    Attributes:
        low: smallest value, or None.
        high: largest value, or None.
        above: `low` itself is left out.
        below: `high` itself is left out.
    """

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        return not (
            (self.low is not None and (value < self.low or (self.above and value == self.low)))
            or (self.high is not None and (value > self.high or (self.below and value == self.high)))
        )

    def __str__(self) -> str:
        low = "" if self.low is None else f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
        high = "" if self.high is None else f"below {self.high:g}" if self.below else f"at most {self.high:g}"
        if low and high and not self.above and not self.below:
            return f"from {self.low:g} to {self.high:g}"
        return " and ".join(filter(None, (low, high)))


Share = Annotated[float, Between(0, 1)]
NotNegative = Annotated[float, Between(0)]
Positive = Annotated[float, Between(0, above=True)]
Count = Annotated[int, Between(0)]
PositiveCount = Annotated[int, Between(1)]


def hints(kind: type) -> dict[str, Any]:
    """Annotations of a dataclass's fields, ranges included, in order."""
    annotations = get_type_hints(kind, include_extras=True)
    return {field.name: annotations[field.name] for field in fields(kind) if field.init}


def check(settings: Any) -> None:
    """Raise a SettingError for the first field of a dataclass whose value its annotation does not allow."""
    for name, hint in hints(type(settings)).items():
        value = getattr(settings, name)
        if not allows(hint, value):
            raise SettingError(name, describe(hint), repr(value))


def require(condition: bool, name: str, expected: str, found: object) -> None:
    """Raise a SettingError unless a condition between fields holds."""
    if not condition:
        raise SettingError(name, expected, str(found))


def allows(hint: Any, value: object) -> bool:
    """Whether an annotation allows a value; a float is finite, and a whole number will do for it."""
    hint, limits = _split(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(allows(allowed, value) for allowed in arguments)
    if origin is Literal:
        return any(value == allowed and type(value) is type(allowed) for allowed in arguments)
    if origin in (list, Sequence):
        if isinstance(value, str) or not isinstance(value, list if origin is list else Sequence):
            return False
        return all(allows(arguments[0], item) for item in value)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        parts = arguments[:1] * len(value) if arguments[1:] == (...,) else arguments
        return len(parts) == len(value) and all(map(allows, parts, value))
    if hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if hint is int else Real):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        return math.isfinite(number) and all(number in limit for limit in limits)
    return isinstance(value, hint)


def describe(hint: Any) -> str:
    """What an annotation allows, for a message.

    Examples:
        >>> describe(Share), describe(PositiveCount | None), describe(Literal["exact", "estimated"])
        ('a number from 0 to 1', 'a whole number of at least 1, or nothing', "one of 'exact', 'estimated'")
        >>> describe(tuple[float, float]), describe(tuple[Literal["depth", "flow"], ...])
        ('a list of 2, each a number', "a list, each one of 'depth', 'flow'")
    """
    hint, limits = _split(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return ", or ".join(describe(argument) for argument in arguments)
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(map(repr, arguments))
    if origin in (list, Sequence):
        return f"a list, each {describe(arguments[0])}"
    if origin is tuple:
        count = "" if arguments[1:] == (...,) else f" of {len(arguments)}"
        return f"a list{count}, each {describe(arguments[0])}"
    if isinstance(hint, type) and is_dataclass(hint):
        return f"a table of {', '.join(hints(hint))}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string", Path: "a path"}
    return " ".join([names.get(hint, "nothing" if hint is NoneType else str(hint)), *map(str, limits)])


def _split(hint: Any) -> tuple[Any, list[Between]]:
    """An annotation without its ranges, and the ranges."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return inner, [extra for extra in extras if isinstance(extra, Between)]
    return hint, []
