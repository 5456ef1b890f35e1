"""Each command of the recipes, checks and measurements tells what the system refuses as `stc-*` commands do."""

import errno
import importlib
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import pipelines
from pipelines.accuracy import predicted_masks
from stc_track.io.console import Command
from stc_track.io.options import NamedPath

COMMAND = re.compile(r"^@click\.(command|group)\(", re.MULTILINE)
ROOT = Path(pipelines.__file__).parent
READERS = "checks/fuzz_inputs.py"  # that a command of the fuzzing calls
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in ROOT.rglob("*.py")
    if path != ROOT / READERS and COMMAND.search(path.read_text(encoding="utf-8"))
)


def commands(of_module):
    group = of_module.main
    return list(group.commands.values()) if isinstance(group, click.Group) else [group]


@pytest.mark.parametrize("name", MODULES)
def test_every_command_is_one_of_ours(name):
    """What the system refuses is a line, and `~` the home folder."""
    for command in commands(importlib.import_module(name)):
        assert isinstance(command, Command)
        paths = [param.type for param in command.params if isinstance(param.type, click.Path)]
        assert all(isinstance(path, NamedPath) for path in paths)


def test_a_full_disk_is_one_line(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "figures.json")

    monkeypatch.setattr(predicted_masks, "measure", full)
    done = CliRunner().invoke(predicted_masks.main, [str(tmp_path), "--truth", str(tmp_path)])
    assert done.exit_code == 2
    assert "Error: figures.json: No space left on device; free some space" in done.output
