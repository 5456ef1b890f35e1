"""The KITTI MOTS layout: what is known of objects, and where nothing is."""

import json

import numpy as np
import pytest

from stc_pseudo.datasets.kitti import read_kitti
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.mots import MotsObject, read_mots, write_mots
from stc_track.masks import rle


def add_region(drawn, mask, frame=1):
    path = drawn.root / "instances_txt/0000.txt"
    objects = [obj for frame_objects in read_mots(path).values() for obj in frame_objects]
    write_mots(path, [*objects, MotsObject(frame, 10000, 10, *drawn.size, rle.encode(mask))])


@pytest.fixture
def region(drawn):
    """An ignore region in two parts at the frame's ends, on frame 1."""
    mask = np.zeros(drawn.size, bool)
    mask[2:8, 1:9] = mask[50:60, 110:128] = True
    mask[8, 9] = True  # touches the first part by a corner
    add_region(drawn, mask)
    return mask


def test_an_ignore_region_is_a_box_a_part_and_no_object(drawn, region):
    (sequence,) = read_kitti(drawn.root)
    assert [len(sequence.boxes_at(t).ignore) for t in range(3)] == [0, 2, 0]
    assert sequence.boxes_at(1).ignore.tolist() == [[1, 2, 10, 9], [110, 50, 128, 60]]
    assert sequence.boxes_at(1).track_ids.tolist() == [1001, 2001]
    assert sequence.boxes_at(1).class_ids.tolist() == [1, 2]


def test_ignore_regions_reach_the_store_and_nothing_else(drawn, region, tmp_path):
    assert drawn.build().exit_code == 0
    reader = StoreReader(str(drawn.store))
    assert reader.class_names == {1: "car", 2: "pedestrian"}
    boxes = reader.sequence("0000").boxes_at(1)
    assert boxes.ignore.tolist() == [[1, 2, 10, 9], [110, 50, 128, 60]]
    assert len(boxes) == reader.sequence("0000").read("instances", 1).max() == 2
    assert drawn.run("export", drawn.store, "--out", tmp_path / "a.json").exit_code == 0
    assert len(json.loads((tmp_path / "a.json").read_text())["annotations"]) == 6
    result = drawn.run("inspect", drawn.store, "--truth", drawn.root, "--min-area", 0, "--json", tmp_path / "i.json")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "i.json").read_text())["mean_iou"]["all"]["instances"] == 6


def test_an_empty_ignore_region_says_nothing(drawn):
    add_region(drawn, np.zeros(drawn.size, bool))
    assert not any(len(boxes.ignore) for boxes in read_kitti(drawn.root)[0].boxes.values())


def test_track_1001_of_a_class_is_not_track_1_of_the_next(drawn):
    path = drawn.root / "training/label_02/0000.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "1 1001 Car 0 0 0 2 2 20 20 1 1 1 0 0 9 0\n"
        "1 1 Pedestrian 0 0 0 40 2 60 30 1 1 1 0 0 9 0\n"
        "1 -1 DontCare -1 -1 -10 90 1 99 9 -1 -1 -1 -1000 -1000 -1000 -10\n"
    )
    (sequence,) = read_kitti(drawn.root, boxes="labels")
    assert sequence.boxes_at(1).track_ids.tolist() == [1_001_001, 2001]
