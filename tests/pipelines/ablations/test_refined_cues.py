import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.ablations import refined_cues


def test_means_are_over_sequences_and_the_interval_over_tracks():
    """A long sequence counts as a short one; a sequence without true masks does not count."""
    long = np.array([[1, 0.5, 0.6, 0, 1]] * 3 + [[2, 0.5, 0.8, 0, 1]])
    short, empty = np.array([[1, 0.9, 0.9, 0, 0.0]]), np.zeros((0, 5))
    row = refined_cues.measure([long, short, empty])
    assert row["instances"] == 5
    assert (row["first"], row["refined"]) == pytest.approx((0.7, 0.775))
    assert row["low"] == pytest.approx(0)
    assert row["high"] == pytest.approx(0.3)


def test_what_was_measured_is_taken_over_and_the_rest_is_made(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(refined_cues, "call", lambda command, *words: called.append((command.name, words)))
    monkeypatch.setattr("stc_pseudo.store.reader.StoreReader", lambda _: type("Empty", (), {"sequences": ()}))
    figures = {"instances": 4, "first": 0.5, "refined": 0.75, "low": 0.1, "high": 0.3}
    monkeypatch.setattr(refined_cues, "measure", lambda _: figures)
    kept = {"data": "a", "cues": "colour", "build": "--flow dis", "refine": "", "min_area": 300} | figures
    (tmp_path / refined_cues.FIGURES).write_text(json.dumps([kept]))
    words = ["--data", "a", str(tmp_path), "--flow dis", "--cues", "colour", "--cues", "depth,flow"]
    done = CliRunner().invoke(refined_cues.main, [*words, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert [words[:4] for _, words in called] == [
        ("--flow", "dis", "--cues", "depth,flow"),
        (tmp_path / "a" / "store", "--out", tmp_path / "a" / "refined_depth_flow"),
    ]
    assert "+0.250" in done.output
    assert "| a | depth,flow | 4 | 0.500 | 0.750 |" in (tmp_path / "refined_cues.md").read_text()
    assert [row["cues"] for row in json.loads((tmp_path / refined_cues.FIGURES).read_text())] == [
        "colour",
        "depth,flow",
    ]
