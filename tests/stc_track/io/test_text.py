"""MOTS text and KITTI labels: round trips, and messages that name file, line, expected and found."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.formats.kitti_labels import read_labels
from stc_track.formats.mots import (
    IGNORE_CLASS,
    Detection,
    DetectionWriter,
    MotsObject,
    iter_mots,
    read_detections,
    read_mots,
    write_mots,
)
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.masks import rle

SIZE = 5, 7
COUNTS = hnp.arrays(bool, SIZE).map(rle.encode)
CORNERS = st.floats(-1e4, 1e4, width=32)
OBJECTS = st.builds(
    MotsObject, st.integers(0, 999), st.integers(0, 99999), st.integers(0, 20), *map(st.just, SIZE), COUNTS
).map(lambda obj: replace(obj, ignored=obj.class_id == IGNORE_CLASS))
BOXES = st.tuples(CORNERS, CORNERS, st.floats(1, 1e4, width=32), st.floats(1, 1e4, width=32)).map(
    lambda b: (b[0], b[1], float(np.float32(b[0] + b[2])), float(np.float32(b[1] + b[3])))
)
DETECTIONS = st.builds(
    Detection, st.integers(0, 999), BOXES, st.floats(-1, 1, width=32), st.integers(1, 3), *map(st.just, SIZE), COUNTS
)
HALF = rle.encode(np.arange(4).reshape(2, 2) < 2).decode()


def by_frame(items):
    frames = {}
    for obj in items:
        frames.setdefault(obj.frame, []).append(obj)
    return frames


@given(st.lists(OBJECTS, max_size=8, unique_by=lambda o: (o.frame, o.track_id)))
def test_mots_round_trip(objects):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "0000.txt"
        write_mots(path, objects)
        assert read_mots(path) == by_frame(objects)
        assert list(iter_mots(path)) == objects


@given(st.lists(DETECTIONS, max_size=8))
def test_detections_round_trip(detections):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "0000.txt"
        with DetectionWriter(path) as writer:
            for detection in detections:
                writer.write(detection)
        found = [detection for frame in read_detections(path).values() for detection in frame]
        expected = [detection for frame in by_frame(detections).values() for detection in frame]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(np.float32(one.box), np.float32(other.box))
            assert np.float32(one.score) == np.float32(other.score)
            assert replace(one, box=other.box, score=other.score) == other


READERS = {"mots": read_mots, "detections": read_detections, "labels": read_labels}
GOOD = {
    "mots": f"3 1001 1 2 2 {HALF}",
    "detections": f"3 0 0 2 1 0.5 1 2 2 {HALF}",
    "labels": "3 0 Car 0 1 -1.7 1.5 2 30 40.25 1 1 1 1 1 1 1",
}
BAD = [
    ("mots", f"3 1001 1 2 {HALF}", "6 columns", "5"),
    ("mots", f"3 1001 1 2 2 {HALF} 7", "6 columns", "7"),
    ("mots", f"-1 1001 1 2 2 {HALF}", "a frame", "-1"),
    ("mots", f"3.5 1001 1 2 2 {HALF}", "a frame", "3.5"),
    ("mots", f"3 nan 1 2 2 {HALF}", "an id", "nan"),
    ("mots", f"3 1_0 1 2 2 {HALF}", "an id", "1_0"),
    ("mots", f"3 1001 x 2 2 {HALF}", "a class", "x"),
    ("mots", f"3 1001 1 0 2 {HALF}", "a height", "0"),
    ("mots", f"3 1001 1 2 99999999999 {HALF}", "a width", "99999999999"),
    ("mots", f"3 1001 1 3 2 {HALF}", "2 x 2 pixels as in the lines before", "3 x 2"),
    ("mots", f"3 1001 1 2 2 {HALF[:-1]}", "4 pixels", "3"),
    ("mots", f"3 1001 1 2 2 {HALF}R", "whole RLE", "ends within"),
    ("mots", "\x00\xff\x80", "6 columns", "1"),
    ("detections", f"3 0 0 2 1 1 2 2 {HALF}", "10 columns", "9"),
    ("detections", f"3 0 0 nan 1 0.5 1 2 2 {HALF}", "x2, a finite number", "nan"),
    ("detections", f"3 0 0 2 inf 0.5 1 2 2 {HALF}", "y2, a finite number", "inf"),
    ("detections", f"3 0 0 2 1e300 0.5 1 2 2 {HALF}", "y2, a finite number of at most 1e+09", "1e300"),
    ("detections", f"3 2 0 2 1 0.5 1 2 2 {HALF}", "x1 < x2", "2 0 2 1"),
    ("detections", f"3 0 0 2 1 high 1 2 2 {HALF}", "a score", "high"),
    ("detections", f"3 0 0 2 1 0.5 1 2 2 {HALF[:-1]}", "4 pixels", "3"),
    ("labels", "3 0 Car 0 1 -1.7 1.5 2 30 40.25", "17 columns", "10"),
    ("labels", "3 0 7 0 1 -1.7 1.5 2 30 40.25 1 1 1 1 1 1 1", "a class name", "7"),
    ("labels", "3 -2 Car 0 1 -1.7 1.5 2 30 40.25 1 1 1 1 1 1 1", "an id", "-2"),
    ("labels", "3 0 Car 0 1 -1.7 1.5 2 1.5 40.25 1 1 1 1 1 1 1", "x1 < x2", "1.5 2 1.5 40.25"),
]


@pytest.mark.parametrize(("kind", "line", "expected", "found"), BAD)
def test_malformed_line(tmp_path, kind, line, expected, found):
    path = tmp_path / "0000.txt"
    path.write_text(f"{GOOD[kind]}\n\n{line}\n", encoding="latin-1")
    with pytest.raises(InputError) as error:
        READERS[kind](path)
    before, after = error.value.message.split(", found ")
    assert before.startswith(f"{path}:3: expected ")
    assert expected in before
    assert found in after


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n", ""], ids=["LF", "CR LF", "blank line", "no end"])
def test_line_ends(tmp_path, kind, ending):
    path = tmp_path / "0000.txt"
    path.write_bytes((GOOD[kind] + ending).encode())
    assert len(READERS[kind](path)) == 1


@pytest.mark.parametrize("kind", READERS)
def test_empty_and_missing(tmp_path, kind):
    (tmp_path / "0000.txt").touch()
    assert not READERS[kind](tmp_path / "0000.txt")
    with pytest.raises(InputError, match=r"expected a text file of lines .* found nothing"):
        READERS[kind](tmp_path / "0001.txt")


def test_duplicate_ids(tmp_path):
    path = tmp_path / "0000.txt"
    path.write_text(f"{GOOD['mots']}\n{GOOD['mots']}\n")
    with pytest.raises(InputError, match=r"0000.txt:2: expected each id once on frame 3, found 1001 a second time"):
        read_mots(path)
    with pytest.raises(InputError, match=r"0000.txt:2: expected each id once on frame 3"):
        list(iter_mots(path))
    path.write_text(f"{GOOD['mots']}\n\n4{GOOD['mots'][1:]}\n{GOOD['mots']}\n")
    with pytest.raises(InputError, match=r"0000.txt:4: expected each id once on frame 3, found 1001 a second time"):
        read_mots(path)
    path.write_text(f"3 10000 10 2 2 {HALF}\n3 10000 10 2 2 {HALF}\n")
    assert len(read_mots(path)[3]) == 2


@pytest.mark.parametrize(
    "classes", [(1, 10), (10, 1), (10, 10, 1)], ids=["object first", "region first", "regions around"]
)
@pytest.mark.parametrize("apart", [False, True])
def test_an_object_and_an_ignore_region_share_no_id(tmp_path, classes, apart):
    """Whichever comes first: programs that read such a file next, as TrackEval, take them for one."""
    path = tmp_path / "0000.txt"
    rows = [f"3 10000 {class_id} 2 2 {HALF}" for class_id in classes]
    if apart:
        rows.insert(-1, f"4 1001 1 2 2 {HALF}")
    path.write_text("\n".join(rows))
    message = rf"0000.txt:{len(rows)}: expected each id once on frame 3, found 10000 a second time"
    with pytest.raises(InputError, match=message):
        read_mots(path)


def test_further_detection_columns_are_ignored(tmp_path):
    path = tmp_path / "0000.txt"
    path.write_text(f"{GOOD['detections']} 0.1 0.2\n")
    assert read_detections(path)[3][0].counts == HALF.encode()


def test_labels(tmp_path):
    path = tmp_path / "0000.txt"
    path.write_text(f"{GOOD['labels']} 0.9\n4 -1 DontCare -1 -1 -10 1 2 3 4 0 0 0 0 0 0 0\n")
    car, unknown = read_labels(path)
    assert (car.kind, car.box, car.truncated, car.occluded, car.line) == ("Car", (1.5, 2, 30, 40.25), 0, 1, 1)
    assert (unknown.frame, unknown.track_id, unknown.kind) == (4, -1, "DontCare")


@settings(max_examples=300)
@given(st.sampled_from(sorted(READERS)), st.integers(0, 80), st.binary(max_size=12))
def test_garbled_lines_never_crash(kind, position, garbage):
    good = GOOD[kind].encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "0000.txt"
        path.write_bytes(good[:position] + garbage + good[position + len(garbage) :])
        message = str(path)
        try:
            READERS[kind](path)
        except InputError as error:
            message = error.message
        assert str(path) in message


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "0000.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as file:
            file.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
