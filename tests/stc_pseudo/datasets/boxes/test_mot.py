"""Boxes in MOT-Challenge's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stc_track.io.errors import InputError
from tests.stc_pseudo.datasets.boxes.conftest import SIZE, T, read, table


@pytest.mark.parametrize(
    ("line", "objects", "ignored"),
    [
        ("1,7,11,21,30,20,1,1,0.5", [(0, "pedestrian", 7, 10, 20, 40, 40)], []),
        ("1,7,11,21,30,20", [(0, "pedestrian", 7, 10, 20, 40, 40)], []),
        ("1,7,11,21,30,20,0.9", [(0, "pedestrian", 7, 10, 20, 40, 40)], []),
        ("10,-1,11,21,30,20,0.3,-1,-1,-1", [(9, "pedestrian", 71, 10, 20, 40, 40)], []),
        ("2,3.0,11.5,21.25,30,20,1,3,1", [(1, "car", 3, 10.5, 20.25, 40.5, 40.25)], []),
        (" 2 , 3 , 11, 21 , 30 , 20 , 1 , 3 , 1 \r", [(1, "car", 3, 10, 20, 40, 40)], []),
        ("2 3 11 21 30 20 1 3 1", [(1, "car", 3, 10, 20, 40, 40)], []),
        ("1,7,-9,51,30,20,1,1,1", [(0, "pedestrian", 7, 0, 50, 20, 60)], []),
        ("1,8,11,21,30,20,0,1,1", [], [(0, 10, 20, 40, 40)]),
        ("1,8,11,21,30,20,1,8,1", [], [(0, 10, 20, 40, 40)]),
        ("1,8,101,21,30,20,1,1,1", [], []),
    ],
    ids=[
        "truth",
        "six columns",
        "seven columns",
        "detection",
        "fractions",
        "blanks and CRLF",
        "no commas",
        "cut at the border",
        "not counted",
        "distractor",
        "outside",
    ],
)
def test_mot_lines(tmp_path, line, objects, ignored):
    rest = "5,70,1,1,10,10,1,1,1"
    found, regions = table(read(tmp_path / "gt.txt", f"{line}\n\n{rest}\n"))
    assert [row for row in found if row[0] != 4] == objects
    assert regions == ignored


def test_mot_detections_are_objects_of_their_own_and_can_be_chosen(tmp_path):
    content = "1,-1,1,1,10,10,0.9,-1,-1,-1\n1,-1,20,1,10,10,0.2,-1,-1,-1\n2,-1,1,1,10,10,0.8,-1,-1,-1\n"
    assert [row[2] for row in table(read(tmp_path / "det.txt", content))[0]] == [1, 2, 3]
    chosen = read(tmp_path / "det.txt", content, min_score=0.5, class_names=("bird",))
    assert [row[:3] for row in table(chosen)[0]] == [(0, "bird", 1), (1, "bird", 2)]


def test_mot_classes_are_named_by_the_user_or_by_labels_txt(tmp_path):
    content = "1,1,1,1,10,10,1,1,1\n1,2,20,1,10,10,1,2,1\n1,3,40,1,10,10,1,8,1\n"
    assert read(tmp_path / "gt.txt", content).class_names == {1: "pedestrian", 2: "person on vehicle"}
    named = read(tmp_path / "gt.txt", content, class_names=("goat", "sheep"))
    assert named.class_names == {1: "goat", 2: "sheep"}
    assert [row[1] for row in table(named)[0]] == ["goat", "sheep"]  # class 8 has no name and does not count
    (tmp_path / "labels.txt").write_text("goat\nsheep\n")
    with pytest.raises(InputError, match=r"gt\.txt:3: expected a class of the 2 in labels\.txt, found 8"):
        read(tmp_path / "gt.txt", content)
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\ne\nf\ng\nh\n")
    assert [row[1] for row in table(read(tmp_path / "gt.txt", content))[0]] == ["a", "b", "h"]


BOXES = st.tuples(
    st.integers(0, T - 1), st.integers(-50, 120), st.integers(-50, 80), st.integers(1, 99), st.integers(1, 99)
)


@given(st.lists(BOXES, min_size=1, max_size=20, unique=True))
def test_mot_and_coco_say_the_same(tmp_path_factory, boxes):
    folder = tmp_path_factory.mktemp("boxes")
    mot = "".join(f"{t + 1},{k},{x + 1},{y + 1},{w},{h},1,1,1\n" for k, (t, x, y, w, h) in enumerate(boxes))
    coco = {
        "images": [{"id": t, "file_name": f"{t:06d}.jpg"} for t in range(T)],
        "categories": [{"id": 1, "name": "pedestrian"}],
        "annotations": [
            {"image_id": t, "category_id": 1, "bbox": [x, y, w, h], "track_id": k}
            for k, (t, x, y, w, h) in enumerate(boxes)
        ],
    }
    first, second = (table(read(folder / name, content)) for name, content in (("a.txt", mot), ("a.json", coco)))
    assert first == second
    inside = [(t, max(x, 0), max(y, 0), min(x + w, SIZE[1]), min(y + h, SIZE[0])) for t, x, y, w, h in boxes]
    assert sorted((row[0], *row[3:]) for row in first[0]) == sorted(
        row for row in inside if row[3] > row[1] and row[4] > row[2]
    )
