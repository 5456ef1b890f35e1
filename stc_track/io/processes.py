"""One job a sequence, in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children
from typing import Any

from stc_track.io.progress import Bar


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_each(
    function: Callable[..., Any], jobs: Mapping[str, tuple[Any, ...]], weights: Mapping[str, float], workers: int
) -> dict[str, Any]:
    """What a function returns for each job, by the job's name, in the jobs' order; the heaviest begin first.

    Args:
        function: of a module, so that another process finds it.
        jobs: its arguments.
        weights: how long each will take, in any unit.
        workers: processes; 1 works in this one.

    Raises:
        Exception: the first that a job raised; the other jobs are dropped, those that run are ended.
    """
    order = sorted(jobs, key=lambda name: -weights[name])
    bar = Bar(total=len(jobs), unit="sequence", desc="evaluate")
    results = {}
    if workers == 1 or len(jobs) < 2:
        for name in jobs:
            results[name] = function(*jobs[name])
            bar.update()
        bar.close()
        return results
    already_running = set(active_children())
    with ProcessPoolExecutor(min(workers, len(jobs))) as pool, bar:
        running = {name: pool.submit(function, *jobs[name]) for name in order}
        try:
            for name in jobs:
                results[name] = running[name].result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(active_children()) - already_running:  # what runs is of no use any more
                process.terminate()
                process.join()
            raise
    return results
