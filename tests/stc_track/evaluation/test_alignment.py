"""Results and truth that speak of other frames are told."""

import logging

import numpy as np
import pytest

from stc_track.evaluation.alignment import best_shift, check_frames
from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = 20, 60


def objects(frames, speed=3, first=0):
    """One object a frame that moves to the right; frame numbers from `first`."""
    found = {}
    for t in range(frames):
        mask = np.zeros(SIZE, bool)
        mask[4:14, 2 + speed * t : 12 + speed * t] = True
        found[t + first] = [MotsObject(t + first, 1001, 1, *SIZE, rle.encode(mask))]
    return found


@pytest.mark.parametrize(("first", "shift"), [(0, None), (1, -1)])
def test_results_that_count_from_another_number(first, shift):
    assert best_shift(objects(8, first=first), objects(8)) == shift


def test_the_other_way_round():
    assert best_shift(objects(8), objects(8, first=1)) == 1


def test_what_stands_still_or_is_seen_too_rarely_tells_nothing():
    assert best_shift(objects(8, speed=0, first=1), objects(8, speed=0)) is None
    assert best_shift(objects(3, first=1), objects(3)) is None


def test_noise_is_no_shift():
    rng = np.random.default_rng(0)
    noisy = {}
    for frame, (each,) in objects(12).items():
        mask = np.roll(rle.decode(each.counts, *SIZE), rng.integers(-2, 3), axis=1)
        noisy[frame] = [MotsObject(frame, 1001, 1, *SIZE, rle.encode(mask))]
    assert best_shift(noisy, objects(12)) is None


def test_what_is_said(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    result, truth = tmp_path / "a.txt", tmp_path / "truth" / "a.txt"
    check_frames(result, truth, objects(8), objects(8))
    assert not caplog.records
    check_frames(result, truth, objects(8, first=1), objects(8))
    assert "frames do not fit" in caplog.text
    assert "--shift -1" in caplog.text
    caplog.clear()
    check_frames(result, truth, objects(9), objects(8))
    assert "results up to frame 8, but the truth's last object is on frame 7" in caplog.text


def test_a_frame_after_the_sequences_last_is_refused(tmp_path):
    (tmp_path / "gt").mkdir()
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nseqLength=8\n")
    truth = tmp_path / "gt" / "gt.txt"
    check_frames(tmp_path / "a.txt", truth, objects(8, first=1), objects(8, first=1))
    with pytest.raises(InputError, match=r"frames up to 8, as .*seqinfo\.ini says, found frame 9"):
        check_frames(tmp_path / "a.txt", truth, objects(9, first=1), objects(8, first=1))
