"""Several builds at once into one store: `python -m pipelines.checks.parallel_builds`.

Of different sequences, each must complete; of the same, one completes, and each of the others is refused with one line,
or finds everything complete if it came late. Afterwards the store must equal one that was built alone, with nothing
left over.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import click

from pipelines.checks.placed_kills import arguments, contents, run
from stc_pseudo.store.verify import stale_files, verify_store
from stc_track.io.console import Command
from stc_track.io.location import Location

FRAMES = 5


def draw_sequences(folder: Path, count: int) -> Path:
    """A drawn data set in KITTI's layout of so many sequences."""
    from pipelines.cost.build import draw

    draw(folder, FRAMES)
    for k in range(1, count):
        for kind in ("image_02", "depth", "flow"):
            shutil.copytree(folder / "training" / kind / "0000", folder / "training" / kind / f"{k:04d}")
        shutil.copy(folder / "instances_txt/0000.txt", folder / f"instances_txt/{k:04d}.txt")
    return folder


def run_together(commands: list[list[str]], logs: list[Path]) -> list[int]:
    """Run builds at once, each in a process of its own: their exit codes."""
    pids = []
    for command, log in zip(commands, logs, strict=True):
        pid = os.fork()
        if pid == 0:
            os._exit(run(command, log) & 0xFF)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def trial(root: Path, folder: Path, count: int, same: bool, right: dict[str, str]) -> tuple[Counter[str], list[str]]:
    """Some builds at once: what happened, and what should not have."""
    store, counts, bad = folder / "store", Counter(), []
    shutil.rmtree(store, ignore_errors=True)
    names = [f"{k:04d}" for k in range(count)]
    chosen = [",".join(names)] * count if same else names
    logs = [folder / f"log{k}" for k in range(count)]
    codes = run_together([[*arguments(root, store, "new"), "--sequences", name] for name in chosen], logs)
    for code, log in zip(codes, logs, strict=True):
        errors = [line for line in log.read_text().splitlines() if line.startswith("Error: ")]
        refused = code == 2 and len(errors) == 1 and "expected no other build of this sequence" in errors[0]
        counts["refused in one line" if refused else f"exit code {code}"] += 1
        if code and not (same and refused):
            bad.append(f"exit code {code}: {log.read_text()[-300:]}")
    if 0 not in codes:
        bad.append("none completed")
    digests = contents(store)
    if digests != {key: value for key, value in right.items() if key.split("/")[0] in names}:
        bad.append(f"the store differs: {sorted(set(right) ^ set(digests))[:3]}")
    left = [text for state in verify_store(Location(store), deep=True) for text in state.findings()]
    if left or stale_files(Location(store)):
        bad.append(f"left over: {[*left, *stale_files(Location(store))][:3]}")
    return counts, bad


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--rounds", type=click.IntRange(min=1), default=5, help="Of each kind.")
def main(rounds: int) -> None:
    """Run two and four builds at once; exit code 1 where anything was lost."""
    logging.disable(logging.WARNING)
    import torch

    import stc_pseudo.building.build_store
    import stc_pseudo.commands.build  # noqa: F401 (loaded before the forks)

    torch.set_num_threads(1)
    bad = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = draw_sequences(folder / "data", 4)
        if run(arguments(root, folder / "right", "new"), folder / "log"):
            raise click.ClickException((folder / "log").read_text()[-1000:])
        right = contents(folder / "right")
        for same in (False, True):
            for count in (2, 4):
                counts: Counter[str] = Counter()
                for _ in range(rounds):
                    happened, wrong = trial(root, folder, count, same, right)
                    counts += happened
                    bad += wrong
                kind = "the same sequences" if same else "different sequences"
                click.echo(f"{count} builds of {kind}, {rounds} times: {dict(counts)}")
    for line in bad:
        click.echo(f"BAD {line}")
    if bad:
        raise click.exceptions.Exit(1)
    click.echo("nothing was lost")


if __name__ == "__main__":
    main()
