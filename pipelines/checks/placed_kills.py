"""What a killed build, or a full disk, leaves: `python -m pipelines.checks.placed_kills`.

A build is killed before its N-th operation on the store's files, for Ns spread over the whole of it: a new store, and
each level of `--overwrite` on a complete one. A store that was complete must stay readable; a rerun must complete
without help and be equal to an uninterrupted build, with nothing left over. With `--full` the disk is full from that
operation on instead, which must end with exit code 2. `--dask-workers` kills worker processes of running builds.

Every build runs in a forked process, so that the libraries are loaded once.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from stc_pseudo.store.reader import StoreReader
from stc_pseudo.store.verify import stale_files, verify_store
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.location import Location
from stc_track.io.progress import Bar

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
OPERATIONS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link")
LEVELS = ("new", "masks", "similarity", "all")
LENGTHS = {"0000": 17, "0001": 2}  # two shards and one


@dataclass
class Interruption:
    """Counts the operations that change files below a folder, and acts at one of them.

    Attributes:
        folder: of the store.
        at: which operation, from 1; 0 only counts.
        full: fail from then on as a full disk does, instead of being killed.
        count: operations so far.
    """

    folder: str
    at: int = 0
    full: bool = False
    count: int = 0

    def __call__(self, event: str, arguments: tuple) -> None:
        """An audit hook."""
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & WRITING:
                return
        elif event not in OPERATIONS:
            return
        if not str(arguments[0]).startswith(self.folder):
            return
        self.count += 1
        if self.at and self.full and self.count >= self.at and event in ("open", "os.mkdir", "os.link"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.count == self.at and not self.full:
            os.kill(os.getpid(), signal.SIGKILL)


def draw_data(folder: Path) -> Path:
    """A drawn data set in KITTI's layout, of `LENGTHS`."""
    from pipelines.cost.build import draw

    draw(folder, max(LENGTHS.values()))
    for kind in ("image_02", "depth", "flow"):
        (folder / "training" / kind / "0001").mkdir()
        for path in sorted((folder / "training" / kind / "0000").iterdir())[-LENGTHS["0001"] :]:
            number = int(path.stem) - max(LENGTHS.values()) + LENGTHS["0001"]
            shutil.copy(path, folder / "training" / kind / "0001" / f"{number:06d}.png")
    rows = (folder / "instances_txt/0000.txt").read_text().splitlines(keepends=True)
    kept = [row for row in rows if int(row.split()[0]) < LENGTHS["0001"]]
    (folder / "instances_txt/0001.txt").write_text("".join(kept))
    return folder


def arguments(root: Path, store: str | Path, level: str) -> list[str]:
    """The build of a level: a new one, or one that changes what the level makes again."""
    training = root / "training"
    flags = ["build", "--dataset", "kitti", "--root", root, "--out", store, "--detail", 4]
    flags += ["--depth", "precomputed", "--depth-dir", training / "depth"]
    flags += ["--flow", "precomputed", "--flow-dir", training / "flow"]
    change = {
        "new": [],
        "masks": ["--cues", "depth,colour"],
        "similarity": ["--dilation", "1"],
        "all": ["--detail", "2"],
    }
    flags += change[level] + (["--overwrite", level] if level != "new" else [])
    return [str(flag) for flag in flags]


def run(command: list[str], log: Path, hook: Interruption | None = None, counted: Path | None = None) -> int:
    """Run `stc-pseudo` in a forked process; its exit code, or minus the signal that ended it."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        with open(log, "w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        from stc_pseudo.cli import main

        if hook is not None:
            sys.addaudithook(hook)
        try:
            main(command, prog_name="stc-pseudo")
        except SystemExit as ending:
            code = int(ending.code or 0)
        if counted is not None:
            counted.write_text(str(hook.count))
        sys.stdout.flush()
    finally:
        os._exit(code)


def contents(store: str | Path) -> dict[str, str]:
    """A digest of each array and table of each complete sequence."""
    digests = {}
    reader = StoreReader(str(store))
    for name in reader.sequences:
        sequence = reader.sequence(name)
        for array in sorted(sequence.stored):
            digests[f"{name}/{array}"] = hashlib.sha256(sequence.read(array, slice(None)).tobytes()).hexdigest()
        for table in sequence.record["tables"]:
            digests[f"{name}/{table}"] = hashlib.sha256(sequence.table(table).tobytes()).hexdigest()
    return digests


def by_sequence(digests: dict[str, str]) -> dict[str, str]:
    """One digest a sequence."""
    names = {key.split("/")[0] for key in digests}
    return {name: str(sorted(item for item in digests.items() if item[0].startswith(f"{name}/"))) for name in names}


@dataclass
class Trials:
    """Kills, and what came of them.

    Attributes:
        folder: for everything.
        full: full disks instead of kills.
        counts: what happened.
        bad: what should not have.
    """

    folder: Path
    full: bool
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        """Draw the data, build every level without interruption, and count its operations."""
        self.root, self.right, self.operations = draw_data(self.folder / "data"), {}, {}
        for level in LEVELS:
            store, counted = self.folder / f"right-{level}", self.folder / "counted"
            if level != "new":
                shutil.copytree(self.folder / "right-new", store)
            hook = Interruption(str(store))
            code = run(arguments(self.root, store, level), self.folder / "log", hook, counted)
            if code:
                raise click.ClickException((self.folder / "log").read_text()[-1000:])
            self.right[level], self.operations[level] = contents(store), int(counted.read_text())

    def one(self, level: str, at: int) -> None:
        """Interrupt a build of a level at an operation, look, and run it again."""
        store, label = self.folder / "store", f"{level} at operation {at} of {self.operations[level]}"
        shutil.rmtree(store, ignore_errors=True)
        if level != "new":
            shutil.copytree(self.folder / "right-new", store)
        command, log = arguments(self.root, store, level), self.folder / "log"
        code = run(command, log, Interruption(str(store), at, self.full))
        lines = [line for line in log.read_text().splitlines() if line.startswith("Error: ")]
        if code != (2 if self.full else -signal.SIGKILL):
            self.counts[f"ended with {code} in spite of it"] += 1
        if self.full and (code not in (0, 2) or (code == 2 and len(lines) != 1)):
            self.bad.append(f"{label}: exit code {code}, {len(lines)} lines of errors")
        self.look(level, store, label)
        if (code := run(command, log)) != 0:
            self.bad.append(f"{label}: the rerun ended with {code}: {log.read_text()[-300:]}")
            return
        if contents(store) != self.right[level]:
            self.bad.append(f"{label}: the rerun differs from an uninterrupted build")
        left = [text for state in verify_store(Location(store), deep=True) for text in state.findings()]
        left += [(key,) for key in stale_files(Location(store))]
        left = [entry for entry in left if ".builders/" not in entry[0]]
        if left:
            self.bad.append(f"{label}: the rerun left {left[:3]}")
        self.counts[f"{level}: completed by a rerun, equal"] += 1

    def look(self, level: str, store: Path, label: str) -> None:
        """Whether what was complete still is, wholly old or wholly new, a sequence at a time."""
        try:
            digests = by_sequence(contents(store))
        except InputError as error:
            if level != "new":
                self.bad.append(f"{label}: unreadable: {error.message}")
            return
        allowed = [by_sequence(self.right[stage]) for stage in {level, "new"}]
        if level != "new" and set(digests) != set(LENGTHS):
            self.bad.append(f"{label}: only {sorted(digests)} are complete")
        for name, digest in digests.items():
            if all(digest != digests_before[name] for digests_before in allowed):
                self.bad.append(f"{label}: {name} is neither the old nor the new one")


def kill_workers(folder: Path, kills: int) -> tuple[int, list[str]]:
    """Kill worker processes of builds on two of them until so many are dead: how many, and what differed."""
    root, killed, bad, log = draw_data(folder / "data"), 0, [], folder / "log"
    run(arguments(root, folder / "right", "new"), log)
    right, number = contents(folder / "right"), 0
    while killed < kills:
        number += 1
        store, done, count = folder / f"store{number}", threading.Event(), [0]

        hunter = threading.Thread(target=hunt_workers, args=(done, count, min(2, kills - killed)))
        hunter.start()
        code = run([*arguments(root, store, "new"), "--workers", "2"], log)
        done.set()
        hunter.join()
        killed += count[0]
        if code and run(arguments(root, store, "new"), log):
            bad.append(f"build {number}: the rerun failed: {log.read_text()[-300:]}")
        elif contents(store) != right:
            bad.append(f"build {number}: differs from an undisturbed one")
        shutil.rmtree(store)
    return killed, bad


def hunt_workers(done: threading.Event, count: list[int], most: int) -> None:
    """Kill one of Dask's worker processes every now and then; a task has three tries."""
    while count[0] < most and not done.wait(2.0):
        for pid in descendants(os.getpid()):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"spawn_main" in command:
                os.kill(pid, signal.SIGKILL)
                count[0] += 1
                break


def descendants(pid: int) -> list[int]:
    """Processes below one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    processes, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        processes += new
    return processes


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--kills", type=click.IntRange(min=1), default=200, help="Spread over all levels.")
@click.option("--full", is_flag=True, help="Fill the disk instead.")
@click.option("--dask-workers", is_flag=True, help="Kill Dask's worker processes instead.")
def main(kills: int, full: bool, dask_workers: bool) -> None:
    """Interrupt builds; exit code 1 where anything was lost, blocked or left over."""
    logging.disable(logging.WARNING)
    import torch

    import stc_pseudo.building.build_store
    import stc_pseudo.commands.build  # noqa: F401 (loaded before the forks)

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        if dask_workers:
            killed, bad = kill_workers(Path(name), kills)
            click.echo(f"{killed} workers killed")
        else:
            trials = Trials(Path(name), full)
            trials.prepare()
            share = -(-kills // len(LEVELS))
            places = [
                (level, at)
                for level, last in trials.operations.items()
                for at in np.unique(np.linspace(1, last, share).round().astype(int)).tolist()
            ]
            for level, at in Bar(places, desc="full disks" if full else "kills"):
                trials.one(level, at)
            bad = trials.bad
            click.echo(f"{'full disks' if full else 'kills'} at operations of {trials.operations}")
            for outcome, count in sorted(trials.counts.items()):
                click.echo(f"  {outcome}: {count}")
    for line in bad:
        click.echo(f"BAD {line}")
    if bad:
        raise click.exceptions.Exit(1)
    click.echo("nothing was lost, blocked or left over")


if __name__ == "__main__":
    main()
