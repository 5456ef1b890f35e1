"""Shards on Dask: worker processes of this machine, or a cluster that is there (docs/how-to/cluster.md).

Two kinds of tasks. Where a worker has the resource `GPU`, depth and flow are estimated there (*networks*) and the rest
is made elsewhere (*masks*, on workers with the resource `MASKS` if there are any), so that neither waits for the other;
otherwise one task does both and nothing travels. At most `AHEAD` shards a thread are in flight.
"""

from __future__ import annotations

import asyncio
import json
import logging
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from distributed import (
    Client,
    Future,
    KilledWorker,
    LocalCluster,
    Nanny,
    Scheduler,
    SpecCluster,
    WorkerPlugin,
    as_completed,
    get_worker,
)
from distributed.comm import connect
from distributed.security import Security

from stc_pseudo.building.executors import TRIES, Estimators, Executor, Outcome
from stc_pseudo.building.shard_task import Arrays, ShardTask
from stc_track.formats.store import MANIFEST, SCHEMA
from stc_track.io.errors import InputError, SettingError
from stc_track.io.location import Location, NotWritableError

if TYPE_CHECKING:
    from distributed import Worker

log = logging.getLogger(__name__)

AHEAD = 2  # shards in flight for each thread: one that is made, one that waits
CONNECT_SECONDS, WORKERS_SECONDS = 10, 60
GPU, MASKS = "GPU", "MASKS"
PLUGIN = "stc-estimators"
# Of a cluster that is started here: looking at stacks, memory and loops many times a second takes 8 % of a core.
SPARING = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "1s",
}
# What must be the same on all workers for equal arrays.
PACKAGES = ("stc-seg", "numpy", "torch", "opencv-python-headless", "scipy", "numcodecs", "distributed")


class EstimatorPlugin(WorkerPlugin):
    """Gives each worker its estimators, loaded once.

    Args:
        make: makes them.
        split: only workers with a GPU need any.
    """

    name = PLUGIN

    def __init__(self, make: Callable[[], Estimators], split: bool) -> None:
        self.make, self.split = make, split
        self.estimators: Estimators | None = None

    def setup(self, worker: Worker) -> None:
        """Load them; a failure stops the build before any task."""
        import cv2

        cv2.setNumThreads(1)  # as many processes as cores
        if not self.split or GPU in worker.state.total_resources:
            self.estimators = self.make()


def run_shard(task: ShardTask) -> dict[str, Any]:
    """Make a shard on a worker."""
    return task.run(*get_worker().plugins[PLUGIN].estimators)


def run_networks(task: ShardTask) -> Arrays:
    """Make a shard's depth and flow on a worker."""
    return task.maps(*get_worker().plugins[PLUGIN].estimators)


def run_masks(task: ShardTask, maps: Arrays) -> dict[str, Any]:
    """Make the rest of a shard on a worker."""
    return task.finish(maps)


def describe_worker(store: Location) -> dict[str, Any]:
    """What a worker must have in common with the builder, and whether it sees the store."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    versions |= {"python": ".".join(map(str, sys.version_info[:2])), "store schema": str(SCHEMA)}
    sees = bool(store.read_many([MANIFEST]))
    return {"versions": versions, "sees": sees, "host": platform.node()}


class OnDask(Executor):
    """Makes shards on Dask's workers.

    Args:
        make_estimators: makes depth and flow; pickled to the workers.
        store: where the shards go; the workers must see it.
        workers: processes of this machine; unused with a scheduler.
        scheduler: address (`tcp://host:8786`) or scheduler file of a cluster that is there; None starts one.
        gpu: start one more process that runs the networks on a GPU.
    """

    def __init__(
        self,
        make_estimators: Callable[[], Estimators],
        store: Location,
        workers: int = 1,
        scheduler: str | None = None,
        gpu: bool = False,
    ) -> None:
        self.make_estimators, self.store, self.workers = make_estimators, store, workers
        self.scheduler, self.gpu = scheduler, gpu
        self.cluster: SpecCluster | None = None

    def __enter__(self) -> OnDask:
        """Start or reach the cluster, and load the estimators.

        Raises:
            InputError: no scheduler answers, a worker has other versions or does not see the store, or the estimators
                cannot be loaded.
        """
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is listed at the end
        self.client = self._connect()
        try:
            self._check_workers()
            log.info("Dask: %s", self.client.dashboard_link or self.client.scheduler.address)
            self.split = any(GPU in worker.get("resources", {}) for worker in self._infos())
            self.client.register_plugin(EstimatorPlugin(self.make_estimators, self.split))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the cluster; one that was started here ends."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()

    def _connect(self) -> Client:
        if self.scheduler is None:
            with dask.config.set(SPARING):
                self.cluster = self._start()
            return Client(self.cluster, set_as_default=False)
        if "://" not in self.scheduler:
            if not Path(self.scheduler).is_file():
                expected = "tcp://HOST:PORT or a scheduler file"
                raise SettingError("scheduler", expected, f"{self.scheduler}, which is no file")
            where: dict[str, Any] = {"scheduler_file": self.scheduler}
        else:
            where = {"address": self.scheduler}
        try:
            asyncio.run(greet(address_of(self.scheduler)))
            return Client(**where, timeout=CONNECT_SECONDS, set_as_default=False)
        except Exception as error:  # whatever listens there may answer anything
            expected, found = "a Dask scheduler that answers", " ".join(str(error).split())[:200] or "none"
            raise SettingError("scheduler", expected, f"{self.scheduler}: {found}") from error

    def _start(self) -> SpecCluster:
        if not self.gpu:
            return LocalCluster(n_workers=self.workers, threads_per_worker=1, dashboard_address="127.0.0.1:0")
        options = {"nthreads": 1}
        specification = {"gpu": {"cls": Nanny, "options": options | {"resources": {GPU: 1}}}}
        for k in range(self.workers):
            specification[f"masks-{k}"] = {"cls": Nanny, "options": options | {"resources": {MASKS: 1}}}
        scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}}
        return SpecCluster(scheduler=scheduler, workers=specification)

    def _infos(self) -> list[dict[str, Any]]:
        return list(self.client.scheduler_info(n_workers=-1)["workers"].values())

    def _check_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError as error:
            raise SettingError("scheduler", "a worker", f"none at {self.scheduler}") from error
        try:
            reports = self.client.run(describe_worker, self.store)
        except Exception as error:
            expected, reason = "workers that have stc-seg", " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise SettingError("scheduler", expected, f"{self.scheduler}: {reason}") from error
        expected_versions = describe_worker(self.store)["versions"]
        for address, report in reports.items():
            where = f"worker {address} on {report['host']}"
            if other := [key for key, value in report["versions"].items() if value != expected_versions[key]]:
                expected, different = (
                    ", ".join(f"{key} {by[key]}" for key in other) for by in (expected_versions, report["versions"])
                )
                raise InputError(where, expected=expected, found=different)
            if not report["sees"]:
                hint = "a folder that all share, or a bucket"
                raise InputError(where, expected=f"to see {self.store.url}", found="nothing there", hint=hint)

    def run(self, tasks: Iterator[ShardTask]) -> Iterator[Outcome]:
        """See `Executor`."""
        flying: dict[Future, tuple[ShardTask, int, bool]] = {}  # task, try, whether its maps are still to come
        finished = as_completed(loop=self.client.loop)

        def start(task: ShardTask, number: int) -> None:
            function, needs = (run_networks, {GPU: 1}) if self.split else (run_shard, None)
            send(self.client.submit(function, task, pure=False, resources=needs), task, number, self.split)

        def send(future: Future, task: ShardTask, number: int, networks: bool) -> None:
            flying[future] = task, number, networks
            finished.add(future)

        def fill() -> None:
            threads = sum(worker["nthreads"] for worker in self._infos())
            while len(flying) < AHEAD * max(threads, 1):
                task = next(tasks, None)
                if task is None:
                    return
                start(task, 1)

        try:
            fill()
            while flying:
                future = next(finished)
                task, number, networks = flying.pop(future)
                if future.status == "finished" and networks:
                    send(self._masks(task, future), task, number, False)
                    continue
                error = None if future.status == "finished" else reason_of(future)
                if isinstance(error, NotWritableError):
                    raise error
                if error is not None and number < TRIES:
                    log.debug("%s: frames %d to %d again: %s", task.partial.name, task.start, task.stop - 1, error)
                    start(task, number + 1)
                    continue
                yield Outcome(task, None if error else future.result(), error)
                fill()
        finally:
            self.client.cancel(list(flying))

    def _masks(self, task: ShardTask, maps: Future) -> Future:
        needs = {MASKS: 1} if any(MASKS in worker.get("resources", {}) for worker in self._infos()) else None
        return self.client.submit(run_masks, task, maps, pure=False, resources=needs)


def address_of(scheduler: str) -> str:
    """A scheduler's address, from itself or from its file."""
    if "://" in scheduler:
        return scheduler
    return str(json.loads(Path(scheduler).read_text())["address"])


async def greet(address: str) -> None:
    """Exchange greetings with a scheduler; Dask's client would wait for ever for one that takes a call and is silent.

    Raises:
        OSError: nobody takes the call. TimeoutError: somebody does, and is silent.
    """
    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS, **arguments), CONNECT_SECONDS)
    comm.abort()


def reason_of(future: Future) -> Exception:
    """Why a task failed."""
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return RuntimeError("the worker was killed (out of memory?), again and again")
    return error or RuntimeError(f"the task was {future.status}")
