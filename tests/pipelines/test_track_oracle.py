"""The tracker on true masks without ids: the command, its noise, and the figures it must reach."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.track_oracle import Noise, main, measure, perfect, spoilt
from stc_track.formats import rle
from stc_track.formats.mots import MotsObject, read_mots, write_mots
from stc_track.settings import TrackerSettings

HEIGHT, WIDTH = 60, 160
REAL = Path(os.environ.get("STC_REAL_DATA", Path(__file__).parents[3] / "shared" / "real")) / "kitti_mots"


@pytest.fixture
def root(tmp_path):
    """Two sequences, each a car and a pedestrian that pass."""
    for name in ("0001", "0003"):
        objects = []
        for t in range(20):
            for track_id, x, y, w, h in ((1001, 5 + 5 * t, 20, 30, 20), (2001, 140 - 4 * t, 10, 8, 22)):
                mask = np.zeros((HEIGHT, WIDTH), bool)
                mask[y : y + h, x : x + w] = True
                if track_id == 1001:
                    mask[:, 140 - 4 * t : 148 - 4 * t] = False  # the pedestrian walks in front
                objects.append(MotsObject(t, track_id, track_id // 1000, HEIGHT, WIDTH, rle.encode(mask)))
        write_mots(tmp_path / "instances_txt" / f"{name}.txt", objects)
    return tmp_path


def test_command(root):
    done = CliRunner().invoke(main, ["--root", str(root), "--json", str(root / "out.json")])
    assert done.exit_code == 0, done.output
    figures = json.loads((root / "out.json").read_text())["variants"]["default"]
    assert (
        figures["others"]["car"]
        == figures["all"]["car"]
        == figures["tuning"]["pedestrian"]
        == {"HOTA": 100, "switches": 0}
    )


def test_noise_is_seeded_and_does_what_it_says(root):
    true = perfect(read_mots(root / "instances_txt" / "0001.txt"))
    assert spoilt(true, Noise(seed=3)) == spoilt(true, Noise(seed=3)) != spoilt(true, Noise(seed=4))
    quiet = Noise(miss=0, miss_small=0, false_alarms=0, shift=0, erode=0)
    assert [each.counts for each in spoilt(true, quiet)] == [each.counts for each in true]
    assert spoilt(true, Noise(miss=1, miss_small=1)) == []
    assert len(spoilt(true, Noise(false_alarms=8, miss=0, miss_small=0))) == 2 * len(true)


@pytest.mark.real
def test_perfect_detections_of_real_sequences():
    if not REAL.is_dir():
        pytest.skip(f"no real video at {REAL}; STC_REAL_DATA names its folder")
    names = ("0003", "0012", "0015")
    detections = {name: perfect(read_mots(REAL / "instances_txt" / f"{name}.txt")) for name in names}
    figures = measure(detections, REAL, TrackerSettings())["all"]
    assert figures["car"]["HOTA"] >= 96
    assert figures["pedestrian"]["HOTA"] >= 92
