"""Shards on Dask's workers: equal to one process, failures listed, what does not fit said in a line."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from stc_pseudo.building import cluster
from stc_pseudo.store.reader import StoreReader
from stc_pseudo.store.schema import ARRAYS
from stc_track.io.errors import InputError

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address():
    """A scheduler with two workers in threads of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as here:
        yield here.scheduler_address


def same(one, other):
    for name in one.sequences:
        for array in ARRAYS:
            ours, theirs = (reader.sequence(name).read(array, slice(None)) for reader in (one, other))
            np.testing.assert_array_equal(ours, theirs)


def test_equal_to_one_process(drawn, address):
    drawn.write("0001", 20)
    assert drawn.build().exit_code == 0
    alone, drawn.store = drawn.store, drawn.store.with_name("other")
    result = drawn.build("--scheduler", address)
    assert result.exit_code == 0, result.output
    one, other = (StoreReader(str(store)) for store in (alone, drawn.store))
    assert one.fingerprint == other.fingerprint
    same(one, other)


def test_networks_and_masks_apart(drawn, tmp_path):
    """Workers with the resource GPU make depth and flow, the others the rest."""
    from distributed import LocalCluster

    assert drawn.build().exit_code == 0
    alone, drawn.store = drawn.store, drawn.store.with_name("other")
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None, resources={"GPU": 1}
    ) as here:
        result = drawn.build("--scheduler", here.scheduler_address)
    assert result.exit_code == 0, result.output
    same(StoreReader(str(alone)), StoreReader(str(drawn.store)))


def test_a_bad_frame_is_listed_and_the_rest_is_built(drawn, address):
    drawn.write("0001", 3)
    (drawn.root / "training/flow/0001/000001.png").unlink()
    result = drawn.build("--scheduler", address)
    assert result.exit_code == 1, result.output
    assert "1 shards failed, 1 sequences completed; first: 0001: frames 0 to 2: " in result.output
    assert StoreReader(str(drawn.store)).sequences == ("0000",)


def test_a_scheduler_that_does_not_answer(drawn, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    result = drawn.build("--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 2
    assert "--scheduler: expected a Dask scheduler that answers, found tcp://127.0.0.1:9: " in result.output
    assert not (drawn.store / "0000").exists()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = drawn.build("--scheduler", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    assert result.exit_code == 2
    assert "--scheduler: expected a Dask scheduler that answers, found tcp://127.0.0.1:" in result.output
    (drawn.root / "scheduler.json").write_text("{}")
    assert "expected a Dask scheduler that answers" in drawn.build("--scheduler", drawn.root / "scheduler.json").output
    assert "which is no file" in drawn.build("--scheduler", "nowhere.json").output


def test_a_worker_of_another_version(drawn, address, monkeypatch):
    own = cluster.describe_worker
    monkeypatch.setattr(
        cluster, "describe_worker", lambda store: own(store) | {"versions": own(store)["versions"] | {"numpy": "0.1"}}
    )
    monkeypatch.setattr(cluster.Client, "run", lambda *_: {"tcp://w": own(cluster_store(drawn))})
    result = drawn.build("--scheduler", address)
    assert result.exit_code == 2
    assert "worker tcp://w on " in result.output
    assert "expected numpy 0.1, found numpy " in result.output


def cluster_store(drawn):
    from stc_track.io.location import Location

    return Location(str(drawn.store))


def test_a_worker_that_does_not_see_the_store(drawn, address, monkeypatch):
    own = cluster.describe_worker(cluster_store(drawn))
    monkeypatch.setattr(cluster.Client, "run", lambda *_: {"tcp://w": own | {"sees": False}})
    result = drawn.build("--scheduler", address)
    assert result.exit_code == 2
    assert "expected to see" in result.output


def test_errors_keep_their_kind_on_the_way():
    import pickle

    from stc_track.io.location import NotWritableError

    error = pickle.loads(pickle.dumps(NotWritableError("a", expected="b", found="c")))
    assert isinstance(error, NotWritableError)
    assert isinstance(error, InputError)
    assert error.message == "a: expected b, found c"


@pytest.mark.slow
def test_processes_and_a_scheduler_by_hand(drawn, tmp_path):
    """The local cluster, and `dask scheduler` with `dask worker` as anybody starts them, by its scheduler file."""
    drawn.write("0001", 20)
    assert drawn.build().exit_code == 0
    alone, drawn.store = drawn.store, drawn.store.with_name("processes")
    result = drawn.build("--workers", 2)
    assert result.exit_code == 0, result.output
    same(StoreReader(str(alone)), StoreReader(str(drawn.store)))
    drawn.store = drawn.store.with_name("by-hand")
    with by_hand(tmp_path) as file:
        result = drawn.build("--scheduler", file)
    assert result.exit_code == 0, result.output
    same(StoreReader(str(alone)), StoreReader(str(drawn.store)))


@pytest.mark.slow
def test_a_worker_that_was_started_with_another_version(drawn, tmp_path):
    other = tmp_path / "numpy-0.1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    with by_hand(tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])) as file:
        result = drawn.build("--scheduler", file)
    assert result.exit_code == 2
    assert f"expected numpy {np.__version__}, found numpy 0.1" in result.output
    assert result.output.count("Error: ") == 1
    assert not (drawn.store / "0000").exists()


@contextmanager
def by_hand(folder, **environment):
    """File of a scheduler with one worker, each a program of its own; the worker with this environment."""
    file = folder / "scheduler.json"
    programs = [["scheduler", "--port", "0", "--no-dashboard"], ["worker", "--nthreads", "1"]]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *program, "--scheduler-file", str(file)],
            env=os.environ | (environment if program[0] == "worker" else {}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for program in programs
    ]
    try:
        while not file.exists():
            assert started[0].poll() is None
        yield file
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()
