import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.ablations.thresholds import DEPTH_THRESHOLDS, FLOW_THRESHOLDS, main


def test_command_measures_a_drawn_data_set(tmp_path, drawn_store):
    root, store = drawn_store
    figures = tmp_path / "grid.json"
    done = CliRunner().invoke(main, ["--store", str(store), "--truth", str(root), "--json", str(figures)])
    assert done.exit_code == 0, done.output
    assert "| phi_s \\ phi_t | 0.2 | 0.3 | 0.4 | 0.5 |" in done.output
    report = json.loads(figures.read_text())
    assert len(report["thresholds"]) == len(DEPTH_THRESHOLDS) * len(FLOW_THRESHOLDS)
    assert sorted(report["layers"]) == ["1", "2", "3", "4"]
    assert report["layers"]["3"] == report["dilation"]["2"] == report["thresholds"]["0.3 0.4"]
    assert report["boxes"]["filled box"]["all"] == pytest.approx(np.pi / 4, abs=0.02)  # ellipses
    assert report["cues"]["depth"]["instances"] == 6
    # Flat objects before a flat wall: nothing is missed but the borders' cells.
    assert report["thresholds"]["0.3 0.4"]["all"] > 0.8
