"""Building a store: one flat list of shards over all videos, the most work first (design, section 4)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import click

from stc_pseudo.building.executors import Executor, InProcess, Outcome
from stc_pseudo.building.plan import Plan, make_plans
from stc_pseudo.building.shard_task import ShardTask, kept_arrays
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_pseudo.settings import LabelSettings
from stc_pseudo.store.verify import damage
from stc_pseudo.store.writer import StoreWriter
from stc_track.formats.store import DamagedStoreError, StoredSequence
from stc_track.io.errors import InputError, UserError
from stc_track.io.progress import Bar
from stc_track.io.system_errors import is_out_of_memory

log = logging.getLogger(__name__)

LIMIT_FAILURES = 100
REMOTE_LOCKS = 32  # requests at a time


class BuildError(UserError):
    """Some shards could not be made; the rest is there. Exit code 1."""

    exit_code = 1


@dataclass
class Build:
    """A build in progress.

    Attributes:
        writer: the store.
        settings: of the later stages.
        limit_failures: shards that may fail before the build stops.
        left: shards not done yet, by sequence.
        failures: what failed at last.
        finished: sequences that this build completed.
        made: shards that it made.
    """

    writer: StoreWriter
    settings: LabelSettings
    limit_failures: int = LIMIT_FAILURES
    left: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    finished: int = 0
    made: int = 0

    def tasks(self, plans: list[Plan], bar: Bar) -> Iterator[ShardTask]:
        """The missing shards of all videos; a video is begun when its first is asked for."""
        for plan in plans:
            sequence = plan.sequence
            partial = self.writer.begin(sequence, plan.provenance, plan.frames_seen)
            old, kept = None, ()
            if plan.level != "all":
                old = StoredSequence.open(self.writer.url, sequence.name)
                kept = kept_arrays(plan.level, self.settings, old.stored)
            missing = partial.missing()
            self.left[sequence.name] = len(missing)
            bar.total -= len(sequence) - sum(stop - start for start, stop in missing)  # an earlier build's work
            if not missing:
                self.finish(sequence.name)
            for start, stop in missing:
                if len(self.failures) > self.limit_failures:
                    return
                yield ShardTask.of(sequence, start, stop, partial, self.settings, old, kept)

    def take(self, outcome: Outcome, bar: Bar) -> None:
        """Note what became of a task; complete its video where it was the last one."""
        task, name = outcome.task, outcome.task.partial.name
        self.left[name] -= 1
        if outcome.error is not None:
            if is_out_of_memory(outcome.error) and not self.made:
                raise outcome.error  # the networks do not fit, and would not for the next shard
            self.failures.append(outcome)
            bar.set_postfix(failed=len(self.failures))
            bar.total -= task.count
            return
        bar.update(task.count)
        self.made += 1
        partial = self.writer.open[name]
        partial.done[task.start] = outcome.mark
        if not self.left[name] and not partial.missing():
            self.finish(name)

    def finish(self, name: str) -> None:
        """Complete a sequence."""
        self.writer.finish(name)
        self.finished += 1

    def report(self) -> None:
        """Raise what failed, if anything did."""
        if not self.failures:
            return
        for failure in self.failures[:LIMIT_FAILURES]:
            log.error("failed: %s: frames %d to %d: %s", *describe(failure))
        first = self.failures[0].error
        if not self.finished and isinstance(first, InputError):
            raise first  # nothing could be built of what was given
        stopped = "; stopped, see `limit_failures=`" if len(self.failures) > self.limit_failures else ""
        raise BuildError(
            f"{len(self.failures)} shards failed, {self.finished} sequences completed{stopped}; first: "
            "{}: frames {} to {}: {}".format(*describe(self.failures[0]))
        ) from first


def describe(outcome: Outcome) -> tuple[str, int, int, str]:
    """VideoSequence, first and last frame, and reason of a failure."""
    task, error = outcome.task, outcome.error
    message = error.message if isinstance(error, click.ClickException) else f"{type(error).__name__}: {error}"
    return task.partial.name, task.start, task.stop - 1, " ".join(message.split())


def build(
    sequences: list[VideoSequence],
    depth: DepthEstimator,
    flow: FlowEstimator,
    writer: StoreWriter,
    settings: LabelSettings,
    overwrite: str = "none",
    executor: Executor | None = None,
    keep: tuple[str, ...] = (),
    limit_failures: int = LIMIT_FAILURES,
    check_frames: bool = False,
) -> None:
    """Write every sequence's pseudo-labels that the store does not hold yet.

    Args:
        sequences: what to build.
        depth, flow: where inverse depth and flow come from.
        writer: the store.
        settings: of the later stages.
        overwrite: one of `LEVELS`: the earliest stage that may be redone where a complete sequence was made from
            something else, or, except for `none`, is redone.
        executor: where shards are made; None for this process.
        keep: arrays to keep though they can be made again: `similarity`.
        limit_failures: shards that may fail before the rest is left as it is.
        check_frames: read every byte of the frames, also where sizes and times are as before.

    Raises:
        InputError: nothing could be built of what was given, somebody else builds one of the sequences, or a complete
            sequence was made from something else and `overwrite` does not allow to redo it.
        BuildError: some shards failed. In each case complete sequences stay, and the shards done so far serve the next
            run.
    """
    with writer:
        plans = make_plans(sequences, depth, flow, writer, settings, overwrite, keep, check_frames)
        for plan in plans:
            if plan.level == "none":
                log.info("%s: complete", plan.sequence.name)
        require_whole(writer, [plan.sequence.name for plan in plans])
        plans = [plan for plan in plans if plan.level != "none"]
        if not plans:
            return
        lock_all(writer, [plan.sequence.name for plan in plans])
        run = Build(writer, settings, limit_failures)
        total = sum(len(plan.sequence) for plan in plans)
        with Bar(total=total, desc="build", unit="frame") as bar, executor or InProcess((depth, flow)) as making:
            for outcome in making.run(run.tasks(plans, bar)):
                run.take(outcome, bar)
        run.report()


def require_whole(writer: StoreWriter, names: list[str]) -> None:
    """Raise a DamagedStoreError where an object of a complete sequence is missing or of another size."""
    names = [name for name in names if name in writer.records]
    sizes = writer.store.find() if names else {}
    writer.clear_locks(sizes)
    for name in names:
        record = writer.records[name]
        record = record | {"files": {key: [size] for key, size in record["sizes"].items()}}
        for key, reason in damage(writer.store, record, sizes, deep=False).items():
            raise DamagedStoreError(writer.store.where(key), expected="what the record lists", found=reason)


def lock_all(writer: StoreWriter, names: list[str]) -> None:
    """Take all sequences, before anything is made; an InputError names who builds one of them."""
    if writer.store.is_local or len(names) < 2:
        for name in names:
            writer.lock(name)
        return
    writer.lock(names[0])
    with ThreadPoolExecutor(REMOTE_LOCKS) as pool:
        list(pool.map(writer.lock, names[1:]))
