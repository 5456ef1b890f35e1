import subprocess
import sys

import pytest


@pytest.mark.slow
def test_nothing_is_lost():
    command = [sys.executable, "-m", "pipelines.checks.parallel_builds", "--rounds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # it forks: not in this process
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused in one line" in done.stdout
