"""`--preset NAME` for a command: a named bundle of ordinary settings to begin with, and what contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from stc_track.io.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])
BEST = "best"


def preset_option(choices: Sequence[str], paper: str) -> Callable[[F], F]:
    """Return the decorator that adds `--preset`; the command is given `preset`.

    Args:
        choices: names of the presets; `best` is the default.
        paper: what `paper` does, for the help.
    """
    return click.option(
        "--preset",
        type=click.Choice(list(choices)),
        default=BEST,
        help=f"Settings to begin with: best, or paper, {paper}. A flag that contradicts it is refused.",
    )


def is_said() -> bool:
    """Whether the command line names the preset; a default leaves every setting open."""
    return click.get_current_context().get_parameter_source("preset") is ParameterSource.COMMANDLINE


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """A settings class, or a mapping, as values by dotted key.

    Examples:
        >>> flat({"masks": {"labels": "mask"}, "detail": 4})
        {'masks.labels': 'mask', 'detail': 4}
    """
    flattened: dict[str, Any] = {}
    for key, value in (asdict(values) if is_dataclass(values) and not isinstance(values, type) else values).items():
        if isinstance(value, Mapping):
            flattened |= flat(value, f"{prefix}{key}.")
        else:
            flattened[f"{prefix}{key}"] = value
    return flattened


def refuse_contradiction(
    preset: str, made: Any, bundle: Any, tables: Collection[str] = (), flags: Mapping[str, str] | None = None
) -> None:
    """Stop where settings are not the preset's.

    Args:
        preset: its name.
        made: the settings that flags and file led to, as `flat` takes them.
        bundle: the preset's; what it does not name is open.
        tables: dotted keys that are open because the paper's own tables vary them.
        flags: dotted key of each flag that sets one, as `config_options` takes it.

    Raises:
        InputError: naming the flag, or the key where no flag sets it.
    """
    values, places = flat(made), {key: flag for flag, key in (flags or {}).items()}
    for key, wanted in flat(bundle).items():
        if key not in tables and values.get(key) != wanted:
            flag = f"--{places[key].replace('_', '-')}" if key in places else key
            raise InputError(
                flag,
                expected=f"{_text(wanted)}, as --preset {preset} has it",
                found=_text(values.get(key)),
                hint=f"leave --preset {preset} or {flag} away",
            )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
