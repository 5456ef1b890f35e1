"""Mask AP of predictions: COCO's average over overlaps, all objects and those of a least area."""

import numpy as np
import pytest

from pipelines.accuracy.mask_ap import mask_ap
from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, write_mots
from stc_track.masks import rle

SIZE = (20, 40)


def square(left, side=10):
    mask = np.zeros(SIZE, bool)
    mask[5 : 5 + side, left : left + side] = True
    return mask


def write_case(folder, *predicted):
    """A car of 100 pixels, one of 25, a pedestrian of 100; `predicted` are (mask, class, score)."""
    write_mots(
        folder / "truth" / "0000.txt",
        [
            MotsObject(0, track, track // 1000, *SIZE, rle.encode(mask))
            for track, mask in ((1001, square(0)), (1002, square(30, 5)), (2001, square(15)))
        ],
    )
    (folder / "found").mkdir()
    with DetectionWriter(folder / "found" / "0000.txt") as writer:
        for mask, class_id, score in predicted:
            writer.write(Detection(0, (0, 0, 10, 10), score, class_id, *SIZE, rle.encode(mask)))
    return mask_ap(folder / "found", folder / "truth", ["0000"], 50)


def test_perfect_masks(tmp_path):
    report = write_case(tmp_path, (square(0), 1, 0.9), (square(30, 5), 1, 0.8), (square(15), 2, 0.9))
    for area in ("all", "large"):
        assert report[area]["mean"] == pytest.approx({"AP": 100, "AP50": 100, "AP75": 100})


def test_small_objects_count_only_among_all(tmp_path):
    report = write_case(tmp_path, (square(0), 1, 0.9), (square(15), 2, 0.9))
    assert report["large"]["car"]["AP"] == pytest.approx(100)
    assert report["all"]["car"]["AP"] == pytest.approx(100 * 51 / 101)  # recall 0.5 of COCO's 101 points
    assert report["all"]["mean"]["AP"] == pytest.approx((100 * 51 / 101 + 100) / 2)


def test_a_mask_of_iou_two_thirds(tmp_path):
    half = square(0)
    half[5:15, 8:10] = False
    half[5:8, :8] = False  # 56 of 100 pixels
    report = write_case(tmp_path, (half, 1, 0.9), (square(15), 1, 0.5))
    assert report["large"]["car"] == pytest.approx({"AP": 20, "AP50": 100, "AP75": 0})  # at 0.5 and 0.55
    assert report["large"]["pedestrian"]["AP"] == 0


def test_no_detections(tmp_path):
    assert write_case(tmp_path)["all"]["mean"]["AP50"] == 0
