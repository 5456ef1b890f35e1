"""Perfect and noisy detections, baselines, search and speed: the commands, and the figures to reach."""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.baselines.released_tracker import ReleasedTracker
from pipelines.tracking import compare, oracle, speed, tune
from pipelines.tracking.metrics import Video, measure, read_truth, scores
from pipelines.tracking.noisy_detections import Noise, noisy, perfect
from stc_track.formats.mots import MotsObject, read_mots, write_mots
from stc_track.masks import rle
from stc_track.tracking.link import link

HEIGHT, WIDTH = 60, 160
REAL = Path(os.environ.get("STC_REAL_DATA", Path(__file__).parents[4] / "shared" / "real")) / "kitti_mots"


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


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_oracle(root):
    run(oracle.main, "--root", root, "--json", root / "out.json")
    figures = json.loads((root / "out.json").read_text())["default"]
    assert (
        figures["others"]["car"]
        == figures["all"]["car"]
        == figures["tuning"]["pedestrian"]
        == {"HOTA": 100, "switches": 0}
    )


def test_noise_is_seeded_and_does_what_it_says(root):
    true = perfect(read_mots(root / "instances_txt" / "0001.txt"))
    assert noisy(true, Noise(seed=3)) == noisy(true, Noise(seed=3)) != noisy(true, Noise(seed=4))
    quiet = Noise(miss=0, miss_small=0, false_alarms=0, shift=0, erode=0)
    same = noisy(true, quiet)
    assert [rle.decode(detection.counts, HEIGHT, WIDTH).tolist() for detection in same] == [
        rle.decode(detection.counts, HEIGHT, WIDTH).tolist() for detection in true
    ]
    assert noisy(true, Noise(miss=1, miss_small=1)) == []
    assert len(noisy(true, Noise(false_alarms=8, miss=0, miss_small=0))) == 2 * len(true)


def test_eroded_and_grown_masks(root):
    true = perfect(read_mots(root / "instances_txt" / "0001.txt"))[:1]
    area = rle.area(true[0].counts, HEIGHT, WIDTH)
    noise = Noise(miss=0, miss_small=0, false_alarms=0, shift=0, erode=1)
    assert rle.area(noisy(true, noise)[0].counts, HEIGHT, WIDTH) < area
    # from `erode` to twice as much is grown: this draw falls there
    grown = [rle.area(noisy(true, replace(noise, erode=0.5, seed=s))[0].counts, HEIGHT, WIDTH) for s in range(8)]
    assert min(grown) < area < max(grown)


def test_compare(root):
    pytest.importorskip("trackers")
    run(compare.main, "--root", root, "--json", root / "out.json")
    figures = json.loads((root / "out.json").read_text())
    assert figures["noise"]["seed"] == 0
    assert figures["sequences"].keys() == compare.ONLINE.keys() | compare.OFFLINE.keys()
    assert figures["sequences"]["ours, diagonal points (default)"]["car"]["HOTA"] > 30


@pytest.mark.parametrize("tracker", [tune.OURS, "ByteTrack"], ids=["ours", "ByteTrack"])
def test_tuning(root, tracker):
    if tracker != tune.OURS:
        pytest.importorskip("trackers")
    shown = run(
        tune.main,
        "--root",
        root,
        "--sequences",
        "0001",
        "--trials",
        3,
        "--tracker",
        tracker,
        "--json",
        root / "out.json",
    )
    assert "defaults" in shown
    assert json.loads((root / "out.json").read_text())["tracker"] == tracker


def test_tuning_grid(root):
    shown = run(
        tune.main,
        "--root",
        root,
        "--sequences",
        "0001",
        "--try",
        "low_score=0.1,0.3",
        "--try",
        "matching=greedy,hungarian",
    )
    assert sum("low_score=" in line for line in shown.splitlines()[:-1]) == 4


def test_search_keeps_what_is_better():
    def judge(values):
        return -abs(values.get("max_gap", 20) - 40)

    found = list(tune.search(tune.OURS, 400, 0, judge))
    assert max(worth for _, worth in found) > -5
    assert found[0][0] == {}


def test_released_reference_by_hand():
    tracker = ReleasedTracker()
    assert tracker.update([(0, 0, 10, 10), (50, 0, 60, 10)]) == [1, 2]
    assert tracker.update([(52, 0, 62, 10), (3, 0, 13, 10)]) == [2, 1]
    assert tracker.update([(54, 0, 64, 10), (6, 0, 16, 10), (200, 0, 210, 10)]) == [2, 1, 3]


def test_speed():
    pytest.importorskip("trackers")
    shown = run(speed.main, "--objects", "3", "--frames", 10, "--stream", 200)
    assert "MiB after 200" in shown


def test_the_stream_is_what_it_says():
    found = list(speed.stream(60, 20, 0))
    assert len(found) == 60
    assert [detection.frame for detection in found] == [0] * 20 + [1] * 20 + [2] * 20
    for detection in found:
        assert tuple(rle.tight_box(detection.counts, detection.height, detection.width)) == detection.box


@pytest.mark.real
def test_perfect_detections_of_real_sequences():
    if not REAL.is_dir():
        pytest.skip(f"no real video at {REAL}; STC_REAL_DATA names its folder")
    names = ("0003", "0012", "0015")
    videos = {name: Video(perfect(frames), frames) for name, frames in read_truth(REAL, names).items()}
    figures = scores(measure(videos, partial(link, settings=oracle.DEFAULT)))
    assert figures["car"].HOTA >= 96
    assert figures["pedestrian"].HOTA >= 92
