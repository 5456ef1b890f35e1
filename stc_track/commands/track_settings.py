"""What the flags and the settings file of `stc-track` say together."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from stc_track.commands.class_tables import TABLE, settings_by_name, table_name
from stc_track.io.config_option import current_config
from stc_track.io.errors import InputError
from stc_track.tracking.settings import GROUPS, PRESETS, TrackerSettings

if TYPE_CHECKING:
    from stc_track.formats.base import Source

Gap = tuple[float, bool]  # a number, and whether it is of seconds
# key of the settings that each flag sets; of costs, those of boxes as well
FLAGS = {
    "points": "motion.points",
    "camera_motion": "motion.camera_motion",
    "matching": "association.matching",
    "cascade": "association.cascade",
    "two_rounds": "association.two_rounds",
    "cue_terms": "association.cue_terms",
    "overlap_weight": "mask_costs.overlap_weight",
    "gap_weight": "mask_costs.gap_weight",
    "score_weight": "mask_costs.score_weight",
    "max_cost": "mask_costs.max_cost",
    "gate": "mask_costs.gate",
    "high_score": "lifecycle.high_score",
    "low_score": "lifecycle.low_score",
    "confirm_score": "lifecycle.confirm_score",
    "predict_missing": "output.predict_missing",
}


def read_settings(preset: str, single_threshold: bool) -> TrackerSettings:
    """What the preset, the file and the flags say together."""
    config, start = current_config(), PRESETS[preset]
    predict_missing = click.get_current_context().params["predict_missing"]
    groups: dict[str, Any] = {}
    for name, kind in GROUPS.items():
        base = {field.name: getattr(getattr(start, name), field.name) for field in fields(kind)}
        if name == "box_costs":
            base |= {key: value for key, value in _given_costs().items() if key not in config.tables.get(name, {})}
        if name == "output" and predict_missing is not None:
            base["predict_missing_masks"] = predict_missing
        groups[name] = config.settings(name, kind, base)
    settings = TrackerSettings(**groups)
    return settings.changed(low_score=settings.lifecycle.high_score) if single_threshold else settings


def class_settings(base: TrackerSettings) -> dict[str, TrackerSettings]:
    """Settings of the classes that the file has tables for, by the class's name there."""
    config = current_config()
    return settings_by_name(config.tables.get(TABLE, {}), base, str(config.path))


def config_text(settings: TrackerSettings, max_gap: Gap | None) -> str:
    """The file that reproduces the run; `--max-gap` in seconds stays what it is."""
    seconds = f"{max_gap[0]:g}s" if max_gap and max_gap[1] else None
    if max_gap and not seconds:
        settings = settings.changed(max_gap=round(max_gap[0]))
    tables = {name: getattr(settings, name) for name in GROUPS}
    tables |= {table_name(name): settings_of_class for name, settings_of_class in class_settings(settings).items()}
    return current_config().text(tables, max_gap=seconds, single_threshold=None)


def _given_costs() -> dict[str, float]:
    """Costs that flags of the command line set."""
    params = click.get_current_context().params
    costs = {name: place.split(".")[1] for name, place in FLAGS.items() if place.startswith("mask_costs.")}
    return {key: params[name] for name, key in costs.items() if params[name] is not None}


def of_sequence(
    settings: TrackerSettings, max_gap: Gap | None, frame_rate: float | None, source: Source
) -> TrackerSettings:
    """The settings with `--max-gap` in frames."""
    if max_gap is None:
        return settings
    value, seconds = max_gap
    if seconds:
        rate = frame_rate or source.frame_rate
        if rate is None:
            hint = "--frame-rate says it"
            raise InputError(source.place, expected="a frame rate, for --max-gap in seconds", found="none", hint=hint)
        value *= rate
    return settings.changed(max_gap=max(round(value), 0))
