"""A row of the paper from nothing to its figures, twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.paper.__main__ import main


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures_from_a_fresh_store(tmp_path: Path):
    figures = []
    for place in ("first", "second"):
        arguments = ["--table", "VIII", "--rows", "DP+SD", "--budget", "smoke", "--out", str(tmp_path / place)]
        done = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        figures.append(json.loads((tmp_path / place / "rows" / "VIII" / "DP-SD.0.json").read_text())["figures"])
    assert figures[0] == figures[1]
    assert figures[0].keys() >= {"IoU", "AP", "HOTA", "MOTSA", "MOTSP"}
