import pytest
from click.testing import CliRunner

from pipelines.checks.placed_kills import Interruption, main


def test_only_changes_below_the_folder_count():
    hook = Interruption("/store")
    hook("open", ("/store/a", "w", 0o1101))
    hook("open", ("/store/a", "r", 0))
    hook("open", ("/elsewhere/a", "w", 0o1101))
    hook("os.rename", ("/store/a", "/store/b", -1, -1))
    hook("compile", ("/store",))
    assert hook.count == 2


def test_a_full_disk_refuses_from_then_on():
    hook = Interruption("/store", at=2, full=True)
    hook("os.mkdir", ("/store/a", 0o777, -1))
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            hook("open", ("/store/a", "w", 0o1101))
    hook("os.remove", ("/store/a", -1))


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--full",)], ids=["kills", "full disks"])
def test_nothing_is_lost(flags):
    import subprocess
    import sys

    command = [sys.executable, "-m", "pipelines.checks.placed_kills", "--kills", "12", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # it forks: not in this process
    assert done.returncode == 0, done.stdout + done.stderr


def test_help():
    assert "exit code 1" in CliRunner().invoke(main, ["--help"]).output
