import json

import pytest
from click.testing import CliRunner

from pipelines.ablations.cues import CUES, as_table, main, parse_source


def test_a_source_is_a_name_and_flags():
    assert parse_source("LiDAR, DIS=--depth precomputed --depth-dir 'a b' --flow dis") == (
        "LiDAR, DIS",
        ["--depth", "precomputed", "--depth-dir", "a b", "--flow", "dis"],
    )


@pytest.mark.parametrize("text", ["--depth sgbm", "stereo=", "=--depth sgbm", "stereo=sgbm"])
def test_a_source_of_another_form_is_refused(text, tmp_path):
    done = CliRunner().invoke(main, ["--root", str(tmp_path), "--out", str(tmp_path), "--source", text])
    assert done.exit_code == 2
    assert "NAME=FLAGS" in done.output


def measured(source, cues, iou):
    shapes = {"filled_box": 0.6, "ellipse": 0.7}
    classes = {"car": 3, "pedestrian": 0, "all": 3}
    return {
        "source": source,
        "cues": cues,
        "mean_iou": {
            name: {"instances": count, "without_box": 0, "pseudo_mask": iou if count else None, **shapes}
            for name, count in classes.items()
        },
    }


def test_the_table_leaves_out_classes_without_instances():
    table = as_table([measured("a", "depth", 0.75), measured("a", "flow", 0.5)], "")
    assert table.columns == ("source", "cues", "car (3)", "all (3)")
    assert table.rows == [
        ("filled box", "-", "0.600", "0.600"),
        ("ellipse", "-", "0.700", "0.700"),
        ("a", "depth", "0.750", "0.750"),
        ("a", "flow", "0.500", "0.500"),
    ]


@pytest.mark.slow
def test_command_measures_every_cue_on_one_store(drawn_root, tmp_path):
    training = drawn_root / "training"
    exact = (
        f"exact=--depth precomputed --depth-dir {training / 'depth'} --flow precomputed --flow-dir {training / 'flow'}"
    )
    done = CliRunner().invoke(main, ["--root", str(drawn_root), "--source", exact, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "ablation.json").read_text())
    assert [row["cues"] for row in rows] == list(CUES)
    figures = {row["cues"]: row["mean_iou"]["all"] for row in rows}
    assert all(row["instances"] == 6 for row in figures.values())
    assert figures["depth"]["pseudo_mask"] > figures["depth"]["filled_box"]
    assert "| exact | depth |" in (tmp_path / "ablation.md").read_text()
