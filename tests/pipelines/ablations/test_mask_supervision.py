"""The command that compares mask supervisions."""

import json

import pytest
from click.testing import CliRunner

from pipelines.ablations import mask_supervision


def test_unknown_variant(tmp_path):
    result = CliRunner().invoke(mask_supervision.main, ["--out", str(tmp_path), "--only", "puzzle,guess"])
    assert result.exit_code == 2
    assert "guess" in result.output


@pytest.mark.slow
def test_end_to_end(tmp_path):
    flags = [
        "--out",
        str(tmp_path),
        "--scene-seed",
        "33",
        "--train-scenes",
        "2",
        "--test-scenes",
        "1",
        "--frames",
        "2",
        "--steps",
        "3",
        "--seeds",
        "0",
        "--boxes",
    ]
    result = CliRunner().invoke(mask_supervision.main, flags, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["ap"]) == list(mask_supervision.DEFAULT_VARIANTS)
    assert report["boxes"]["puzzle"]["0"]["all"]["objects"] > 0
