"""The comparison of networks on the same pseudo-masks: its table, its bad input, and all of it once in small."""

import json

import pytest
from click.testing import CliRunner

from pipelines.ablations import segmenters
from pipelines.ablations.supervision_experiment import Experiment, Settings

SETTINGS = Settings(33, 2, 1, 2, 3, 2)


def figures(value):
    return {
        area: {name: dict.fromkeys(("AP", "AP50", "AP75"), value) for name in ("car", "mean")}
        for area in ("all", "large")
    }


def test_the_share_is_of_the_seeds_that_both_have(tmp_path):
    for name, value in (
        ("htc_exact_0", 9.0),
        ("htc_exact_1", 11.0),
        ("htc_exact_2", 90.0),
        ("htc_true_0", 10.0),
        ("htc_true_1", 15.0),
        ("yolact_exact_0", 5.0),
        ("yolact_true_0", 0.0),
        ("puzzle_0", 50.0),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ap.json").write_text(json.dumps(figures(value)))
    found = segmenters.results(Experiment(tmp_path, SETTINGS, 1))
    rows = {row[:3]: row[3:] for row in segmenters.table(found, SETTINGS).rows}
    assert rows.keys() == {
        ("YOLACT", "pseudo-masks", "0"),
        ("YOLACT", "true masks", "0"),
        ("HTC", "pseudo-masks", "0, 1, 2"),
        ("HTC", "true masks", "0, 1"),
    }
    assert rows["HTC", "pseudo-masks", "0, 1, 2"][0] == "36.7 ± 46.2"
    assert [row[-1] for row in rows.values()] == ["-", "", "0.800", ""]  # 20 of 25
    assert rows["HTC", "true masks", "0, 1"][3:5] == ("12.5 ± 3.5", "-")  # cars; no pedestrian to find


def test_unknown_network(tmp_path):
    result = CliRunner().invoke(segmenters.main, ["--out", str(tmp_path / "out"), "--networks", "htc,guess"])
    assert result.exit_code == 2
    assert "--networks: expected some of yolact, blendmask, htc, condinst, found guess" in result.output
    assert not (tmp_path / "out").exists()


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
        "2",
    ]
    once = CliRunner().invoke(segmenters.main, flags, catch_exceptions=False)
    assert once.exit_code == 0, once.output
    again = CliRunner().invoke(segmenters.main, [*flags, "--networks", "condinst", "--true"], catch_exceptions=False)
    assert again.exit_code == 0, again.output
    assert again.output.count("$ stc-train") == 1  # the rest is there
    found = json.loads((tmp_path / "plug_and_play.json").read_text())
    assert found["ap"].keys() == {"yolact_exact", "blendmask_exact", "htc_exact", "condinst_exact", "condinst_true"}
    assert all(by_seed["0"]["all"]["mean"].keys() == {"AP", "AP50", "AP75"} for by_seed in found["ap"].values())
    assert "| HTC | pseudo-masks | 0 |" in (tmp_path / "plug_and_play.md").read_text()
