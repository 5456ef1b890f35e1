"""A place of work has one writer; the lock ends with its process, however that ends."""

import os
import signal
import subprocess
import sys

import pytest

from stc_track.io.work_folder import TakenError, only_writer

HOLD = """
import sys, time
from pathlib import Path
from stc_track.io.work_folder import only_writer
with only_writer(Path(sys.argv[1]), "training", "--work-dir"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["work", "weights.pth"])
def test_the_second_is_told_of_the_first(name, tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / name], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(TakenError) as refused, only_writer(tmp_path / name, "training", "--work-dir names another"):
            pass
        message = refused.value.message
        assert f"process {first.pid}, since " in message
        assert "(--work-dir names another)" in message
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with only_writer(tmp_path / name, "training", "--work-dir"):
            pass


def test_it_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), only_writer(tmp_path, "training", ""):
        raise KeyError
    again = only_writer(tmp_path, "training", "")
    refused = pytest.raises(TakenError, match=f"process {os.getpid()}")
    with only_writer(tmp_path, "training", ""), refused, again:
        pass
