import io
import sys

import pytest

from stc_track.io import progress


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "log"])
def test_a_log_gets_lines_and_a_terminal_a_bar(monkeypatch, terminal):
    monkeypatch.setattr(sys, "stderr", Stream(terminal))
    monkeypatch.setattr(progress, "LOG_INTERVAL", 0)
    monkeypatch.setattr(progress, "START", 0)
    assert list(progress.Bar(range(3), desc="build", unit="frame", mininterval=0)) == [0, 1, 2]
    written = sys.stderr.getvalue()
    assert ("\r" in written) == terminal
    assert (written.count("\n") >= 3) != terminal
    assert "3/3" in written


def test_a_short_stage_says_nothing_in_a_log(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Stream(False))
    list(progress.Bar(range(3)))
    assert sys.stderr.getvalue() == ""
