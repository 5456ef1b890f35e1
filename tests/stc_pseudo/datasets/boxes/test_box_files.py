"""Where boxes are: folders, contents, several videos, and what stc-predict wrote."""

import numpy as np
import pytest

from stc_pseudo.datasets.boxes.source import BoxSource, recognise, with_boxes
from stc_track.io.errors import InputError
from tests.stc_pseudo.datasets.boxes.conftest import T, box, cvat, read, table, video


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
