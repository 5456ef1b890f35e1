"""Where shards are made: in this process, or on Dask's workers, local ones or a cluster's.

Both take tasks as they go along, so that neither tasks nor estimates pile up, and try one that failed again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from stc_pseudo.building.shard_task import ShardTask
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_track.io.location import NotWritableError

log = logging.getLogger(__name__)

TRIES = 3  # a disk behind a network, a worker that was taken away: the second time often succeeds
Estimators = tuple[DepthEstimator, FlowEstimator]


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: the shard.
        mark: content of its mark; None where it failed.
        error: why it failed, at last.
    """

    task: ShardTask
    mark: dict[str, Any] | None = None
    error: Exception | None = None


class Executor(AbstractContextManager, Protocol):
    """Makes shards."""

    def run(self, tasks: Iterator[ShardTask]) -> Iterator[Outcome]:
        """Make the shards, in any order; the next task is taken only when there is room for it.

        Raises:
            NotWritableError: the store cannot be written to, which no other shard would mend.
        """
        ...


class InProcess(Executor):
    """Makes shards in this process.

    Args:
        estimators: depth and flow.
        threads: shards at a time; one works without threads.
    """

    def __init__(self, estimators: Estimators, threads: int = 1) -> None:
        self.estimators, self.threads = estimators, threads

    def __exit__(self, *_: object) -> None:
        """Nothing is left behind."""

    def run(self, tasks: Iterator[ShardTask]) -> Iterator[Outcome]:
        """See `Executor`."""
        if self.threads == 1:
            yield from map(self._make, tasks)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            running: set[Future[Outcome]] = set()
            for task in tasks:
                running.add(pool.submit(self._make, task))
                while len(running) >= self.threads:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            yield from (future.result() for future in as_completed(running))

    def _make(self, task: ShardTask) -> Outcome:
        return attempt(task, lambda: task.run(*self.estimators))


def attempt(task: ShardTask, make: Callable[[], dict[str, Any]]) -> Outcome:
    """Make a shard in up to `TRIES` tries."""
    for left in reversed(range(TRIES)):
        try:
            return Outcome(task, make())
        except NotWritableError:
            raise
        except Exception as error:
            if not left:
                return Outcome(task, error=error)
            log.debug("%s: frames %d to %d again: %s", task.partial.name, task.start, task.stop - 1, error)
    raise AssertionError
