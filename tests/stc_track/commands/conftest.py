"""A drawn sequence of detections with masks, a sequence of boxes, and the command on them."""

import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.commands.track import main
from stc_track.formats.mots import Detection, DetectionWriter
from stc_track.masks import rle

HEIGHT, WIDTH = 40, 120
GOOD = "3 1 2 9 9 0.9 1 2 2 "
HALF = rle.encode(np.arange(4).reshape(2, 2) < 2).decode()
MOT = "".join(f"{t},-1,{10 + 3 * t},20,30,60,0.9\n" for t in range(1, 9) if t != 5)


def drawn(frame, class_id, x, y, side, score=0.9):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + side, x : x + side] = True
    return Detection(frame, (x, y, x + side, y + side), score, class_id, HEIGHT, WIDTH, rle.encode(mask))


def drawn_sequence():
    """A car that drives before another for two frames, and a pedestrian; frame 5 is empty."""
    for t in (0, 1, 2, 3, 4, 6, 7):
        yield drawn(t, 1, 10 + 4 * t, 5, 12)
        yield drawn(t, 1, 70 - 4 * t, 7, 12, 0.8)
        yield drawn(t, 2, 90, 25, 8, 0.6 if t != 3 else 0.2)
        yield drawn(t, 2, 50, 30, 6, 0.05)


def write(path, detections):
    with DetectionWriter(path) as writer:
        for detection in detections:
            writer.write(detection)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "predictions" / "0000.txt", drawn_sequence())
    write(tmp_path / "predictions" / "0001.txt", [drawn(3, 2, 20, 20, 9)])
    return tmp_path / "predictions"


@pytest.fixture
def boxes(tmp_path):
    (tmp_path / "predictions" / "left" / "det").mkdir(parents=True)
    (tmp_path / "predictions" / "left" / "det" / "det.txt").write_text(MOT)
    (tmp_path / "predictions" / "left" / "gt").mkdir()
    (tmp_path / "predictions" / "left" / "gt" / "gt.txt").write_text("1,7,1,1,9,9,1,1,1\n")
    info = "[Sequence]\nimHeight=200\nimWidth=400\nframeRate=2\n"
    (tmp_path / "predictions" / "left" / "seqinfo.ini").write_text(info)
    return tmp_path / "predictions"


def invoke(folder, *options):
    return CliRunner().invoke(main, [str(folder), "--out", str(folder.parent / "results"), *options])


def write_config(folder, text):
    (folder.parent / "run.toml").write_text(text)
    return "--config", str(folder.parent / "run.toml")
