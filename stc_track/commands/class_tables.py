"""Settings by class in a settings file: tables such as `[classes.pedestrian.lifecycle]`, by name or number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from stc_track.io.errors import InputError
from stc_track.io.settings_file import from_values
from stc_track.tracking.settings import GROUPS, TrackerSettings

TABLE = "classes"
Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]  # class, group, key


def check_tables(tables: Mapping[str, Any], where: str) -> None:
    """Raise an InputError unless `tables` are groups of tracker settings by class; `where` names the file."""
    for name, groups in tables.items():
        place = f"{where}: {TABLE}.{name}"
        if not isinstance(groups, dict):
            raise InputError(place, expected=f"a table such as [{TABLE}.{name}.lifecycle]", found=ascii(groups)[:60])
        for group, values in groups.items():
            if group not in GROUPS or not isinstance(values, dict):
                expected = f"tables of {', '.join(GROUPS)}"
                raise InputError(f"{place}.{group}", expected=expected, found=ascii(values)[:60])
    settings_by_name(tables, TrackerSettings(), where)


def settings_by_name(tables: Tables, base: TrackerSettings, where: str) -> dict[str, TrackerSettings]:
    """Settings of each class: what its tables say, the rest as in `base`.

    Raises:
        InputError: an unknown key, a wrong type, or a value out of range.
    """
    return {name: _settings(groups, base, where, f"{TABLE}.{name}.") for name, groups in tables.items()}


def by_number(
    settings: Mapping[str, TrackerSettings], class_names: Mapping[int, str], where: str
) -> dict[int, TrackerSettings]:
    """The settings by the class's number.

    Args:
        settings: by a class's number or name.
        class_names: names of the numbers.
        where: names the settings file.

    Raises:
        InputError: a name that no class has, or two tables of one class.
    """
    numbers = {name: number for number, name in class_names.items()}
    by_number_of_class: dict[int, TrackerSettings] = {}
    for name, settings_of_class in settings.items():
        number = int(name) if re.fullmatch("[0-9]{1,9}", name) else numbers.get(name)
        if number is None:
            known = ", ".join(numbers) or "no names"
            raise InputError(
                f"{where}: {TABLE}.{name}", expected=f"a class's number, or its name ({known})", found=ascii(name)[:60]
            )
        if number in by_number_of_class:
            expected = f"one table for class {number}"
            raise InputError(f"{where}: {TABLE}.{name}", expected=expected, found="its name and its number")
        by_number_of_class[number] = settings_of_class
    return by_number_of_class


def table_name(name: str) -> str:
    """The dotted name of a class's table, quoted where TOML wants it."""
    return f"{TABLE}.{name if re.fullmatch('[A-Za-z0-9_-]+', name) else json.dumps(name)}"


def _settings(
    groups: Mapping[str, Mapping[str, Any]], base: TrackerSettings, where: str, prefix: str
) -> TrackerSettings:
    parts: dict[str, Any] = {}
    for name, kind in GROUPS.items():
        start = getattr(base, name)
        values = {field.name: getattr(start, field.name) for field in fields(kind)} | dict(groups.get(name, {}))
        parts[name] = from_values(kind, values, where, f"{prefix}{name}.")
    return TrackerSettings(**parts)
