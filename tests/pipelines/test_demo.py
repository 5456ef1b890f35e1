import json
import subprocess
import sys

import torch
from click.testing import CliRunner

from pipelines import demo, demo_tracks, demo_weights
from stc_track.commands.track import main as track_command
from stc_track.formats.mots import read_mots
from stc_train import shipped


def test_tracks_of_the_shipped_detections(tmp_path):
    """Few objects, seen for long: a car that drives through the scene has one id."""
    result = CliRunner().invoke(track_command, [str(demo_tracks.DETECTIONS), "--out", str(tmp_path / "results")])
    assert result.exit_code == 0, result.output
    frames = read_mots(tmp_path / "results" / "0000.txt")
    assert len(frames) > demo_tracks.FRAMES * 0.8
    ids = [obj.track_id for objects in frames.values() for obj in objects]
    assert max(map(ids.count, ids)) > demo_tracks.FRAMES * 0.5


def test_linking_them_needs_no_torch():
    program = "import sys, pipelines.demo_tracks, stc_pseudo.synthetic.write; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_shipped_segmenter_is_the_demos():
    from stc_train.engine.config_file import load_config
    from stc_train.models.model_file import load

    assert shipped.SEGMENTER.stat().st_size < 10e6
    model = load(shipped.SEGMENTER, "")
    assert model.class_names == {1: "car", 2: "pedestrian"}
    assert model.pipeline == load_config(demo_weights.CONFIG).to_dict()["test_pipeline"]


def test_half_precision_keeps_whole_numbers():
    content = {"step": 3, "state": {"w": torch.ones(2), "n": torch.tensor(4)}}
    state = demo_weights.halved(content)["state"]
    assert [value.dtype for value in state.values()] == [torch.float16, torch.int64]


def test_the_pages_figures(tmp_path):
    labels = {"mean_iou": {"all": {"pseudo_mask": 0.716, "filled_box": 0.5}}}
    (tmp_path / "store.json").write_text(json.dumps(labels))
    scores = {"combined": {"car": {"HOTA": 51.2}, "pedestrian": {"HOTA": 30.7}}}
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    quality = {"all": {"predicted_mask": 0.681, "matched": 9, "objects": 12}}
    assert [value for value, _ in demo.headline(tmp_path, quality)] == ["0.72", "0.68", "51 / 31"]
