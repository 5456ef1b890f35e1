"""Boxes from COCO JSON, MOT-Challenge text and CVAT XML."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.source import BoxSource, recognise, with_boxes
from stc_track.io.errors import InputError

SIZE, T = (60, 100), 10


def video(name="clip", from_file=False):
    return VideoSequence(
        name, SIZE, tuple(Path(f"{name}/{t:06d}.jpg") for t in range(T)), tuple(range(T)), from_file=from_file
    )


def read(path, content, *videos, **source):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = with_boxes(list(videos) or [video()], BoxSource(path, **source))
    return found[0] if len(videos) < 2 else found


def table(sequence):
    """Every box as (frame, class's name, track, x1, y1, x2, y2), every ignore region as (frame, x1, y1, x2, y2)."""
    objects = [
        (number, sequence.class_names[int(c)], int(k), *map(float, box))
        for number, boxes in sequence.boxes.items()
        for box, c, k in zip(boxes.xyxy, boxes.class_ids, boxes.track_ids, strict=True)
    ]
    return objects, [(number, *map(float, box)) for number, boxes in sequence.boxes.items() for box in boxes.ignore]


# --- MOT-Challenge -----------------------------------------------------------------------------------------------


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


# --- COCO --------------------------------------------------------------------------------------------------------


@pytest.fixture
def coco():
    return {
        "images": [
            {"id": 11, "file_name": "000003.jpg", "width": 100, "height": 60},
            {"id": 12, "file_name": "000004.jpg"},
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 17, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 0, "bbox": [1.5, 2, 10, 20], "track_id": 5, "iscrowd": 0},
            {"id": 2, "image_id": 11, "category_id": 17, "bbox": [30, 2, 10, 20], "attributes": {"track_id": 9}},
            {"id": 3, "image_id": 12, "category_id": 17, "bbox": [50, 2, 10, 20], "iscrowd": 1, "score": 0.1},
            {"id": 4, "image_id": 12, "category_id": 17, "bbox": [31, 2, 10, 20], "instance_id": 9, "score": 0.6},
            {"id": 5, "image_id": 12, "category_id": 17, "bbox": [60, 2, 10, 20], "score": 0.4},
        ],
    }


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


# --- CVAT --------------------------------------------------------------------------------------------------------


def cvat(body, labels=("car", "dog"), size=(100, 60)):
    listed = "".join(f"<label><name>{name}</name><attributes></attributes></label>" for name in labels)
    return (
        f"<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version><meta><task><labels>{listed}"
        f"</labels><original_size><width>{size[0]}</width><height>{size[1]}</height></original_size></task></meta>"
        f"{body}</annotations>"
    )


def box(frame, x, outside=0, keyframe=1, **more):
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" xtl="{x}" ytl="10.00" '
        f'xbr="{x + 20}" ybr="30" z_order="0"{extra}><attribute name="a">b</attribute></box>'
    )


def test_cvat_tracks_move_between_key_frames(tmp_path):
    dog = box(1, 10) + box(4, 40) + box(6, 40, outside=1) + box(8, 60)
    body = (
        f'<track id="4" label="dog" source="manual">{dog}</track>'
        f'<track id="5" label="car">{box(2, 0)}{box(3, 5, keyframe=0)}{box(4, 6, outside=1)}</track>'
    )
    sequence = read(tmp_path / "a.xml", cvat(body))
    assert sequence.class_names == {1: "car", 2: "dog"}
    dogs = [(row[0], row[3]) for row in table(sequence)[0] if row[1] == "dog"]
    assert dogs == [(1, 10), (2, 20), (3, 30), (4, 40), (5, 40), (8, 60), (9, 60)]
    assert [row[3:] for row in table(sequence)[0] if row[1] == "car"] == [(0, 10, 20, 30), (5, 10, 25, 30)]
    assert {row[2] for row in table(sequence)[0]} == {1, 2}


def test_cvat_pictures(tmp_path):
    body = (
        f'<image id="0" name="clip/000002.jpg" width="100" height="60">{box(0, 1, label="dog")}'
        f'<polygon label="dog" points="1,2;3,4;5,6"></polygon></image>'
        f'<image id="1" name="other.jpg" width="100" height="60"></image>'
    )
    assert table(read(tmp_path / "a.xml", cvat(body)))[0] == [(2, "dog", 1, 1, 10, 21, 30)]


def test_cvat_turned_boxes_are_enclosed(tmp_path):
    found = table(read(tmp_path / "a.xml", cvat(f'<track id="0" label="car">{box(9, 40, rotation=90)}</track>')))[0]
    np.testing.assert_allclose(found[0][3:], [40, 10, 60, 30], atol=1e-4)
    found = table(read(tmp_path / "a.xml", cvat(f'<track id="0" label="car">{box(9, 40, rotation=45)}</track>')))[0]
    half = 10 * 2**0.5
    np.testing.assert_allclose(found[0][3:], [50 - half, 20 - half, 50 + half, 20 + half], atol=1e-4)


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9))
    + "]><annotations>&j;</annotations>"
)
LEAK = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><annotations>&a;</annotations>'


# --- What is wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "1,7,11,21,30\n", r"a\.txt:1: expected at least 6 columns"),
        ("a.txt", "1,7,11,21,30,20\n0,7,11,21,30,20\n", r"a\.txt:2: expected a frame, a whole number of at least 1"),
        (
            "a.txt",
            "11,7,11,21,30,20\n",
            r"a\.txt:1: expected a frame of the 10 there are, found the one at position 10",
        ),
        ("a.txt", "1,7,11,nan,30,20\n", r"a\.txt:1: expected y, a finite number, found 'nan'"),
        ("a.txt", "1,7,11,21,30,0\n", r"a\.txt:1: expected a box of positive width and height, found 30 0"),
        (
            "a.txt",
            "1,7,11,21,30,20\n1,7,1,2,3,4\n",
            r"a\.txt:2: expected a track once on a frame, found 7 a second time",
        ),
        ("a.txt", "", "at least one box of 'clip', found none"),
        ("a.txt", "1,7,11,21,30,20,0,1,1\n", "at least one box"),
        ("a.txt", "hello", "boxes in COCO JSON, MOT-Challenge or MOTS text, or CVAT XML"),
        ("a.json", "[1, 2]", "found a list, as of results .put it under `annotations`"),
        ("a.json", '{"images": [', "COCO annotation JSON"),
        ("a.json", '{"images": [], "categories": []}', "annotations, a JSON list"),
        ("a.xml", "<annotations><version>1.1</version>", r"a\.xml: expected CVAT's XML"),
        ("a.xml", "<html></html>", "<annotations> with tracks or images"),
        ("a.xml", LAUGHS, "without a document type declaration"),
        ("a.xml", LEAK, "without a document type declaration"),
        (
            "a.xml",
            cvat(f'<track id="0" label="cow">{box(0, 1)}</track>'),
            "track 0: .* a label of car, dog, found 'cow'",
        ),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(0, 1)}{box(0, 2)}</track>'),
            "track 0, frame 0: .*a second one",
        ),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(0, 1).replace("10.00", "inf")}</track>'),
            "ytl, a finite number",
        ),
        ("a.xml", cvat(f'<track id="0" label="car">{box(0, 1).replace("10.00", "30")}</track>'), "ytl < ybr"),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(10**8, 1)}</track>'),
            "frame 100000000: expected frames 0 to 9",
        ),
        ("a.xml", "<?xml version='1.0' encoding='utf-99'?><annotations/>", "found unknown encoding: utf-99"),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box("x", 1)}</track>'),
            "frame, a whole number of at least 0, found 'x'",
        ),
        ("a.xml", cvat("", size=(50, 30)), "frames' 100x60 pixels, found 50x30"),
        (
            "a.xml",
            cvat(f'<image name="9.jpg" width="100" height="60">{box(0, 1, label="car")}</image>'),
            "a frame of clip",
        ),
    ],
    ids=[
        "short line",
        "frame 0",
        "frame beyond",
        "NaN",
        "no area",
        "track twice",
        "empty",
        "nothing counts",
        "text",
        "list",
        "half JSON",
        "no annotations",
        "half XML",
        "HTML",
        "entities",
        "outer entity",
        "unknown label",
        "box twice",
        "infinite",
        "corners",
        "CVAT frame beyond",
        "encoding",
        "CVAT frame",
        "CVAT size",
        "CVAT name",
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path / name, content)


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


def test_a_folder_holds_a_file_a_video(tmp_path):
    (tmp_path / "b" / "gt").mkdir(parents=True)
    (tmp_path / "b/gt/gt.txt").write_text("1,1,1,1,10,10,1,3,1\n")
    (tmp_path / "a.txt").write_text("1,1,1,1,10,10,1,1,1\n")
    found = with_boxes([video("a"), video("b")], BoxSource(tmp_path))
    assert [row[1] for sequence in found for row in table(sequence)[0]] == ["pedestrian", "car"]
    assert found[0].class_names == found[1].class_names == {1: "pedestrian", 3: "car"}
    with pytest.raises(InputError, match=r"one file of boxes of 'c', found none of c\.json, c\.txt.*c/gt/gt\.txt"):
        with_boxes([video("c")], BoxSource(tmp_path))
    (tmp_path / "a.xml").write_text(cvat(""))
    with pytest.raises(InputError, match=r"one file of boxes of 'a', found a\.txt, a\.xml"):
        with_boxes([video("a")], BoxSource(tmp_path))
    with pytest.raises(InputError, match="a folder of a file a video, or a COCO file of all"):
        with_boxes([video("a"), video("b")], BoxSource(tmp_path / "a.txt"))


def test_files_must_number_classes_alike(tmp_path):
    for name, label in (("a", "car"), ("b", "dog")):
        (tmp_path / f"{name}.xml").write_text(cvat(f'<track id="0" label="{label}">{box(0, 1)}</track>', [label]))
    words = r"b\.xml: expected class 1 alone to be 'car', as before, found class 1 as 'dog' \(`class_names="
    with pytest.raises(InputError, match=words):
        with_boxes([video("a"), video("b")], BoxSource(tmp_path))
    found = with_boxes([video("a"), video("b")], BoxSource(tmp_path, class_names=("car", "dog")))
    assert [row[1] for sequence in found for row in table(sequence)[0]] == ["car"] * T + ["dog"] * T
    (tmp_path / "b.xml").write_text(cvat(f'<track id="0" label="car">{box(0, 1)}</track>', ["dog", "car"]))
    with pytest.raises(InputError, match=r"b\.xml: expected class 1 alone to be 'car'"):
        with_boxes([video("a"), video("b")], BoxSource(tmp_path))
    found = with_boxes([video("a"), video("b")], BoxSource(tmp_path, class_names=("dog", "car")))
    assert [row[1] for sequence in found for row in table(sequence)[0]] == ["car"] * 2 * T


def test_formats_are_told_by_content_not_by_name(tmp_path):
    for content, name in ((' \n{"a": 1}', "coco"), ("\ufeff<annotations/>", "cvat"), ("1,2,3", "mot"), ("", "mot")):
        (tmp_path / "boxes").write_text(content)
        assert recognise(tmp_path / "boxes") == name
    assert table(read(tmp_path / "boxes", "1,7,11,21,30,20\n", format_name="mot"))[0]


def test_what_stc_predict_wrote_are_boxes(tmp_path):
    """Frames by the pictures' numbers; the score leaves boxes out; each detection is an object of its own."""
    import cv2

    from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes
    from stc_pseudo.datasets.frames import read_video
    from stc_track.masks import rle as encoding

    for number in (3, 4):
        cv2.imwrite(str(tmp_path / f"{number:06d}.png"), np.zeros((12, 20, 3), np.uint8))
    mask = np.zeros((12, 20), bool)
    mask[2:9, 4:14] = True
    rle = encoding.encode(mask).decode()
    lines = [f"3 4 2 14.5 9 0.8 1 12 20 {rle}", f"3 0 0 5 5 0.2 1 12 20 {rle}", f"4 1 1 6 30 0.5 2 12 20 {rle}"]
    file = tmp_path / "boxes" / "video.txt"
    file.parent.mkdir()
    file.write_text("\n".join(lines) + "\n")
    video = read_video(tmp_path, "video", tmp_path)
    (found,) = with_boxes([video], BoxSource(file.parent, min_score=0.3))
    assert found.class_names == {1: "car", 2: "pedestrian"}
    assert found.boxes[3].xyxy.tolist() == [[4, 2, 14.5, 9]]
    assert found.boxes[4].xyxy.tolist() == [[1, 1, 6, 12]]  # cut off at the border
    assert found.boxes[4].class_ids.tolist() == [2]
    assert found.boxes[3].track_ids.tolist() != found.boxes[4].track_ids.tolist()

    file.write_text(f"3 1001 1 12 20 {rle}\n4 1001 1 12 20 {rle}\n4 10000 10 12 20 {rle}\n")  # tracks with masks
    (found,) = with_boxes([video], BoxSource(file))
    assert found.boxes[4].xyxy.tolist() == [[4, 2, 14, 9]]
    assert found.boxes[3].track_ids.tolist() == found.boxes[4].track_ids.tolist() == [1001]
    assert found.boxes[4].ignore.tolist() == [[4, 2, 14, 9]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("7 0 0 5 5 0.9 1 12 20 {rle}", "expected the number of a picture of 'video', found 7"),
        ("3 0 0 5 5 0.9 1 24 20 {rle}", "expected objects of the frames' 20x12 pixels, found 20x24"),
    ],
    ids=["no such frame", "another size"],
)
def test_detections_of_other_frames_are_refused(tmp_path, line, words):
    import cv2

    from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes
    from stc_pseudo.datasets.frames import read_video
    from stc_track.masks import rle as encoding

    cv2.imwrite(str(tmp_path / "000003.png"), np.zeros((12, 20, 3), np.uint8))
    height = int(line.split()[7])
    mask = np.zeros((height, 20), bool)
    mask[2:9, 4:14] = True
    file = tmp_path / "video.txt"
    file.write_text(line.format(rle=encoding.encode(mask).decode()) + "\n")
    with pytest.raises(InputError) as caught:
        with_boxes([read_video(tmp_path, "video", tmp_path)], BoxSource(file))
    assert words in str(caught.value)
