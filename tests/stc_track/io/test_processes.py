"""Jobs in processes of their own: results by name, errors at once, nothing left running."""

import os
import time
from multiprocessing import active_children

import pytest

from stc_track.io.processes import run_each


def double(value):
    return 2 * value


def sleep_or_fail(seconds):
    if seconds is None:
        raise ValueError("wrong")
    time.sleep(seconds)


def test_results_by_name_in_order():
    jobs = {name: (len(name),) for name in ("a", "ccc", "bb")}
    for workers in (1, 2):
        found = run_each(double, jobs, dict.fromkeys(jobs, 1.0), workers)
        assert list(found.items()) == [("a", 2), ("ccc", 6), ("bb", 4)]


def test_an_error_ends_the_jobs_that_run():
    started, before = time.monotonic(), set(active_children())
    with pytest.raises(ValueError, match="wrong"):
        run_each(sleep_or_fail, {"bad": (None,), "long": (60,)}, {"bad": 1, "long": 2}, 2)
    assert time.monotonic() - started < 30
    left = [child for child in set(active_children()) - before if child.is_alive()]
    assert not left, [os.getpid(), left]
