"""Settings as TOML files: read into dataclasses, written so that the file gives the same settings again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from stc_track.io.errors import InputError, SettingError, require_file
from stc_track.io.field_checks import allows, describe, hints

T = TypeVar("T")


def read(path: Path) -> dict[str, Any]:
    """Tables and values of a TOML file.

    Raises:
        InputError: there is no such file, or it is no TOML; the message has the line.
    """
    try:
        return tomllib.loads(require_file(path, "a settings file (TOML)").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(path, expected="a settings file (TOML)", found=str(error)[:120]) from error


def read_settings(kind: type[T], path: Path) -> T:
    """Settings of a class from a TOML file; what the file leaves out keeps its default.

    Raises:
        InputError: as `read`, or an unknown key, a wrong type, or a value out of range: one line with file and key.
    """
    return from_values(kind, read(path), path)


def from_values(kind: type[T], values: Mapping[str, Any], where: str | Path, prefix: str = "") -> T:
    """Settings of a class from nested values; what they leave out keeps its default.

    Args:
        kind: a dataclass, of plain fields and of further dataclasses, which are tables.
        values: by field name; lists for tuples, strings for paths.
        where: names the values' source in errors.
        prefix: goes before a key's name in errors, such as `masks.`.

    Raises:
        InputError: an unknown key, a wrong type, a value out of range, or a key without a default that is missing.
    """
    try:
        return _build(kind, values, prefix)
    except SettingError as error:
        raise InputError(
            f"{where}: {error.name}", expected=error.expected, found=error.found, hint=error.hint
        ) from error


def to_toml(settings: Any, name: str = "") -> str:
    """Write settings as TOML: every field but those that hold None, tables last.

    Args:
        settings: a dataclass.
        name: of the table that they are, dotted; none for a whole file.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Masks:
        ...     threshold: float = 0.3
        ...     cues: tuple[str, ...] = ("depth", "flow")
        >>> @dataclass
        ... class Run:
        ...     masks: Masks
        ...     detail: int = 4
        >>> print(to_toml(Run(Masks())), end="")
        detail = 4
        <BLANKLINE>
        [masks]
        threshold = 0.3
        cues = ["depth", "flow"]
    """
    head = [f"[{name}]"] if name else []
    return "\n".join(head + _lines(settings, name and f"{name}.")).lstrip("\n") + "\n"


def value_to_toml(value: object) -> str:
    """Write a value, not a table, in TOML's notation."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case tuple() | list():
            return f"[{', '.join(map(value_to_toml, value))}]"
        case _:
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _build(kind: type[T], values: Mapping[str, Any], prefix: str) -> T:
    hint_of = hints(kind)
    if unknown := [key for key in values if key not in hint_of]:
        raise SettingError(prefix + unknown[0], f"one of the keys {', '.join(hint_of)}", "an unknown key")
    converted = {name: _convert(hint_of[name], value, prefix + name) for name, value in values.items()}
    try:
        return kind(**converted)
    except SettingError as error:
        raise SettingError(prefix + error.name, error.expected, error.found, error.hint) from error
    except TypeError as error:  # a field without a default
        missing = [name for name in hint_of if name not in values]
        raise SettingError(prefix + ", ".join(missing), "given", "nothing") from error


def _convert(hint: Any, value: Any, name: str) -> Any:
    """A value of a file as its field takes it."""
    kinds = [kind for kind in _options(hint) if kind is not NoneType]
    if tables := [kind for kind in kinds if is_dataclass(kind)]:
        if not isinstance(value, dict):
            raise SettingError(name, describe(hint), _shown(value))
        return _build(tables[0], value, name + ".")  # type: ignore[arg-type]
    if isinstance(value, list):
        value = tuple(value)
    elif isinstance(value, str) and Path in kinds:
        value = Path(value)
    if not allows(hint, value):
        raise SettingError(name, describe(hint), _shown(value))
    return float(value) if float in kinds and isinstance(value, int) and not isinstance(value, bool) else value


def _options(hint: Any) -> tuple[Any, ...]:
    """The types that an annotation offers, ranges left out."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(inner for option in get_args(hint) for inner in _options(option))
    return (getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint,)


def _shown(value: object) -> str:
    return ascii(list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value)[:60]


def _lines(settings: Any, prefix: str) -> list[str]:
    values = {field.name: getattr(settings, field.name) for field in fields(settings) if field.init}
    tables = {name: value for name, value in values.items() if is_dataclass(value)}
    lines = [
        f"{name} = {value_to_toml(value)}" for name, value in values.items() if name not in tables and value is not None
    ]
    for name, value in tables.items():
        lines += ["", f"[{prefix}{name}]", *_lines(value, f"{prefix}{name}.")]
    return lines
