"""Results past the last frame that MOT-Challenge's seqinfo.ini counts."""

import numpy as np
import pytest

from stc_track.evaluation.mots import MOTS20, evaluate_sequence
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = 20, 60


def write(path, frames):
    mask = np.zeros(SIZE, bool)
    mask[4:14, 2:12] = True
    write_mots(path, (MotsObject(t, 2001, 2, *SIZE, rle.encode(mask)) for t in range(1, frames + 1)))


def test_a_frame_after_the_sequences_last_is_refused(tmp_path):
    truth = tmp_path / "MOTS20-02" / "gt" / "gt.txt"
    write(truth, 6)
    write(tmp_path / "found.txt", 9)
    (tmp_path / "MOTS20-02" / "seqinfo.ini").write_text("[Sequence]\nseqLength=9\n")
    evaluate_sequence(tmp_path / "found.txt", truth, MOTS20)
    (tmp_path / "MOTS20-02" / "seqinfo.ini").write_text("[Sequence]\nseqLength=8\n")
    with pytest.raises(InputError, match="frame"):
        evaluate_sequence(tmp_path / "found.txt", truth, MOTS20)


def test_a_few_frames_after_the_truths_last_object_are_told(tmp_path, caplog):
    write(tmp_path / "truth.txt", 6)
    write(tmp_path / "found.txt", 7)
    evaluate_sequence(tmp_path / "found.txt", tmp_path / "truth.txt", MOTS20)
    assert "results up to frame 7, and the last object" in caplog.text
