"""Run the commands of this project one after another, as a user would type them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click


def call(command: click.Command, *arguments: object) -> None:
    """Run one of this project's commands in this process, which saves its start; show it first.

    Args:
        command: as its module has it.
        arguments: its arguments, turned to text.
    """
    words = [str(argument) for argument in arguments]
    name = (command.callback.__module__ if command.callback else command.name or "").rpartition(".")[2]
    click.secho(f"$ {shlex.join([name, *words])}", bold=True)
    command.main(words, standalone_mode=False)


class Stages:
    """Runs commands, shows each, and remembers how long it took.

    Args:
        verbose: hand `-v` on to every command, and show the figures that a pipeline prints at its end as well.

    Attributes:
        seconds: command line to wall time.
    """

    def __init__(self, verbose: bool = False) -> None:
        self.verbose = verbose
        self.seconds: dict[str, float] = {}

    def run(self, command: str, *arguments: object, threads: int | None = None, figures: bool = True) -> None:
        """Run one of this project's commands; a failure ends the pipeline with the command's own exit code.

        Args:
            command: its name, as `stc-pseudo`.
            arguments: its arguments, turned to text.
            threads: of each of its processes; as many as there are cores, if not given.
            figures: show what it prints on stdout; False where the pipeline's own tables have it.
        """
        line = shlex.join([command, *(str(argument) for argument in arguments)])
        click.secho(f"$ {line}", bold=True)
        started = time.monotonic()
        # The commands of this very environment, whether or not it is activated.
        program = Path(sys.executable).with_name(command)
        limit = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
        ended = subprocess.run(
            [program, *(str(argument) for argument in arguments), *(["-v"] if self.verbose else [])],
            check=False,
            env=os.environ | limit,
            stdout=None if figures or self.verbose else subprocess.DEVNULL,
        )
        if ended.returncode:
            raise SystemExit(ended.returncode)
        self.seconds[line] = time.monotonic() - started
