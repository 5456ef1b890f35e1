"""`--config FILE.toml` and `--print-config` for a command: a file says what flags say, and tables say the rest.

Keys of the file are the command's flags with `_` for `-`; its tables are settings classes. A flag on the command line
has the last word, then the file, then the table's base (such as a preset), then the defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from stc_track.io.errors import InputError
from stc_track.io.options import PATH
from stc_track.io.settings_file import from_values, read, to_toml, value_to_toml

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_KEY = f"{__name__}.file"
_OWN = ("config", "print_config", "help", "verbose")


@dataclass(frozen=True)
class ConfigFile:
    """What a command's file and flags say together.

    Attributes:
        path: of the file, or None.
        tables: its tables, by name.
        flags: which key of a table each of some flags sets, `{"layers": "similarity.layers"}`; in the file, such a
            key stands in its table alone.
    """

    path: Path | None
    tables: Mapping[str, Mapping[str, Any]]
    flags: Mapping[str, str]

    def settings(self, name: str, kind: type[T], base: Mapping[str, Any] | None = None) -> T:
        """Settings of a table.

        Args:
            name: the table.
            kind: its settings class.
            base: values for what neither file nor flags say, before the class's defaults.

        Raises:
            InputError: an unknown key, a wrong type, or a value out of range.
        """
        values = {**(base or {}), **self.tables.get(name, {})}
        for flag, value in _given().items():
            table, _, key = self.flags.get(flag, "").rpartition(".")
            if table == name:
                values[key] = value
        return from_values(kind, values, self.path or "settings", f"{name}.")

    def said(self, flag: str) -> Any:
        """What the command line, else the file's table, says of a flag that sets a key; None where neither does."""
        table, _, key = self.flags[flag].rpartition(".")
        return _given().get(flag, self.tables.get(table, {}).get(key))

    def text(self, tables: Mapping[str, Any], **resolved: Any) -> str:
        """The file that reproduces this run.

        Args:
            tables: settings by name, as they were worked out.
            resolved: flags whose value was worked out; None leaves a flag away.
        """
        ctx = click.get_current_context()
        values = {name: param for name, param in _options(ctx, self.flags).items() if name not in resolved}
        plain = {name: ctx.params.get(str(param.name)) for name, param in values.items()} | resolved
        plain = {name: value for name, value in plain.items() if value not in (None, ())}
        lines = [f"{name} = {value_to_toml(value)}" for name, value in plain.items()]
        return "\n".join(["\n".join(lines) + "\n", *(to_toml(table, name) for name, table in tables.items())])


def config_options(
    tables: Mapping[str, type] | None = None,
    flags: Mapping[str, str] | None = None,
    checks: Mapping[str, Callable[[Mapping[str, Any], str], None]] | None = None,
) -> Callable[[F], F]:
    """Return the decorator that adds `--config` and `--print-config`; the command is given `print_config`.

    Args:
        tables: settings class of each table of the file, which the command reads with `current_config().settings`.
        flags: as in `ConfigFile`.
        checks: of each table that is no settings class: raises an InputError, which starts with the file that it is
            given, where the table is wrong.
    """

    kinds, own_checks = tables or {}, checks or {}
    names = [*kinds, *own_checks]

    def load(ctx: click.Context, _option: click.Parameter, path: Path | None) -> None:
        values = read(path) if path else {}
        tables = {name: values.pop(name) for name in names if name in values}
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise InputError(f"{path}: {name}", expected=f"a table, [{name}]", found=ascii(table)[:60])
            if name in own_checks:  # wrong ones before anything is done
                own_checks[name](table, str(path))
            else:
                from_values(kinds[name], table, str(path), f"{name}.")
        ctx.meta[_KEY] = ConfigFile(path, tables, flags or {})
        options = _options(ctx, flags or {})
        for key in values:
            if key not in options:
                allowed = ", ".join([*options, *(f"[{name}]" for name in names)])
                raise InputError(f"{path}: {key}", expected=f"one of the keys {allowed}", found="an unknown key")
        defaults = {
            options[key].name: _checked(options[key], value, ctx, f"{path}: {key}") for key, value in values.items()
        }
        ctx.default_map = {**(ctx.default_map or {}), **defaults}

    def decorate(command: F) -> F:
        command = click.option(
            "--print-config", is_flag=True, help="Print the file that reproduces this run, and end."
        )(command)
        return click.option(
            "--config",
            type=PATH,
            is_eager=True,
            expose_value=False,
            callback=load,
            help="A TOML file of flags and settings, as --print-config writes it; flags have the last word.",
        )(command)

    return decorate


def current_config() -> ConfigFile:
    """The running command's `ConfigFile`."""
    config: ConfigFile = click.get_current_context().meta[_KEY]
    return config


def _options(ctx: click.Context, flags: Mapping[str, str]) -> dict[str, click.Option]:
    """The options that may stand in the file, by key."""
    options = [option for option in ctx.command.params if isinstance(option, click.Option)]
    named = {max(option.opts, key=len).lstrip("-").replace("-", "_"): option for option in options}
    return {key: option for key, option in named.items() if key not in _OWN and option.name not in flags}


def _given() -> dict[str, Any]:
    """Values of the flags on the command line."""
    ctx = click.get_current_context()
    return {
        name: value
        for name, value in ctx.params.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }


def _checked(option: click.Option, value: Any, ctx: click.Context, where: str) -> Any:
    """A value of the file as its flag takes it."""
    types, expected = _expected(option.type)
    parts = value if option.multiple and isinstance(value, list) else [value]
    if any(not isinstance(part, types) or isinstance(part, bool) != (types == (bool,)) for part in parts):
        raise InputError(where, expected=expected, found=ascii(value)[:60])
    parts = [str(part) if isinstance(option.type, click.Choice) else part for part in parts]
    try:
        for part in parts:
            option.type.convert(part, option, ctx)
    except click.BadParameter as error:
        raise InputError(where, expected=expected, found=ascii(value)[:60]) from error
    return parts if option.multiple else parts[0]


def _expected(kind: click.ParamType[Any]) -> tuple[tuple[type, ...], str]:
    """The types of TOML that a flag's type takes, and what it takes in words."""
    if isinstance(kind, click.Choice):
        return (str, int), f"one of {', '.join(map(str, kind.choices))}"
    words = "a number" if isinstance(kind, click.types.FloatParamType) else "a whole number"
    if isinstance(kind, click.IntRange | click.FloatRange):
        low, high = kind.min, kind.max
        limits = [f"above {low}" if kind.min_open else f"at least {low}"] if low is not None else []
        limits += [f"below {high}" if kind.max_open else f"at most {high}"] if high is not None else []
        words += f", {' and '.join(limits)}"
    if isinstance(kind, click.types.IntParamType):
        return (int,), words
    if isinstance(kind, click.types.FloatParamType):
        return (int, float), words
    return ((bool,), "true or false") if isinstance(kind, click.types.BoolParamType) else ((str,), "a string")
