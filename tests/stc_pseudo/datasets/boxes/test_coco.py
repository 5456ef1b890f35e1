"""Boxes in COCO's JSON."""

import pytest

from stc_track.io.errors import InputError
from tests.stc_pseudo.datasets.boxes.conftest import read, table, video


def test_coco_objects_crowds_and_classes(tmp_path, coco):
    sequence = read(tmp_path / "a.json", coco)
    assert sequence.class_names == {0: "cat", 17: "dog"}
    assert table(sequence) == (
        [
            (3, "cat", 5, 1.5, 2, 11.5, 22),
            (3, "dog", 9, 30, 2, 40, 22),
            (4, "dog", 9, 31, 2, 41, 22),
            (4, "dog", 10, 60, 2, 70, 22),
        ],
        [(4, 50, 2, 60, 22)],
    )
    chosen = read(tmp_path / "b.json", coco, class_names=("dog",), min_score=0.5)
    assert chosen.class_names == {1: "dog"}
    assert table(chosen) == ([(3, "dog", 9, 30, 2, 40, 22), (4, "dog", 9, 31, 2, 41, 22)], [(4, 50, 2, 60, 22)])


def test_coco_tracks_may_have_names(tmp_path, coco):
    for annotation, name in zip(coco["annotations"], ["a", "b", "c", "b", "d"], strict=True):
        annotation["track_id"] = name
    assert [row[2] for row in table(read(tmp_path / "a.json", coco))[0]] == [1, 2, 2, 4]


@pytest.mark.parametrize(
    ("image", "frame"),
    [
        ({"file_name": "frame_000003.PNG"}, 3),
        ({"file_name": "clip/7.jpg"}, 7),
        ({"file_name": "a.jpg", "frame_id": 2}, 2),
        ({"file_name": "x/000009.jpg", "frame": 0}, 0),
    ],
    ids=["CVAT's", "number", "frame_id", "frame"],
)
def test_frames_of_a_video_file_are_told_by_number(tmp_path, coco, image, frame):
    coco["images"] = [{"id": 11, **image}]
    coco["annotations"] = coco["annotations"][:1]
    assert list(read(tmp_path / "a.json", coco, video(from_file=True)).boxes) == [frame]


def test_one_coco_file_of_two_videos(tmp_path, coco):
    coco["images"][0]["file_name"], coco["images"][1]["file_name"] = "data/north/000003.jpg", "data/south/000004.jpg"
    north, south = read(tmp_path / "a.json", coco, video("north"), video("south"))
    assert (list(north.boxes), list(south.boxes)) == ([3], [4])
    assert north.class_names == south.class_names == {0: "cat", 17: "dog"}
    with pytest.raises(InputError, match=r"pictures in a folder 'west'.*`sequences="):
        read(tmp_path / "b.json", coco, video("north"), video("west"))


@pytest.mark.parametrize(
    ("perturb", "words"),
    [
        (
            lambda c: c["images"][0].update(file_name="000030.jpg"),
            "image 0: expected a frame of clip, found '000030.jpg'",
        ),
        (lambda c: c["images"][0].update(width=200), "frames' 100x60 pixels, found 200x60"),
        (lambda c: c["images"][1].update(id=11), "image 1: expected an id of its own"),
        (lambda c: c["annotations"][1].update(image_id=3), "annotation 1: expected an image_id"),
        (lambda c: c["annotations"][1].update(category_id=3), "annotation 1: expected a category_id"),
        (lambda c: c["annotations"][1].update(bbox=[1, 2, 0, 4]), "annotation 1: .*positive width"),
        (lambda c: c["annotations"][1].update(bbox=[1, 2, 3]), "annotation 1: .*4 finite numbers"),
        (
            lambda c: c["annotations"][1].update(track_id=1.5),
            "annotation 1: expected track_id, a whole number or a name",
        ),
        (lambda c: c["annotations"][1].update(track_id=5), "annotation 1: expected a track once on a frame"),
    ],
    ids=[
        "no such frame",
        "another size",
        "id twice",
        "image",
        "category",
        "no area",
        "three numbers",
        "track",
        "track twice",
    ],
)
def test_bad_coco_entries_are_named(tmp_path, coco, perturb, words):
    perturb(coco)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.json", coco)
