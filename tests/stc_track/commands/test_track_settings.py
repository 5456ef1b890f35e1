"""Settings of `stc-track`: files, presets, classes with settings of their own."""

import pytest
from click.testing import CliRunner

from stc_track.commands.track import main
from stc_track.tracking.settings import TrackerSettings
from tests.stc_track.commands.conftest import invoke, write_config


def test_help_names_the_defaults_of_the_settings():
    text = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    defaults = TrackerSettings()
    for value in (defaults.lifecycle.high_score, defaults.lifecycle.max_gap):
        assert f"[default: {value}]" in text
    assert f"{defaults.mask_costs.max_cost:g} for masks, {defaults.box_costs.max_cost:g} for boxes" in text


def test_a_printed_config_gives_the_same_run(folder):
    flags = ("--high-score", "0.7", "--gap-weight", "2", "--cascade", "--max-gap", "3", "--fill-gaps", "1")
    printed = invoke(folder, *flags, "--print-config")
    assert printed.exit_code == 0
    assert not (folder.parent / "results").exists()
    (folder.parent / "run.toml").write_text(printed.output)
    assert invoke(folder, *flags).exit_code == 0
    expected = (folder.parent / "results" / "0000.txt").read_bytes()
    assert invoke(folder).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() != expected
    done = invoke(folder, "--config", str(folder.parent / "run.toml"))
    assert done.exit_code == 0, done.output
    assert (folder.parent / "results" / "0000.txt").read_bytes() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[lifecycle]\nmax_gaps = 3\n", "lifecycle.max_gaps: expected one of the keys high_score"),
        ("[lifecycle]\nmax_gap = 1.5\n", "lifecycle.max_gap: expected a whole number"),
        ("[box_costs]\ngate = -1\n", "box_costs.gate: expected a number of at least 0, found -1"),
        ("[costs]\ngate = 1\n", "costs: expected one of the keys"),
        ("gate = 1\n", "gate: expected one of the keys"),
        ("[lifecycle\n", "expected a settings file (TOML)"),
    ],
    ids=["unknown key", "wrong type", "out of range", "unknown table", "unknown flag", "no TOML"],
)
def test_bad_config(folder, text, message):
    (folder.parent / "run.toml").write_text(text)
    done = invoke(folder, "--config", str(folder.parent / "run.toml"))
    assert done.exit_code == 2
    assert "run.toml: " in done.output
    assert message in done.output
    assert not (folder.parent / "results").exists()


def test_the_paper_is_a_preset(folder):
    assert invoke(folder, "--preset", "paper").exit_code == 0
    printed = invoke(folder, "--preset", "paper", "--print-config").output
    assert 'matching = "bi-greedy"' in printed
    assert "overlap_weight = 0.0" in printed


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--matching", "hungarian"], "--matching: expected bi-greedy, as --preset paper has it, found hungarian"),
        (["--overlap-weight", "2"], "--overlap-weight: expected 0.0, as --preset paper has it, found 2.0"),
        (["--single-threshold"], "--single-threshold: expected 0, as --preset paper has it, found 1"),
        (["--offline"], "--offline: expected 0, as --preset paper has it, found 1"),
    ],
    ids=["matching", "a cost", "one threshold", "not online"],
)
def test_what_contradicts_the_paper_is_refused(folder, flags, words):
    done = invoke(folder, "--preset", "paper", *flags)
    assert done.exit_code == 2
    assert words in done.output
    assert not (folder.parent / "results").exists()


def test_table_viii_s_rows_are_open_and_recorded_beside_the_tracks(folder):
    done = invoke(folder, "--preset", "paper", "--motion", "center", "--cue-terms", "none")
    assert done.exit_code == 0, done.output
    tracks = (folder.parent / "results" / "0000.txt").read_bytes()
    record = folder.parent / "results.toml"
    assert 'preset = "paper"' in record.read_text()
    again = record.rename(folder.parent / "settings.toml")
    assert invoke(folder, "--config", str(again)).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_bytes() == tracks
    assert record.read_text() == again.read_text()


@pytest.mark.parametrize("name", ["2", "pedestrian"])
def test_a_class_has_settings_of_its_own(folder, name):
    config = write_config(folder, f"[classes.{name}.lifecycle]\nhigh_score = 0.95\n")
    assert invoke(folder).exit_code == 0
    before = (folder.parent / "results" / "0000.txt").read_text().splitlines()
    done = invoke(folder, *config)
    assert done.exit_code == 0, done.output
    lines = (folder.parent / "results" / "0000.txt").read_text().splitlines()
    assert {line.split()[2] for line in before} == {"1", "2"}
    assert lines == [line for line in before if line.split()[2] == "1"]
    printed = invoke(folder, *config, "--print-config").output
    assert f"[classes.{name}.lifecycle]\nhigh_score = 0.95" in printed
    assert invoke(folder, *write_config(folder, printed)).exit_code == 0
    assert (folder.parent / "results" / "0000.txt").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[classes.tree.lifecycle]\nmax_gap = 3\n", "classes.tree: expected a class's number, or its name (car, ped"),
        ("[classes.2.lifecycle]\n[classes.pedestrian.output]\n", "classes.pedestrian: expected one table for class 2"),
        ("[classes.2]\nmax_gap = 3\n", "classes.2.max_gap: expected tables of motion, association"),
        ("[classes.2.lifecycle]\nmax_gap = -3\n", "classes.2.lifecycle.max_gap: expected a whole number"),
        ("[classes.2.lifecycle]\nmax = 3\n", "classes.2.lifecycle.max: expected one of the keys high_score"),
        (
            "[classes.2.lifecycle]\nlow_score = 0.9\n",
            "classes.2.lifecycle.low_score: expected at most high_score, 0.45",
        ),
        ("[classes]\n2 = 3\n", "classes.2: expected a table such as [classes.2.lifecycle], found 3"),
    ],
    ids=["unknown class", "one class twice", "no group", "out of range", "unknown key", "against another", "no table"],
)
def test_bad_settings_of_a_class(folder, text, message):
    done = invoke(folder, *write_config(folder, text))
    assert done.exit_code == 2
    assert f"run.toml: {message}" in done.output
    assert not (folder.parent / "results").exists()


def test_seconds_stay_seconds_in_a_printed_config(boxes):
    printed = invoke(boxes, "--max-gap", "1.5s", "--print-config").output
    assert 'max_gap = "1.5s"' in printed
    assert "max_gap = 7\n" in invoke(boxes, "--max-gap", "7", "--print-config").output
    assert invoke(boxes, *write_config(boxes, printed)).exit_code == 0
