"""Settings of the pseudo-labels: checked, and read from and written to `stc-pseudo build --config`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.depth.training.trainer import DepthTraining
from stc_pseudo.flow.training.losses import LossWeights
from stc_pseudo.flow.training.trainer import FlowTraining
from stc_pseudo.settings import LabelSettings, MaskSettings, SimilaritySettings
from stc_pseudo.training.settings import OptimiserSettings
from stc_track.io.field_checks import SettingError

WRONG = {
    "no layer": (SimilaritySettings, {"layers": 0}, "layers: expected a whole number from 1 to 4, found 0"),
    "share of a layer": (SimilaritySettings, {"layers": 2.0}, "layers: expected a whole number"),
    "too far apart": (SimilaritySettings, {"dilation": 4}, "dilation: expected a whole number from 1 to 3, found 4"),
    "no gain": (SimilaritySettings, {"flow_gain": 0.0}, "flow_gain: expected a number above 0, found 0.0"),
    "threshold over 1": (MaskSettings, {"threshold_depth": 1.5}, "threshold_depth: expected a number from 0 to 1"),
    "threshold NaN": (MaskSettings, {"threshold_flow": float("nan")}, "threshold_flow: expected a number from 0 to 1"),
    "unknown cue": (MaskSettings, {"cues": ("depth", "sound")}, "cues: expected a list, each one of 'depth', 'flow'"),
    "cues in one string": (MaskSettings, {"cues": "depth"}, "cues: expected a list"),
    "no deviation": (MaskSettings, {"depth_deviation": 0}, "depth_deviation: expected a number above 0, found 0"),
    "margin over 1": (
        MaskSettings,
        {"occlusion_margin": 2},
        "occlusion_margin: expected a number from 0 to 1, found 2",
    ),
    "no step": (OptimiserSettings, {"steps": 0}, "steps: expected a whole number of at least 1, found 0"),
    "no such precision": (OptimiserSettings, {"precision": "int8"}, "precision: expected one of 'float32', "),
    "third order": (LossWeights, {"smoothness_order": 3}, "smoothness_order: expected one of 1, 2, found 3"),
    "no such mode": (DepthTraining, {"mode": "sound"}, "mode: expected one of 'mono', 'stereo', 'mono+stereo'"),
    "no crop": (DepthTraining, {"min_crop": 0.0}, "min_crop: expected a number above 0 and at most 1"),
    "all held out": (FlowTraining, {"validation_share": 1.0}, "validation_share: expected a number of at least 0 and "),
    "detail of 3": (LabelSettings, {"detail": 3}, "detail: expected one of 1, 2, 4, found 3"),
}


@pytest.mark.parametrize(("kind", "values", "message"), WRONG.values(), ids=WRONG)
def test_a_value_out_of_range_names_the_field(kind: type, values: dict, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        kind(**values)
    assert str(caught.value).startswith(message)


def printed(*flags: str) -> str:
    """What `stc-pseudo build --print-config` prints."""
    done = CliRunner().invoke(main, ["build", *flags, "--print-config"])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_printed_file_of_build_gives_the_same_run_again(tmp_path: Path) -> None:
    flags = ["--dataset", "kitti", "--root", "maps", "--depth", "sgbm", "--layers", "2", "--cues", "depth,flow"]
    text = printed(*flags, "--threshold-flow", "0.5", "--workers", "2")
    path = tmp_path / "run.toml"
    path.write_text(text)
    assert printed("--config", str(path)) == text
    for line in ('depth = "sgbm"', "workers = 2", "layers = 2", "threshold_flow = 0.5", 'cues = ["depth", "flow"]'):
        assert line in text.splitlines()
    assert "depth_deviation = 0.08" in text  # depth is estimated
    assert "detail = 4" in text


def test_a_file_may_change_one_setting_and_keep_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[masks]\nmax_cells = 99\n")
    text = printed("--config", str(path), "--dataset", "demo", "--depth", "precomputed", "--flow", "dis")
    assert "max_cells = 99" in text
    assert "flow_deviation = 4.0" in text


BAD = {
    "unknown key": ("[masks]\nthreshold = 0.2", "masks.threshold: expected one of the keys labels, threshold_depth,"),
    "wrong type": ('[similarity]\nlayers = "3"', "similarity.layers: expected a whole number from 1 to 4, found '3'"),
    "out of range": ("[masks]\nthreshold_depth = 3", "masks.threshold_depth: expected a number from 0 to 1, found 3"),
    "a flag's value": ("detail = 3", "detail: expected one of 1, 2, 4, found 3"),
    "unknown flag": ("flow_folder = 'a'", "flow_folder: expected one of the keys dataset,"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_wrong_file_for_build_is_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    done = CliRunner().invoke(main, ["build", "--dataset", "demo", "--config", str(path)])
    assert done.exit_code == 2
    assert f"{path}: {message}" in done.output
    assert done.output.count("\n") == 1
