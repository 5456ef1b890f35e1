"""Tracks through every format and back, disjoint, with the ids, frames and classes that each format wants."""

import json
from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from stc_track.commands.convert import main
from stc_track.commands.options import TRACK_FORMATS
from stc_track.convert import Changes, prepared
from stc_track.formats.base import MOTS_CLASS_NAMES
from stc_track.formats.exporters import Format
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, MotsObject, iter_detections, iter_mots, write_mots
from stc_track.masks import rle
from stc_track.masks.outline import outline

SIZE = HEIGHT, WIDTH = 20, 30


def drawn(frame, track_id, class_id, x, y, side, **more):
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return MotsObject(frame, track_id, class_id, *SIZE, rle.encode(mask), **more)


def drawn_tracks():
    """A car with a gap, a pedestrian of two parts, an ignore region; frame 0 and 3 are empty."""
    for t in (1, 2, 4):
        yield drawn(t, 1004, 1, 2 * t, 3, 5)
        yield drawn(t, IGNORE_ID, IGNORE_CLASS, 25, 0, 4)
        if t != 2:
            parts = np.zeros(SIZE, bool)
            parts[10:12, t : t + 3] = parts[14:19, 2 : t + 8] = True
            parts[16, 4] = False
            yield MotsObject(t, 2001, 2, *SIZE, rle.encode(parts))


def order(objects):
    return sorted(objects, key=lambda obj: (obj.frame, obj.track_id))


@pytest.fixture
def folder(tmp_path):
    write_mots(tmp_path / "in" / "0007.txt", drawn_tracks())
    write_mots(tmp_path / "in" / "0008.txt", [drawn(0, 2002, 2, 5, 5, 4)])
    return tmp_path


def convert(source, kind, out, *options):
    done = CliRunner().invoke(main, [str(source), "--to", kind, "--out", str(out), *options])
    assert done.exit_code == 0, done.output or done.exception
    return out


def refused(source, kind, out, *options):
    done = CliRunner().invoke(main, [str(source), "--to", kind, "--out", str(out), *options])
    assert done.exit_code == 2, done.output or done.exception
    return done.output


def test_the_commands_offer_every_format():
    assert (*TRACK_FORMATS, "detections") == get_args(Format)


@pytest.mark.parametrize("kind", ["mots", "png", "ytvis", "coco"])
def test_there_and_back(folder, kind):
    there = convert(folder / "in", kind, folder / ("there.json" if kind in ("ytvis", "coco") else "there"))
    back = convert(there, "mots", folder / "back")
    for name in ("0007", "0008"):
        assert order(iter_mots(back / f"{name}.txt")) == order(iter_mots(folder / "in" / f"{name}.txt"))


def test_results_and_back(folder):
    annotations = convert(folder / "in", "ytvis", folder / "truth.json")
    options = ("--annotations", str(annotations))
    there = convert(folder / "in", "ytvis-results", folder / "there.json", *options)
    back = convert(there, "mots", folder / "back", *options)
    (found,), expected = [list(iter_mots(back / "0008.txt"))], list(iter_mots(folder / "in" / "0008.txt"))
    assert [replace(obj, track_id=2002) for obj in found] == expected
    assert {obj.class_id for obj in iter_mots(back / "0007.txt")} == {1, 2}  # no result is an ignore region


def test_png(folder):
    out = convert(folder / "in", "png", folder / "out", "--sequences", "0007")
    assert sorted(path.name for path in (out / "0007").iterdir()) == [f"{t:06d}.png" for t in range(5)]
    with Image.open(out / "0007" / "000001.png") as picture:
        labels = np.asarray(picture)
    assert labels.dtype == np.uint16
    assert labels[4, 3] == 1004
    assert labels[0, 28] == 10000
    assert np.unique(labels).tolist() == [0, 1004, 2001, 10000]
    with Image.open(out / "0007" / "000003.png") as picture:
        assert not np.asarray(picture).any()


def test_coco(folder):
    content = json.loads(convert(folder / "in", "coco", folder / "out.json").read_text())
    assert content["categories"] == [{"id": k, "name": name} for k, name in sorted(MOTS_CLASS_NAMES.items())]
    first = content["annotations"][0]
    image = next(image for image in content["images"] if image["id"] == first["image_id"])
    assert (image["file_name"], image["frame"], image["height"]) == ("0007/000001.png", 1, HEIGHT)
    assert (first["bbox"], first["area"], first["track_id"], first["iscrowd"]) == ([2, 3, 5, 5], 25, 1004, 0)
    assert [annotation["iscrowd"] for annotation in content["annotations"]].count(1) == 3


def test_youtube_vis(folder):
    content = json.loads(convert(folder / "in", "ytvis", folder / "out.json").read_text())
    assert [video["length"] for video in content["videos"]] == [5, 1]
    car = content["annotations"][0]
    assert [area and int(area) for area in car["areas"]] == [None, 25, 25, None, 25]
    assert car["bboxes"][4] == [8, 3, 5, 5]
    assert sum(car["segmentations"][1]["counts"]) == HEIGHT * WIDTH


def filled(points):
    """Even-odd filling of a polygon (P, 2), at the pixels' centres."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    inside = np.zeros(SIZE, bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, 0), strict=True):
        if y1 != y2:
            inside ^= ((y1 <= y) != (y2 <= y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside


def test_cvat_polygons(folder):
    out = convert(folder / "in", "cvat-polygons", folder / "out")
    tracks = {
        track.get("label"): track.findall("polygon")
        for track in ElementTree.parse(out / "0007.xml").getroot().findall("track")
    }
    assert tracks.keys() == {"car", "pedestrian", "ignore"}
    shown = [(shape.get("frame"), shape.get("outside")) for shape in tracks["pedestrian"]]
    assert shown == [("1", "0"), ("2", "1"), ("4", "0")]
    true = {obj.frame: obj for obj in drawn_tracks() if obj.track_id == 2001}
    for shape in tracks["pedestrian"]:
        points = np.array([[float(value) for value in pair.split(",")] for pair in shape.get("points").split(";")])
        if shape.get("outside") == "0":
            mask = rle.decode(true[int(shape.get("frame"))].counts, *SIZE)
            np.testing.assert_array_equal(filled(points), mask)


@given(hnp.arrays(bool, SIZE))
def test_outline_is_exact(mask):
    if mask.any():
        np.testing.assert_array_equal(filled(outline(mask)), mask)


def test_mot_boxes_and_back(folder):
    out = convert(folder / "in", "mot", folder / "out", "--shift", "1", "--sequences", "0008")
    assert (out / "0008.txt").read_text() == "1,2002,6,6,4,4,1,-1,-1,-1\n"
    back = convert(out, "mots", folder / "back", "--shift", "-1", "--frame-size", f"{HEIGHT}x{WIDTH}")
    assert (back / "0008.txt").read_bytes() == (folder / "in" / "0008.txt").read_bytes()
    assert "--frame-size HEIGHTxWIDTH" in refused(out, "mots", folder / "again")
    assert "frames that count from 1" in refused(folder / "in", "mot", folder / "again", "--sequences", "0008")


def test_mot_truth_of_a_sequence_folder(tmp_path):
    """gt.txt by track, not by frame; what MOT does not count is left out; the size is seqinfo's."""
    (tmp_path / "set" / "MOT17-02" / "gt").mkdir(parents=True)
    (tmp_path / "set" / "MOT17-02" / "seqinfo.ini").write_text(
        f"[Sequence]\nname=MOT17-02\nimWidth={WIDTH}\nimHeight={HEIGHT}\n"
    )
    lines = [
        "1,1,1,1,4,5,1,1,0.9",
        "2,1,2,1,4,5,1,1,0.9",
        "1,2,9,9,4,4,0,1,1",
        "1,3,9,9,4,4,1,7,1",
        "1,4,-5,12,9,3,1,3,1",
    ]
    (tmp_path / "set" / "MOT17-02" / "gt" / "gt.txt").write_text("\r\n".join(lines) + "\r\n")
    out = convert(tmp_path / "set", "mots", tmp_path / "out")
    found = list(iter_mots(out / "MOT17-02.txt"))
    assert [(obj.frame, obj.track_id) for obj in found] == [(1, 2001), (1, 1001), (2, 2001)]
    assert rle.tight_box(found[0].counts, *SIZE).tolist() == [0, 0, 4, 5]
    assert rle.tight_box(found[1].counts, *SIZE).tolist() == [0, 11, 3, 14]  # what the frame has of it


def test_detections(folder):
    out = convert(folder / "in", "detections", folder / "out")
    found = list(iter_detections(out / "0007.txt"))
    assert len(found) == 5  # no ignore regions
    assert (found[0].box, found[0].score) == ((2, 3, 7, 8), 1)
    message = refused(out, "coco", folder / "out.json")
    assert "0007.txt: frame 1: expected objects with a track, found detections (`stc-track` links them" in message


def test_listed_frames(folder):
    for name, numbers in (("0007", range(1, 7)), ("0008", range(1))):
        (folder / "frames" / name).mkdir(parents=True)
        for number in numbers:
            Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "frames" / name / f"{number:04d}.jpg")
    options = ("--frames", str(folder / "frames"))
    content = json.loads(convert(folder / "in", "ytvis", folder / "out.json", *options).read_text())
    assert content["videos"][0]["file_names"] == [f"0007/{number:04d}.jpg" for number in range(1, 7)]
    back = convert(folder / "out.json", "mots", folder / "back")
    assert order(iter_mots(back / "0007.txt")) == order(iter_mots(folder / "in" / "0007.txt"))
    out = convert(folder / "in", "png", folder / "png", *options)
    assert sorted(path.name for path in (out / "0007").iterdir()) == [f"{number:06d}.png" for number in range(1, 7)]
    root = ElementTree.parse(convert(folder / "in", "cvat", folder / "cvat", *options) / "0007.xml").getroot()
    assert root.find("track/mask").get("frame") == "0"
    assert root.find("meta/task/size").text == "6"
    (folder / "frames" / "0007" / "0002.jpg").unlink()
    for kind in ("png", "coco", "ytvis", "cvat", "cvat-polygons", "yolo", "bdd100k", "datumaro"):
        out = folder / ("last.json" if kind in ("coco", "ytvis") else f"last_{kind}")
        assert "expected one of the 5 frames 1 to 6, found frame 2" in refused(folder / "in", kind, out, *options)
        assert not (folder / "last.json").exists()
        assert not [path for path in folder.glob("last_*/**/*") if path.is_file()]


def test_pictures_of_an_earlier_run_are_replaced(folder):
    out = convert(folder / "in", "png", folder / "out", "--shift", "3")
    convert(folder / "in", "png", out)
    assert sorted(path.name for path in (out / "0007").iterdir()) == [f"{t:06d}.png" for t in range(5)]
    assert sorted(path.name for path in out.iterdir()) == ["0007", "0008"]
    (out / "0007" / "notes.txt").write_text("mine")
    done = CliRunner().invoke(main, [str(folder / "in"), "--to", "png", "--out", str(out)])
    assert done.exit_code == 2
    assert "0007: expected an empty folder, or one of .png alone, found notes.txt" in done.output
    assert (out / "0007" / "notes.txt").read_text() == "mine"


def test_overlaps(tmp_path):
    objects = [drawn(0, 1001, 1, 0, 0, 6, score=0.5), drawn(0, 1002, 1, 3, 3, 6, score=0.9)]
    cut = list(prepared("0000", objects, Changes()))
    areas = [rle.area(obj.counts, *SIZE) for obj in cut]
    assert areas == [36 - 9, 36]
    assert list(prepared("0000", objects, Changes(cut=False))) == objects
    region = drawn(0, IGNORE_ID, IGNORE_CLASS, 0, 0, 20, ignored=True)
    kept = list(prepared("0000", [region, *objects[:1]], Changes()))
    assert rle.area(kept[1].counts, *SIZE) == 36
    write_mots(tmp_path / "in" / "0000.txt", objects)
    assert "a format in which masks may overlap" in refused(
        tmp_path / "in", "png", tmp_path / "o", "--overlaps", "keep"
    )


@given(st.lists(st.tuples(hnp.arrays(bool, (4, 5)), st.floats(0, 1)), max_size=5))
def test_every_pixel_has_one_owner_and_none_is_lost(masks):
    objects = [MotsObject(3, k, 1, 4, 5, rle.encode(mask), score) for k, (mask, score) in enumerate(masks)]
    cut = [rle.decode(obj.counts, 4, 5) for obj in prepared("0000", objects, Changes())]
    covered = np.any([mask for mask, _ in masks], 0) if masks else np.zeros((4, 5))
    np.testing.assert_array_equal(np.sum(cut, 0) if cut else np.zeros((4, 5)), covered)


def test_unsorted_text_is_sorted(folder):
    lines = (folder / "in" / "0007.txt").read_bytes().splitlines(keepends=True)
    (folder / "in" / "0007.txt").write_bytes(b"".join(reversed(lines)))
    out = convert(folder / "in", "mots", folder / "out")
    assert [obj.frame for obj in iter_mots(out / "0007.txt")] == sorted(obj.frame for obj in drawn_tracks())


def test_classes_are_renumbered(folder):
    out = convert(folder / "in", "coco", folder / "out.json", "--classes", "2=10,10=3")
    content = json.loads(out.read_text())
    assert {annotation["category_id"] for annotation in content["annotations"]} == {1, 10, 3}
    done = CliRunner().invoke(main, [str(folder), "--to", "coco", "--out", "o.json", "--classes", "2"])
    assert done.exit_code == 2
    assert "no list such as" in done.output
