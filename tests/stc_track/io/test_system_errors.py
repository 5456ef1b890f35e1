"""What the system refuses ends every command with one line and exit code 2; a fault of ours keeps its traceback."""

import errno
import importlib
import resource
import subprocess
import tomllib
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.io.console import Command
from stc_track.io.system_errors import TRACEBACK, describe, one_line

ROOT = Path(__file__).parents[3]


class ForeignError(Exception):
    """Stands for a library's error that is no OSError."""


ForeignError.__module__, ForeignError.__qualname__ = "botocore.exceptions", "BotoCoreError"


class EndpointConnectionError(ForeignError):
    pass


OF_ANOTHER_PROCESS = (
    "Caught OSError in DataLoader worker process 0.\nOriginal Traceback:\n  File\nOSError: [Errno 28] no"
)
SYSTEM = {
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "out/a.txt"), "out/a.txt: No space left"),
    "a place that is read only": (OSError(errno.EROFS, "Read-only file system", "out"), "write to another place"),
    "no permission": (PermissionError(errno.EACCES, "Permission denied", "x"), "x: Permission denied"),
    "a quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "the system says: Disk quota exceeded"),
    "a dead endpoint": (EndpointConnectionError('Could not connect to "http://127.0.0.1:9/"'), "127.0.0.1:9"),
    "nobody answers": (TimeoutError("timed out"), "timed out"),
    "a connection": (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
    "torch writing": (
        RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/3"),
        "PytorchStreamWriter failed writing",
    ),
    "torch's memory": (RuntimeError("x\nDefaultCPUAllocator: can't allocate memory: you tried"), "can't allocate"),
    "a GPU's memory": (
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1.00 GiB"),
        "Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1.00 GiB; a smaller batch, smaller frames",
    ),
    "Python's memory": (MemoryError(), "not enough memory"),
    "another process": (OSError(OF_ANOTHER_PROCESS), "[Errno 28]"),
    "a program that fails": (subprocess.CalledProcessError(1, "ffmpeg"), "ffmpeg"),
    "two names": (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "a -> b: Invalid"),
}
OURS = [KeyError("x"), ValueError("y"), RuntimeError("shapes do not fit"), TypeError(), AssertionError(), IndexError()]


@pytest.mark.parametrize("kind", SYSTEM)
def test_the_system_refuses_in_one_line(kind):
    error, said = SYSTEM[kind]

    @click.command(cls=Command)
    def command():
        raise error

    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert result.output.startswith("Error: ")


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_a_fault_of_ours_passes(error):
    assert describe(error) is None
    with pytest.raises(type(error)), one_line():
        raise error


def test_the_traceback_is_there_for_who_wants_it(monkeypatch):
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(OSError, match="No space"), one_line():
        raise OSError(errno.ENOSPC, "No space left on device")


def commands():
    """Every command that an installation has, and their subcommands, by name."""
    from stc_pseudo.cli import SUBCOMMANDS

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    places = {name: place for name, place in scripts.items() if name != "stc-pseudo"}
    places |= {f"stc-pseudo {name}": f"stc_pseudo.commands.{name.replace('-', '_')}:main" for name in SUBCOMMANDS}
    return places


@pytest.mark.parametrize("name", commands())
def test_every_command_has_it(name):
    module, _, function = commands()[name].partition(":")
    assert isinstance(getattr(importlib.import_module(module), function), Command)


@contextmanager
def full_disk(most: int):
    """No file of this process grows beyond so many bytes, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_while_tracks_are_written(tmp_path):
    from stc_track.commands.track import main as track
    from stc_track.formats.mots import Detection, DetectionWriter
    from stc_track.masks import rle

    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:30] = 1
    (tmp_path / "predictions").mkdir()
    with DetectionWriter(tmp_path / "predictions" / "0000.txt") as writer:
        for t in range(40):
            writer.write(Detection(t, (10.0, 10.0, 30.0, 20.0), 0.9, 1, 40, 60, rle.encode(mask)))
    with full_disk(256):
        result = CliRunner().invoke(track, [str(tmp_path / "predictions"), "--out", str(tmp_path / "results")])
    assert result.exit_code == 2
    assert "File too large" in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not list((tmp_path / "results").glob("*")), "something half-written"
