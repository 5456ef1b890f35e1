"""One set of rules for numbers, flags and names, whatever file they are in."""

import configparser
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from stc_pseudo.datasets.kitti import read_calibration
from stc_track.commands.convert import main
from stc_track.formats.coco_tracks import parse_coco_tracks
from stc_track.formats.kitti_labels import read_labels
from stc_track.formats.mot_boxes import frame_size, iter_lines
from stc_track.formats.mots import iter_mots, line_of, read_mots
from stc_track.formats.youtube_vis import parse_annotations
from stc_track.io import values
from stc_track.io.errors import InputError
from stc_track.masks import rle

MASK = {"size": [2, 3], "counts": rle.encode(np.ones((2, 3), bool)).decode()}
WRITTEN = {"digits": "3", "point": "3.0", "savetxt": "3.000000000000000000e+00", "plus": "+3", "zeros": "003"}
NO_NUMBER = ["3.5", "1_0", "nan", "inf", "x", "", "0x3", "٣", "3 4", "-1", "1e400"]


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_whole_number_in_any_writing(text):
    assert values.whole(text, "n", "f") == values.whole(text.encode(), "n", "f") == 3
    assert values.real(text, "n", "f") == 3


@pytest.mark.parametrize("text", NO_NUMBER)
def test_what_is_no_whole_number(text):
    for value in (text, text.encode()):
        with pytest.raises(InputError, match="n, a whole number of at least 0, found"):
            values.whole(value, "n", "f")


@pytest.mark.parametrize(
    "value",
    [True, None, [], {}, 3.5, float("nan"), float("inf")],
    ids=["boolean", "none", "list", "dictionary", "fraction", "nan", "infinite"],
)
def test_json_values_that_are_no_whole_number(value):
    with pytest.raises(InputError, match="n, a whole number"):
        values.whole(value, "n", "f")


@pytest.mark.parametrize(
    "value", ["1000000000", b"1e9", 10**9, 1700000000000], ids=["text", "exponent", "number", "milliseconds"]
)
def test_the_message_names_the_limit(value):
    with pytest.raises(InputError, match="n, a whole number of at most 999999999, found"):
        values.whole(value, "n", "f")


@given(st.floats(-1e9, 1e9), st.sampled_from(["{}", "{:.18e}", "{:.17g}"]))
def test_numbers_as_numpy_and_python_write_them(number, layout):
    text = layout.format(number)
    assert values.real(text, "n", "f") == values.real(text.encode(), "n", "f") == pytest.approx(number, rel=1e-15)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_names_keep_19_digits(number):
    assert values.identity(number, "id", "f") == values.identity(str(number), "id", "f") == number


@given(st.text("0123456789abc-", min_size=1, max_size=12), st.text("0123456789abc-", min_size=1, max_size=12))
def test_no_two_names_become_one(one, other):
    assert (values.identity(one, "id", "f") == values.identity(other, "id", "f")) == (one == other)


@pytest.mark.parametrize(
    ("value", "holds"),
    [(True, True), (False, False), (1, True), (0, False), (1.0, True), ("1", True), ("false", False), (None, False)],
    ids=["true", "false", "1", "0", "1.0", "text 1", "text false", "none"],
)
def test_flags(value, holds):
    assert values.flag(value, "iscrowd", "f") is holds


@pytest.mark.parametrize("value", [2, "maybe", [], 0.5, ""], ids=["2", "word", "list", "fraction", "empty"])
def test_what_is_no_flag(value):
    with pytest.raises(InputError, match="iscrowd, 0 or 1"):
        values.flag(value, "iscrowd", "f")


# --- The same in every format -------------------------------------------------------------------------------------

LABEL = "{} {} Car 0 0 -1.7 1.5 2 30 40.25 1 1 1 1 1 1 1"


def savetxt(path, *rows, delimiter):
    np.savetxt(path, np.array(rows), delimiter=delimiter)


def test_all_columns_as_savetxt_writes_them(tmp_path):
    savetxt(tmp_path / "gt.txt", [2, 7, 9, 21, 24, 24, 1, 3, 1], [3, 7, 9, 21, 24, 24, 1, -1, 1], delimiter=",")
    first, second = iter_lines(tmp_path / "gt.txt")
    assert (first.frame, first.track_id, first.class_id, second.class_id) == (2, 7, 3, None)


def test_mots_and_labels_take_what_mot_takes(tmp_path):
    (tmp_path / "a.txt").write_text(f"\ufeff3.0 1001.0 1.0e+00 2.0 3 {MASK['counts']}\r\n\r\n", encoding="utf-8")
    (found,) = iter_mots(tmp_path / "a.txt")
    assert (found.frame, found.track_id, found.class_id, found.height) == (3, 1001, 1, 2)
    assert line_of(tmp_path / "a.txt", 3, 1001) == 1
    (tmp_path / "b.txt").write_text("\ufeff" + LABEL.format("3.0", "4.0") + "\r\n", encoding="utf-8")
    (label,) = read_labels(tmp_path / "b.txt")
    assert (label.frame, label.track_id) == (3, 4)


@pytest.mark.parametrize(
    ("line", "class_id"),
    [
        ("1,1,9,21,24,24,1,0,1", 0),
        ("1,1,9,21,24,24,1,-1,1", None),
        ("1,1,9,21,24,24,1,3,", 3),
        ("1,1,9,21,24,24,1,", None),
    ],
    ids=["0 is a class", "-1 is none", "comma at the end", "comma after seven columns"],
)
def test_a_class_is_what_the_file_says(tmp_path, line, class_id):
    (tmp_path / "gt.txt").write_text(line + "\n")
    assert [found.class_id for found in iter_lines(tmp_path / "gt.txt")] == [class_id]


def test_class_0_is_no_pedestrian_when_converted(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("1,5,1,1,4,4,1,0,1\n1,6,1,1,4,4,1,-1,1\n1,7,1,1,4,4,1,8,1\n")
    arguments = [str(tmp_path / "in"), "--to", "coco", "--out", str(tmp_path / "out.json"), "--frame-size", "20x20"]
    done = CliRunner().invoke(main, [*arguments, "--overlaps", "keep"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert [(track["track_id"], track["category_id"]) for track in found] == [(5, 0), (6, 2)]


@pytest.mark.parametrize(
    "reader", [iter_mots, iter_lines, read_labels, read_calibration], ids=lambda reader: reader.__name__
)
def test_utf16_is_named(tmp_path, reader):
    (tmp_path / "a.txt").write_bytes("1 2 3\n".encode("utf-16"))
    with pytest.raises(InputError, match=r"a\.txt: expected text in UTF-8, found UTF-16 \(save it as UTF-8\)"):
        list(reader(tmp_path / "a.txt"))


def test_seqinfo_with_byte_order_mark(tmp_path):
    (tmp_path / "seqinfo.ini").write_bytes(b"\xef\xbb\xbf[Sequence]\r\nimWidth=96.0\r\nimHeight=64\r\n")
    assert frame_size(tmp_path) == (64, 96)
    (tmp_path / "seqinfo.ini").write_bytes("[Sequence]\nimWidth=96\n".encode("utf-16"))
    with pytest.raises(InputError, match="found UTF-16"):
        frame_size(tmp_path)
    assert configparser.ConfigParser().read_string("[a]\n") is None


def test_calibration_with_blank_lines(tmp_path):
    rows = [f"P{k}: 721.5 0 48 {-44.8 * k} 0 721.5 32 0.2 0 0 1 0.003" for k in range(4)]
    (tmp_path / "calib.txt").write_bytes("\r\n".join(["\ufeff", *rows, "R_rect 1 0 0 0 1 0 0 0 1", "", ""]).encode())
    found = read_calibration(tmp_path / "calib.txt")
    assert (found.focal_x, found.baseline) == (721.5, pytest.approx(44.8 / 721.5))
    (tmp_path / "calib.txt").write_text("P2: 1 2 3\n")
    with pytest.raises(InputError, match=r"calib\.txt:1: expected 12 numbers, found 3"):
        read_calibration(tmp_path / "calib.txt")
    (tmp_path / "calib.txt").write_text(rows[2].replace("721.5 0 48", "nan 0 48") + "\n")
    with pytest.raises(InputError, match=r"calib\.txt:1: expected a number, a finite number, found 'nan'"):
        read_calibration(tmp_path / "calib.txt")


def coco(**entry):
    return {
        "images": [{"id": "a1", "file_name": "s/000004.jpg", "height": 2.0, "width": 3, "frame": None}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"image_id": "a1", "category_id": 1.0, "bbox": None, "score": None, "segmentation": MASK} | entry
        ],
    }


@pytest.mark.parametrize(
    ("entry", "track", "ignored"),
    [
        ({"track_id": 9007199254740993}, 9007199254740993, False),
        ({"track_id": "left", "iscrowd": False}, 1, False),
        ({"track_id": None, "instance_id": 4, "iscrowd": True}, 4, True),
        ({"attributes": {"track_id": 4}, "iscrowd": "0"}, 4, False),
    ],
    ids=["16 digits", "a name", "instance_id", "CVAT's"],
)
def test_coco_names_booleans_and_nulls(tmp_path, entry, track, ignored):
    ((found,),) = parse_coco_tracks(coco(**entry), tmp_path).sequences.values()
    assert (found.frame, found.track_id, found.ignored, found.box) == (4, track, ignored, None)


def test_youtube_vis_names_booleans_and_nulls(tmp_path):
    content = {
        "videos": [{"id": "v", "height": 2, "width": 3, "length": 5, "file_names": ["a b.c/0.jpg", "a b.c/1.jpg"]}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": "x", "video_id": "v", "category_id": 1, "iscrowd": False, "areas": None, "bboxes": None,
             "segmentations": [MASK, None]},
            {"id": 2**60, "video_id": "v", "category_id": 1, "track_id": None, "segmentations": [None, MASK]},
        ],
    }  # fmt: skip
    found = parse_annotations(content, tmp_path)
    assert found.videos["v"].name == "a b.c"
    assert [(track.track_id, track.crowd) for track in found.tracks] == [(1, False), (2, False)]
    assert parse_annotations(content | {"annotations": None}, tmp_path).tracks == []


def test_ids_of_19_digits_in_text(tmp_path):
    (tmp_path / "a.txt").write_text(f"0 {2**63 - 1} 1 2 3 {MASK['counts']}\n")
    ((found,),) = read_mots(tmp_path / "a.txt").values()
    assert found.track_id == 2**63 - 1


def test_frames_out_of_order_written_with_points(tmp_path):
    """Lines are put in order by number, however it is written."""
    (tmp_path / "in").mkdir()
    lines = [f"{number} {1001 + k} 1 2 3 {MASK['counts']}\n" for k, number in enumerate(("9", "10.0", "2", "1.0e+00"))]
    (tmp_path / "in" / "a.txt").write_text("".join(lines))
    done = CliRunner().invoke(main, [str(tmp_path / "in"), "--to", "mots", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in (tmp_path / "out" / "a.txt").read_text().splitlines()] == ["1", "2", "9", "10"]
