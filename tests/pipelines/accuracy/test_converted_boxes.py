"""Converted masks are compared with the true masks of their track ids."""

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.accuracy.converted_boxes import main, measure
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.masks import rle


def mots(frame, track, mask):
    return MotsObject(frame, track, track // 1000, *mask.shape, rle.encode(mask))


def test_each_mask_is_compared_with_its_own_track(tmp_path):
    triangle = np.tri(40, dtype=bool)
    square = np.zeros((40, 40), bool)
    square[10:30, 10:30] = True
    write_mots(tmp_path / "truth" / "0000.txt", [mots(0, 1001, triangle), mots(0, 2001, square), mots(1, 2001, square)])
    write_mots(tmp_path / "results" / "0000.txt", [mots(0, 1001, triangle), mots(0, 2001, square[::-1] & triangle)])
    report = measure(tmp_path / "results", tmp_path / "truth", 1)
    assert report["car"]["converted_mask"] == 1
    assert report["car"]["filled_box"] == pytest.approx(triangle.mean(), abs=1e-4)
    expected = (square & triangle).sum() / square.sum() / 2  # the second frame's object got no mask
    assert report["pedestrian"] == {
        "objects": 2,
        "converted_mask": pytest.approx(expected, abs=1e-4),
        "filled_box": 1,
        "ellipse": pytest.approx(np.pi / 4, abs=0.03),
    }
    assert measure(tmp_path / "results", tmp_path / "truth", 500)["pedestrian"]["objects"] == 0
    result = CliRunner().invoke(
        main,
        [
            str(tmp_path / "results"),
            "--truth",
            str(tmp_path / "truth"),
            "--min-area",
            "1",
            "--json",
            str(tmp_path / "out.json"),
        ],
    )
    assert "car         objects 1  converted_mask 1.0" in result.output
    assert (tmp_path / "out.json").is_file()
