"""`stc-eval` beside TrackEval's runner: the command, and that a difference is told."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.checks import trackeval_parity
from stc_track.formats.mots import IGNORE_CLASS, MotsObject, iter_mots, write_mots
from stc_track.masks import rle

REAL = Path(os.environ.get("STC_REAL_DATA", Path(__file__).parents[4] / "shared" / "real")) / "kitti_mots"


def drawn(frame, track_id, class_id, x, side):
    mask = np.zeros((30, 90), bool)
    mask[2 : 2 + side, x : x + side] = True
    return MotsObject(frame, track_id, class_id, 30, 90, rle.encode(mask))


@pytest.fixture
def folders(tmp_path):
    for name in ("0000", "0004"):
        true = [drawn(t, 1001, 1, 3 * t, 9) for t in range(8)] + [
            drawn(t, 10000, IGNORE_CLASS, 70, 12) for t in range(8)
        ]
        found = [drawn(t, 1001 + t // 5, 1, 3 * t + 1, 9) for t in range(1, 8)] + [drawn(3, 1009, 1, 72, 6)]
        write_mots(tmp_path / "truth" / f"{name}.txt", true)
        write_mots(tmp_path / "found" / f"{name}.txt", found)
    return tmp_path / "found", tmp_path / "truth"


def invoke(results, truth):
    return CliRunner().invoke(trackeval_parity.main, [str(results), "--truth", str(truth)])


def test_no_difference(folders):
    done = invoke(*folders)
    assert done.exit_code == 0, done.output
    assert "2 sequences, 36 figures, largest difference" in done.output


def test_a_difference_is_told(folders, monkeypatch):
    true = trackeval_parity.evaluate

    def changed(*arguments, **options):
        found = true(*arguments, **options)
        scores = replace(found.combined["car"], IDF1=found.combined["car"].IDF1 + 1e-4)
        return replace(found, combined={"car": scores})

    monkeypatch.setattr(trackeval_parity, "evaluate", changed)
    done = invoke(*folders)
    assert done.exit_code == 2
    assert "largest difference 1.0e-04" in done.output


@pytest.mark.real
def test_real_sequences(tmp_path):
    if not REAL.is_dir():
        pytest.skip(f"no real video at {REAL}; STC_REAL_DATA names its folder")
    for name in ("0003", "0012"):
        objects = list(iter_mots(REAL / "instances_txt" / f"{name}.txt"))
        write_mots(tmp_path / "truth" / f"{name}.txt", objects)
        kept = [replace(obj, track_id=obj.track_id + (obj.frame > 40)) for k, obj in enumerate(objects) if k % 7]
        write_mots(tmp_path / "found" / f"{name}.txt", [obj for obj in kept if obj.class_id != IGNORE_CLASS])
    done = invoke(tmp_path / "found", tmp_path / "truth")
    assert done.exit_code == 0, done.output
