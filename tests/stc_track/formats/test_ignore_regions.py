"""Ignore regions are what a format marks as such: KITTI MOTS' class 10 and crowds, but no other format's class 10."""

import json
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stc_track.commands.convert import main as convert
from stc_track.commands.track import main as track
from stc_track.formats.mots import (
    IGNORE_CLASS,
    IGNORE_ID,
    Detection,
    DetectionWriter,
    MotsObject,
    iter_detections,
    iter_mots,
    write_mots,
)
from stc_track.formats.sources import open_sources
from stc_track.masks import rle
from stc_track.rendering.overlay import Overlay, Style, colour_of

SIZE = HEIGHT, WIDTH = 20, 60
NAMES = {1: "person", 3: "dog", 10: "owl"}
LENGTH = 4


def square(x, y, side):
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return rle.encode(mask)


def youtube_vis(path):
    """An owl (category 10) and a person that move, and a crowd of dogs that owns part of nothing else."""
    tracks = [
        (1, 10, 0, [square(2 + t, 2, 6) for t in range(LENGTH)]),
        (2, 1, 0, [square(40 - t, 8, 7) for t in range(LENGTH)]),
        (3, 3, 1, [square(20, 12, 8) for _ in range(LENGTH)]),
    ]
    content = {
        "videos": [
            {
                "id": 1,
                "width": WIDTH,
                "height": HEIGHT,
                "length": LENGTH,
                "file_names": [f"wood/{t:05d}.jpg" for t in range(LENGTH)],
            }
        ],
        "categories": [{"id": number, "name": name} for number, name in NAMES.items()],
        "annotations": [
            {
                "id": number,
                "video_id": 1,
                "category_id": category,
                "iscrowd": crowd,
                "segmentations": [{"size": list(SIZE), "counts": counts.decode()} for counts in masks],
            }
            for number, category, crowd, masks in tracks
        ],
    }
    path.write_text(json.dumps(content))
    return path


def detections(path):
    with DetectionWriter(path / "wood.txt") as writer:
        for t in range(LENGTH):
            for class_id, x in ((10, 2 + t), (1, 40 - t)):
                writer.write(Detection(t, (x, 2, x + 6, 8), 0.9, class_id, *SIZE, square(x, 2, 6)))
    return path


@pytest.fixture
def truth(tmp_path):
    return youtube_vis(tmp_path / "truth.json")


def run(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output or done.exception


def refusal(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert done.exit_code == 2, done.output or done.exception
    return done.output


def objects_of(path):
    (source,) = open_sources(path).sequences.values()
    return list(source.objects())


def kinds(path):
    """How many masks there are of each class, ignored or not."""
    return Counter((obj.class_id, obj.ignored) for obj in objects_of(path))


EXPECTED = {(10, False): LENGTH, (1, False): LENGTH, (3, True): LENGTH}


def test_youtube_vis_says_itself_what_is_ignored(truth):
    assert kinds(truth) == EXPECTED


@pytest.mark.parametrize("kind", ["ytvis", "coco"])
def test_category_10_and_crowds_come_through(truth, kind):
    out = truth.parent / "out.json"
    run(convert, truth, "--to", kind, "--out", out)
    assert kinds(out) == EXPECTED
    content = json.loads(out.read_text())
    assert {category["id"]: category["name"] for category in content["categories"]} == NAMES
    assert {(annotation["category_id"], annotation["iscrowd"]) for annotation in content["annotations"]} == {
        (10, 0),
        (1, 0),
        (3, 1),
    }


def test_boxes_and_detections_have_category_10_and_no_crowd(truth):
    run(convert, truth, "--to", "mot", "--out", truth.parent / "mot", "--shift", "1")
    assert len((truth.parent / "mot" / "wood.txt").read_text().splitlines()) == 2 * LENGTH
    run(convert, truth, "--to", "detections", "--out", truth.parent / "det")
    assert Counter(detection.class_id for detection in iter_detections(truth.parent / "det" / "wood.txt")) == {
        10: 4,
        1: 4,
    }


def test_cvat_calls_a_crowd_no_object(truth):
    run(convert, truth, "--to", "cvat", "--out", truth.parent / "cvat")
    text = (truth.parent / "cvat" / "wood.xml").read_text()
    assert all(f'label="{name}"' in text for name in ("owl", "person", "ignore"))
    assert "dog" not in text


@pytest.mark.parametrize("kind", ["mots", "png"])
def test_mots_refuses_category_10_until_it_has_another_number(truth, kind):
    out = truth.parent / "out"
    message = refusal(convert, truth, "--to", kind, "--out", out)
    assert "wood: expected no class 10, which MOTS keeps for ignore regions, found class 10 'owl'" in message
    assert "(--classes 10=11 renumbers it)" in message
    assert not list(truth.parent.glob("out/*"))
    run(convert, truth, "--to", kind, "--out", out, "--classes", "10=11")
    found = objects_of(out)
    assert Counter((obj.class_id, obj.ignored) for obj in found) == {
        (11, False): LENGTH,
        (1, False): LENGTH,
        (IGNORE_CLASS, True): LENGTH,
    }
    assert {obj.track_id for obj in found if obj.ignored} == {IGNORE_ID}


def test_classes_never_make_an_ignore_region(tmp_path):
    """Renumbering pedestrians to 10 makes no crowd of them, renumbering ignore regions no objects."""
    write_mots(
        tmp_path / "in" / "0000.txt",
        [
            MotsObject(0, 2001, 2, *SIZE, square(3, 3, 5)),
            MotsObject(0, IGNORE_ID, IGNORE_CLASS, *SIZE, square(30, 3, 5)),
        ],
    )
    run(convert, tmp_path / "in", "--to", "coco", "--out", tmp_path / "out.json", "--classes", "2=10,10=3")
    content = json.loads((tmp_path / "out.json").read_text())
    assert [(annotation["category_id"], annotation["iscrowd"]) for annotation in content["annotations"]] == [
        (10, 0),
        (3, 1),
    ]
    assert {category["id"]: category["name"] for category in content["categories"]} == {
        1: "car",
        10: "pedestrian",
        3: "ignore",
    }
    run(convert, tmp_path / "out.json", "--to", "mots", "--out", tmp_path / "back", "--classes", "10=2")
    assert (tmp_path / "back" / "0000.txt").read_bytes() == (tmp_path / "in" / "0000.txt").read_bytes()


@pytest.mark.parametrize("kind", ["coco", "ytvis"])
def test_a_detector_s_class_10_is_tracked(tmp_path, kind):
    run(track, detections(tmp_path / "in"), "--out", tmp_path / "out.json", "--format", kind)
    assert kinds(tmp_path / "out.json") == {(10, False): LENGTH, (1, False): LENGTH}


@pytest.mark.parametrize("kind", ["mots", "png"])
def test_a_detector_s_class_10_never_becomes_an_ignore_region(tmp_path, kind):
    source, out = detections(tmp_path / "in"), tmp_path / "out"
    message = refusal(track, source, "--out", out, "--format", kind)
    assert "wood: expected no class 10, which MOTS keeps for ignore regions, found class 10" in message
    assert "(--classes 10=11 renumbers it)" in message
    assert not list(tmp_path.glob("out/*"))
    run(track, source, "--out", out, "--format", kind, "--classes", "10=11")
    assert kinds(out) == {(11, False): LENGTH, (1, False): LENGTH}


def test_ignore_regions_are_no_detections(tmp_path, truth):
    """Whatever names them, the tracker does not link them."""
    write_mots(
        tmp_path / "in" / "0000.txt",
        [
            MotsObject(t, *name, *SIZE, square(x, 3, 5))
            for t in range(LENGTH)
            for name, x in (((2001, 2), 3), ((IGNORE_ID, IGNORE_CLASS), 30))
        ],
    )
    run(convert, tmp_path / "in", "--to", "png", "--out", tmp_path / "png")
    run(track, tmp_path / "png", "--out", tmp_path / "out")
    assert [obj.class_id for obj in iter_mots(tmp_path / "out" / "0000.txt")] == [2] * LENGTH
    run(track, truth, "--out", tmp_path / "out.json", "--format", "coco")
    assert kinds(tmp_path / "out.json") == {(10, False): LENGTH, (1, False): LENGTH}


def test_the_tracker_keeps_the_names_of_its_source(truth):
    out = truth.parent / "out.json"
    run(track, truth, "--out", out, "--format", "coco", "--classes", "10=2")
    names = {category["id"]: category["name"] for category in json.loads(out.read_text())["categories"]}
    assert names == {1: "person", 2: "owl", 3: "dog"}


def test_results_of_category_10_are_measured(truth):
    pytest.importorskip("trackeval")
    from stc_track.evaluation.youtube_vis import evaluate_youtube_vis

    results = truth.parent / "results.json"
    run(convert, truth, "--to", "ytvis-results", "--out", results, "--annotations", truth)
    assert {result["category_id"] for result in json.loads(results.read_text())} == {10, 1}
    found = evaluate_youtube_vis(results, truth)
    assert {name: scores.AP for name, scores in found.combined.items()} == pytest.approx({"owl": 100, "person": 100})


def test_category_10_is_drawn_in_colour_and_a_crowd_grey(truth):
    first = objects_of(truth)[:3]
    frame = np.full((*SIZE, 3), 90, np.uint8)
    picture = Overlay(open_sources(truth).class_names, Style(opacity=1, ids=False, trail=0)).draw(frame, 0, first)
    for obj in first:
        expected = 128 if obj.ignored else colour_of(obj.track_id)
        assert (picture[rle.decode(obj.counts, *SIZE)] == expected).all()


def test_crowds_of_several_classes_are_apart(tmp_path):
    """Crowds may share an id with each other and with an object."""
    content = {
        "images": [{"id": 1, "file_name": "wood/0.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": number, "name": name} for number, name in NAMES.items()],
        "annotations": [
            {
                "id": k,
                "image_id": 1,
                "category_id": category,
                "track_id": 7,
                "iscrowd": crowd,
                "segmentation": {"size": list(SIZE), "counts": square(12 * k, 2, 6).decode()},
            }
            for k, (category, crowd) in enumerate(((3, 1), (10, 1), (10, 0)))
        ],
    }
    (tmp_path / "in.json").write_text(json.dumps(content))
    expected = {(3, True): 1, (10, True): 1, (10, False): 1}
    run(convert, tmp_path / "in.json", "--to", "ytvis", "--out", tmp_path / "out.json")
    assert kinds(tmp_path / "out.json") == expected
    run(convert, tmp_path / "out.json", "--to", "coco", "--out", tmp_path / "back.json")
    assert kinds(tmp_path / "back.json") == expected
    run(convert, tmp_path / "in.json", "--to", "cvat", "--out", tmp_path / "cvat")
    assert (tmp_path / "cvat" / "wood.xml").read_text().count("<track ") == 3


def test_pictures_of_frames_may_have_crowds_alone(tmp_path):
    """A file of nothing but ignore regions is a good file for every format."""
    write_mots(tmp_path / "in" / "0000.txt", [MotsObject(1, IGNORE_ID, IGNORE_CLASS, *SIZE, square(3, 3, 5))])
    for kind in ("mots", "png", "cvat", "mot", "detections"):
        run(convert, tmp_path / "in", "--to", kind, "--out", tmp_path / kind)
    for kind in ("ytvis", "ytvis-results", "coco"):
        run(convert, tmp_path / "in", "--to", kind, "--out", tmp_path / f"{kind}.json")
    assert kinds(tmp_path / "mots") == kinds(tmp_path / "png") == {(IGNORE_CLASS, True): 1}
    assert kinds(tmp_path / "ytvis.json") == kinds(tmp_path / "coco.json") == {(IGNORE_CLASS, True): 1}
    assert json.loads((tmp_path / "ytvis-results.json").read_text()) == []
    assert (tmp_path / "mot" / "0000.txt").read_text() == (tmp_path / "detections" / "0000.txt").read_text() == ""
    with Image.open(tmp_path / "png" / "0000" / "000001.png") as picture:
        assert np.unique(np.asarray(picture)).tolist() == [0, IGNORE_ID]
