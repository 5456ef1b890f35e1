"""Formats that only others read: what is in the files, what a format cannot hold, and a store as the source."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from stc_track.commands.convert import main
from stc_track.formats.cvat_masks import row_runs
from stc_track.formats.exporters import EXPORTERS
from stc_track.formats.mots import MotsObject, iter_mots, write_mots
from stc_track.formats.sources import open_sources
from stc_track.masks import rle
from stc_track.masks.outline import inner_outline, outline

SIZE = HEIGHT, WIDTH = 20, 30


def square(x, y, side):
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return mask


MASKS = {(1, 1004): square(2, 3, 5), (1, 2001): square(20, 8, 4) | square(9, 14, 2), (3, 1004): square(6, 3, 5)}


@pytest.fixture
def folder(tmp_path):
    objects = [MotsObject(t, track, track // 1000, *SIZE, rle.encode(mask)) for (t, track), mask in MASKS.items()]
    write_mots(tmp_path / "in" / "0007.txt", objects)
    return tmp_path


def run(source, kind, out, *options, code=0):
    done = CliRunner().invoke(main, [str(source), "--to", kind, "--out", str(out), *options])
    assert done.exit_code == code, done.output or done.exception
    return done.output


@pytest.mark.parametrize("kind", ["mots", "png", "ytvis", "coco"])
def test_round_trips_are_equal_to_the_byte(folder, kind):
    out = folder / ("there.json" if EXPORTERS[kind].one_file else "there")
    run(folder / "in", kind, out)
    run(out, "mots", folder / "back")
    assert (folder / "back" / "0007.txt").read_bytes() == (folder / "in" / "0007.txt").read_bytes()


def test_cvat_masks(folder):
    run(folder / "in", "cvat", folder / "out")
    root = ElementTree.parse(folder / "out" / "0007.xml").getroot()
    assert {label.findtext("attributes/attribute/name") for label in root.iter("label")} == {"track_id"}
    found = {}
    for track in root.findall("track"):  # CVAT loads the first mask of a track, so there is one a track
        shown, *ends = track.findall("mask")
        assert [end.get("outside") for end in ends] == ([] if shown.get("frame") == "3" else ["1"])
        left, top, width, height = (int(shown.get(key)) for key in ("left", "top", "width", "height"))
        runs = [int(run) for run in shown.get("rle").split(",")]
        mask = np.zeros(SIZE, bool)
        box = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
        mask[top : top + height, left : left + width] = box
        found[int(shown.get("frame")), int(shown.findtext("attribute"))] = mask
    assert found.keys() == MASKS.keys()
    for key, mask in MASKS.items():
        np.testing.assert_array_equal(found[key], mask)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_row_runs(mask):
    runs = row_runs(mask)
    np.testing.assert_array_equal(np.repeat(np.arange(len(runs)) % 2 == 1, runs), mask.ravel())
    assert (runs[1:] > 0).all()


def test_bdd100k(folder):
    run(folder / "in", "bdd100k", folder / "out")
    pictures = sorted((folder / "out" / "0007").iterdir())
    assert [path.name for path in pictures] == [f"0007-{number:07d}.png" for number in range(1, 5)]
    with Image.open(pictures[1]) as picture:
        values = np.asarray(picture).astype(int)
    np.testing.assert_array_equal(values[..., 0], 3 * MASKS[1, 1004] + MASKS[1, 2001])  # car, pedestrian
    np.testing.assert_array_equal(values[..., 2] * 256 + values[..., 3], 1004 * MASKS[1, 1004] + 2001 * MASKS[1, 2001])
    assert not values[..., 1].any()


def test_classes_that_bdd100k_does_not_have(folder):
    run(folder / "in", "coco", folder / "in.json")
    content = json.loads((folder / "in.json").read_text())
    content["categories"][0]["name"] = "dog"
    (folder / "in.json").write_text(json.dumps(content))
    output = run(folder / "in.json", "bdd100k", folder / "out", code=2)
    assert "0007: frame 1: expected classes of BDD100K: pedestrian, " in output
    assert "found 'dog'" in output
    assert not (folder / "out" / "0007").exists()


def test_yolo(folder):
    assert run(folder / "in", "yolo", folder / "out").startswith("yolo is lossy: without track ids")
    content = (folder / "out" / "data.yaml").read_text()
    assert content.splitlines()[3:] == ["names:", '  0: "car"', '  1: "pedestrian"']
    labels = folder / "out" / "labels" / "0007"
    assert {path.name: path.read_text().count("\n") for path in labels.iterdir()} == {
        "000001.txt": 2,
        "000002.txt": 0,
        "000003.txt": 1,
    }
    index, *points = (labels / "000003.txt").read_text().split()
    corners = np.array(points, float).reshape(-1, 2) * (WIDTH, HEIGHT)
    assert index == "0"
    np.testing.assert_allclose(corners, [(6.25, 3.25), (10.25, 3.25), (10.25, 7.25), (6.25, 7.25)], atol=1e-4)


@given(hnp.arrays(bool, (9, 9), elements=st.booleans()))
def test_inner_outlines_lie_on_the_mask(mask):
    """They go through the centres of border pixels of the mask, wherever the exact outline turns."""
    if not mask.any():
        return
    points = inner_outline(mask)
    assert len(points) == len(outline(mask))
    x, y = (points - 0.5).astype(int).T
    assert mask[y, x].all()


def test_datumaro(folder):
    run(folder / "in", "datumaro", folder / "out")
    content = json.loads((folder / "out" / "annotations" / "default.json").read_text())
    assert [item["id"] for item in content["items"]] == ["0007/000001", "0007/000003"]
    first = content["items"][0]["annotations"][0]
    assert (first["type"], first["label_id"], first["attributes"]["track_id"]) == ("mask", 0, 1004)
    np.testing.assert_array_equal(rle.decode(first["rle"]["counts"].encode(), *SIZE), MASKS[1, 1004])


def with_a_box_alone(folder):
    """COCO tracks of one object with a mask and one with a box alone."""
    run(folder / "in", "coco", folder / "in.json")
    content = json.loads((folder / "in.json").read_text())
    empty = rle.encode(np.zeros(SIZE, bool)).decode()
    content["annotations"][1] |= {
        "segmentation": {"size": list(SIZE), "counts": empty},
        "bbox": [4, 5, 6, 7],
        "area": 0,
    }
    (folder / "in.json").write_text(json.dumps(content))
    return folder / "in.json"


@pytest.mark.parametrize("kind", EXPORTERS)
def test_a_box_without_a_mask(folder, kind):
    """It is kept where the format has a place for it, refused in one line where it has none."""
    source, out = with_a_box_alone(folder), folder / ("out.json" if EXPORTERS[kind].one_file else "out")
    output = run(source, kind, out, "--missing", "keep", code=0 if EXPORTERS[kind].boxes_alone else 2)
    if not EXPORTERS[kind].boxes_alone:
        assert "frame 1: expected a mask of each object, which the format cannot do without" in output
        assert "found a box alone, of track 2001 (--missing drop leaves such boxes out" in output
        assert len(output.splitlines()) == 1
        assert not [path for path in folder.rglob("*") if path.is_file() and out in path.parents]
    run(source, kind, out, "--missing", "drop")
    run(source, kind, out, "--missing", "box")


def test_a_missing_mask_becomes_its_box(folder):
    run(with_a_box_alone(folder), "mots", folder / "out", "--missing", "box")
    second = list(iter_mots(folder / "out" / "0007.txt"))[1]
    assert rle.tight_box(second.counts, *SIZE).tolist() == [4, 5, 10, 12]
    run(folder / "in.json", "datumaro", folder / "boxes", "--missing", "keep")
    content = json.loads((folder / "boxes" / "annotations" / "default.json").read_text())
    assert [annotation["type"] for annotation in content["items"][0]["annotations"]] == ["mask", "bbox"]


@pytest.mark.parametrize("kind", [kind for kind, exporter in EXPORTERS.items() if not exporter.overlaps])
def test_formats_without_overlaps_say_so(folder, kind):
    output = run(folder / "in", kind, folder / "out", "--overlaps", "keep", code=2)
    assert re.fullmatch(r"Error: --overlaps keep: expected a format in which masks may overlap, found .*\n", output)


@pytest.mark.parametrize(("mode", "values"), [("P", (1, 2, 255)), ("L", (255, 255, 255))], ids=["palette", "grey"])
def test_masks_as_davis_has_them(tmp_path, mode, values):
    one, two, unknown = values
    (tmp_path / "in" / "dog").mkdir(parents=True)
    labels = np.where(square(2, 3, 5), one, np.where(square(12, 3, 5), two, unknown * square(22, 3, 5)))
    picture = Image.fromarray(labels.astype(np.uint8), mode)
    if mode == "P":
        picture.putpalette(range(256))
    picture.save(tmp_path / "in" / "dog" / "00004.png")
    found = open_sources(tmp_path / "in")
    objects = list(found.sequences["dog"].objects())
    assert found.class_names == {1: "object"}
    assert [(obj.frame, obj.track_id, obj.ignored) for obj in objects] == (
        [(4, 1, False), (4, 2, False), (4, 255, True)] if mode == "P" else [(4, 1, False)]
    )


def test_a_store_is_a_source_without_torch(tmp_path, store_of):
    objects = np.zeros((2, *SIZE), np.uint16)
    objects[0] = 1 * square(2, 3, 5) + 2 * square(12, 3, 5)
    tables = {
        "box_frame": np.array([0, 0, 1], np.int32),
        "box_xyxy": np.array([[2, 3, 7, 8], [12, 3, 17, 8], [20, 1, 25, 6]], np.float32),
        "box_class": np.array([1, 2, 1], np.int32),
        "box_track": np.array([5, 6, 5], np.int32),
        "box_score": np.array([0.75, 0.5, 0], np.float32),
        "ignore_frame": np.array([1], np.int32),
        "ignore_xyxy": np.array([[0, 0, 4, 4]], np.float32),
    }
    names = {"1": "car", "2": "pedestrian"}
    store_of(tmp_path / "store", "0007", [3, 4], SIZE, tables=tables, class_names=names, objects=objects)
    assert "frame 4: expected a mask of each object" in run(
        tmp_path / "store", "mots", tmp_path / "mots", "--missing", "keep", code=2
    )
    run(tmp_path / "store", "mots", tmp_path / "mots")
    found = list(iter_mots(tmp_path / "mots" / "0007.txt"))
    assert [(obj.frame, obj.track_id, obj.ignored) for obj in found] == [
        (3, 1001, False), (3, 2001, False), (4, 10000, True)
    ]  # fmt: skip
    np.testing.assert_array_equal(rle.decode(found[0].counts, *SIZE), square(2, 3, 5))
    run(tmp_path / "store", "coco", tmp_path / "coco.json", "--missing", "keep")
    content = json.loads((tmp_path / "coco.json").read_text())
    assert [annotation["score"] for annotation in content["annotations"]] == [0.75, 0.5, 0]
    assert [image["file_name"] for image in content["images"]] == ["0007/000003.png", "0007/000004.png"]
    assert [category["name"] for category in content["categories"]] == ["car", "pedestrian"]
