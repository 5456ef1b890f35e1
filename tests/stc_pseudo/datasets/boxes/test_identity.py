"""Whose boxes a file has: the video and the frame are known, or the file is refused."""

import json
from pathlib import Path

import pytest

from stc_pseudo.commands.dataset_flags import numbered_names
from stc_pseudo.datasets.base import FrameRange, VideoSequence
from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes
from stc_track.commands.convert import main as convert
from stc_track.io.errors import InputError

SIZE, T = (60, 100), 10


def video(name="clip", numbers=range(T), from_file=False, ending=".jpg"):
    return VideoSequence(
        name, SIZE, tuple(Path(f"{name}/{n:06d}{ending}") for n in numbers), tuple(numbers), from_file=from_file
    )


def frames(path, content, of=None, **source):
    """Frame numbers of the boxes, and the left edge of each."""
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    (found,) = with_boxes([of or video()], BoxSource(path, **source))
    return [(number, *(float(x) for x in boxes.xyxy[:, 0])) for number, boxes in found.boxes.items()]


def coco(*names, **keys):
    """A file of one box for each picture, at 1, 2, ..."""
    images = [
        {"id": k, "file_name": name, **{key: values[k] for key, values in keys.items() if key != "videos"}}
        for k, name in enumerate(names)
    ]
    boxes = [{"image_id": k, "category_id": 1, "bbox": [k + 1, 2, 10, 20]} for k in range(len(names))]
    more = {"videos": keys["videos"]} if "videos" in keys else {}
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]} | more


# --- COCO ---------------------------------------------------------------------------------------------------------


def test_two_pictures_of_one_name(tmp_path):
    with pytest.raises(
        InputError, match=r"image 1: expected one picture of frame 0 of 'clip', found a second .*image 0"
    ):
        frames(tmp_path / "a.json", coco("000000.jpg", "000000.jpg"))


@pytest.mark.parametrize(
    "names",
    [("a/000000.jpg", "b/000001.jpg"), ("a/000000.jpg", "000001.jpg")],
    ids=["two folders", "one without a folder"],
)
def test_folders_of_several_videos(tmp_path, names):
    with pytest.raises(InputError, match=r"a folder 'clip'.*found .*a.*\(`boxes_video=` names"):
        frames(tmp_path / "a.json", coco(*names))
    assert frames(tmp_path / "a.json", coco(*names), video_name="a") == [(0, 1)]
    assert frames(tmp_path / "a.json", coco(*names, "x/clip/000003.jpg")) == [(3, 3)]
    assert frames(tmp_path / "b.json", coco("a/000000.jpg", "a/000001.jpg")) == [(0, 1), (1, 2)]


def test_videos_that_are_listed(tmp_path):
    content = coco(
        "0.jpg", "0.jpg", video_id=[5, "x"], videos=[{"id": 5, "name": "other"}, {"id": "x", "name": "clip"}]
    )
    content["images"][1]["file_name"] = "000000.jpg"
    assert frames(tmp_path / "a.json", content) == [(0, 2)]
    with pytest.raises(InputError, match="`boxes_video="):
        frames(tmp_path / "a.json", content, video("third"))


ROBOFLOW = "clip_mp4-{:04d}_jpg.rf.0b5d6f3e9a7c4d1288e1f0a2b4c6d8e{}.jpg"


def test_numbers_in_front_of_a_hash(tmp_path):
    """Roboflow's names: the hash is none of the number, and of a video file they do not say which frames were taken."""
    names = [ROBOFLOW.format(5, 2), ROBOFLOW.format(7, 4)]
    with pytest.raises(InputError, match=r"Roboflow's names do not tell.*`boxes_frame_step="):
        frames(tmp_path / "a.json", coco(*names), video(from_file=True))
    assert frames(tmp_path / "a.json", coco(*names), video(from_file=True), frame_step=1) == [(5, 1), (7, 2)]
    names = ["000005_png.rf.0a1.jpg", "000007_jpg.rf.0b2.jpg"]
    assert frames(tmp_path / "b.json", coco(*names)) == [(5, 1), (7, 2)]
    with pytest.raises(InputError, match="one picture of frame 5"):  # an augmented copy
        frames(tmp_path / "b.json", coco(names[0], "000005_png.rf.0c3.jpg"))


@pytest.mark.parametrize("name", ["9c3f7a21.jpg", "3-a7f9c4.png", "x.jpg"])
def test_a_number_in_a_hash_is_no_frame(tmp_path, name):
    with pytest.raises(InputError, match="a name that ends with a frame's number"):
        frames(tmp_path / "a.json", coco(name), video(from_file=True))


def test_names_of_a_video_file_that_count_from_1(tmp_path):
    content = coco(*(f"frame_{k:06d}.png" for k in range(1, T + 1)))
    with pytest.raises(InputError, match=r"frame_000010\.png', that of frame 10 \(.*`boxes_first_frame="):
        frames(tmp_path / "a.json", content, video(from_file=True))
    found = frames(tmp_path / "a.json", content, video(from_file=True), first_frame=1)
    assert found == [(k, k + 1) for k in range(T)]


def test_an_id_in_front_of_the_name_of_an_uploaded_file(tmp_path):
    """Label Studio's names, with Windows' separators."""
    names = [r"..\..\media\upload\4\cb0618f6-000003.jpg", r"..\..\media\upload\4\1a2b3c4d-000005.jpg"]
    assert frames(tmp_path / "a.json", coco(*names)) == [(3, 1), (5, 2)]
    with pytest.raises(InputError, match="a frame of clip"):
        frames(tmp_path / "b.json", coco("xy-000003.jpg"))


def test_the_same_picture_with_another_ending(tmp_path):
    assert frames(tmp_path / "a.json", coco("000003.png")) == [(3, 1)]


def test_sizes_flags_and_ids_of_other_kinds(tmp_path):
    content = coco("000003.jpg", "000004.jpg", height=["60", None], width=[100.0, 100])
    content["images"][0]["id"] = content["annotations"][0]["image_id"] = "img-3"
    content["annotations"][1].update(iscrowd="0", score=None, track_id=2**60)
    content["annotations"][0].update(iscrowd=False, track_id="left")
    assert frames(tmp_path / "a.json", content) == [(3, 1), (4, 2)]
    content["annotations"][1]["iscrowd"] = "no one knows"
    with pytest.raises(InputError, match="annotation 1: expected iscrowd, 0 or 1"):
        frames(tmp_path / "a.json", content)


def test_converting_refuses_two_pictures_of_one_frame(tmp_path):
    from click.testing import CliRunner

    content = coco("s/0.png", "s/000000.png", height=[60, 60], width=[100, 100])
    for annotation in content["annotations"]:
        annotation.update(track_id=1, segmentation=[[0, 0, 9, 0, 9, 9]])
    (tmp_path / "a.json").write_text(json.dumps(content))
    done = CliRunner().invoke(convert, [str(tmp_path / "a.json"), "--to", "mots", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "a frame of its own in sequence s, found 0 a second time, as in image 0" in done.output


# --- MOT-Challenge ------------------------------------------------------------------------------------------------


def mot(*numbers):
    return "".join(f"{number},1,{number % 50 + 1},1,5,5,1,1,1\n" for number in numbers)


@pytest.mark.parametrize(
    ("numbers", "file", "found"),
    [
        (range(T), [1, 10], [0, 9]),
        (range(1, T + 1), [1, 10], [1, 10]),
        (range(301, 311), [301, 310], [301, 310]),
        (range(301, 311), [1, 10], [301, 310]),
        (range(0, 50, 5), [1, 10], [0, 45]),
        (range(0, 50, 5), [40, 45], [40, 45]),
    ],
    ids=["from 0", "from 1", "pictures' numbers", "counted", "every fifth, counted", "every fifth, named"],
)
def test_mot_frames_and_pictures(tmp_path, numbers, file, found):
    assert [row[0] for row in frames(tmp_path / "a.txt", mot(*file), video(numbers=numbers))] == found


def test_mot_frames_that_may_mean_two_pictures(tmp_path):
    gap = video(numbers=[1, 2, 3, 5, 6, 7])
    with pytest.raises(InputError, match=r"meant in one way only.*`boxes_first_frame=1`"):
        frames(tmp_path / "a.txt", mot(1, 5), gap)
    assert [row[0] for row in frames(tmp_path / "a.txt", mot(1, 5), gap, first_frame=1)] == [1, 6]
    assert [row[0] for row in frames(tmp_path / "a.txt", mot(1, 7), gap)] == [1, 7]


def test_a_class_of_the_files_own(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1,1,1,1,5,5,1,0,1\n1,2,9,1,5,5,1,-1,1\n1,3,20,1,5,5,1,8,1\n")
    (found,) = with_boxes([video()], BoxSource(path))
    assert found.class_names == {0: "class 0", 1: "pedestrian"}
    assert found.boxes[0].class_ids.tolist() == [0, 1]
    assert len(found.boxes[0].ignore) == 1
    (found,) = with_boxes([video()], BoxSource(path, class_names=numbered_names("0=goat")))
    assert (found.class_names, found.boxes[0].class_ids.tolist()) == ({0: "goat"}, [0])


@pytest.mark.parametrize(
    "text",
    ["a,a", "1=a,b", "0=a,0=b", ",a", ""],
    ids=["a name twice", "one numbered", "a number twice", "no first name", "nothing"],
)
def test_names_of_classes_that_say_too_little(text):
    with pytest.raises(InputError, match="--class-names: expected different names"):
        numbered_names(text)


# --- CVAT ---------------------------------------------------------------------------------------------------------


def box(frame, x, outside=0):
    return f'<box frame="{frame}" outside="{outside}" keyframe="1" xtl="{x}" ytl="10" xbr="{x + 20}" ybr="30"></box>'


def track(*boxes, **more):
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<track id="0" label="car"{extra}>{"".join(boxes)}</track>'


def picture(name, x, **more):
    extra = "".join(f' {key}="{value}"' for key, value in more.items())
    return f'<image id="0" name="{name}" width="100" height="60"{extra}>{box(0, x).replace("frame", "label")}</image>'


def task(number=1, name="clip", pixels=(100, 60), **more):
    fields = "".join(f"<{key}>{value}</{key}>" for key, value in more.items())
    size = f"<original_size><width>{pixels[0]}</width><height>{pixels[1]}</height></original_size>"
    return f"<task><id>{number}</id><name>{name}</name>{fields}{size}</task>"


LABELS = (
    "<labels><label><name>car</name><attributes><attribute><name>hue</name></attribute></attributes></label></labels>"
)


def cvat(meta, *body):
    body = "".join(body).replace('label="0"', 'label="car"')
    return f"<annotations><version>1.1</version><meta>{LABELS}{meta}</meta>{body}</annotations>"


def test_a_task_of_a_part_of_the_video(tmp_path):
    content = cvat(task(start_frame=2, stop_frame=5), track(box(2, 1), box(4, 5)))
    assert frames(tmp_path / "a.xml", content) == [(2, 1), (3, 3), (4, 5), (5, 5)]
    content = cvat(task(start_frame=1, stop_frame=9, frame_filter="step=4"), track(box(1, 1), box(9, 9, 1)))
    assert frames(tmp_path / "b.xml", content) == [(1, 1), (5, 1)]
    with pytest.raises(InputError, match=r"track 0, frame 3: expected frames 1 to 9, every 4\., found 3"):
        frames(tmp_path / "c.xml", content.replace('frame="1"', 'frame="3"'))
    with pytest.raises(InputError, match=r"a task of the video's 10 frames, found one up to frame 19.*`frames_range="):
        frames(tmp_path / "d.xml", cvat(task(start_frame=0, stop_frame=19), track(box(2, 1))))
    with pytest.raises(InputError, match="expected frame_filter, as step=5, found 'last'"):
        frames(tmp_path / "e.xml", cvat(task(frame_filter="last"), track(box(2, 1))))


@pytest.mark.parametrize("closing", [T, T + 5], ids=["at the end", "beyond the end"])
def test_a_box_that_only_ends_a_track_may_lie_past_the_video(tmp_path, closing):
    assert frames(tmp_path / "a.xml", cvat(task(), track(box(8, 1), box(closing, 1, 1)))) == [(8, 1), (9, 1)]
    with pytest.raises(InputError, match=f"frame {closing}: expected frames 0 to 9"):
        frames(tmp_path / "b.xml", cvat(task(), track(box(8, 1), box(closing, 1))))


def project(*tasks):
    return f"<project><id>1</id><name>p</name><tasks>{''.join(tasks)}</tasks></project>"


def test_a_project_of_several_tasks(tmp_path):
    both = project(task(11, "one", source="x/clip.mp4"), task(12, "yard", (50, 40)))
    body = track(box(0, 1), box(1, 1, 1), task_id=11), track(box(0, 50), task_id=12)
    assert frames(tmp_path / "a.xml", cvat(both, *body)) == [(0, 1)]
    with pytest.raises(InputError, match=r"one task 'third'.*11 'one', 12 'yard'.*`boxes_video="):
        frames(tmp_path / "a.xml", cvat(both, *body), video("third"))
    for name in ("one", "clip.mp4", "11"):
        assert frames(tmp_path / "a.xml", cvat(both, *body), video("third"), video_name=name) == [(0, 1)]
    with pytest.raises(
        InputError, match=r"track 0: expected task_id, that of one of the project's tasks, found 'none'"
    ):
        frames(tmp_path / "b.xml", cvat(both, track(box(0, 1))))
    pictures = picture("000000.jpg", 1, task_id=11), picture("000000.jpg", 50, task_id=12)
    assert frames(tmp_path / "c.xml", cvat(both, *pictures)) == [(0, 1)]


def test_tasks_of_one_subset_are_counted_on(tmp_path):
    """CVAT adds up start + step * size of a subset's tasks before."""
    first = task(1, "one", (9, 9), size=3, start_frame=2, frame_filter="step=4", subset="Train")
    other = task(2, "two", (9, 9), size=99, subset="Test")
    for tasks, offset in (((first, other), 0), ((other, first), 14)):
        meta = project(*tasks, task(3, size=T, subset="Train"))
        body = track(box(offset, 1), box(offset + 1, 1, 1), task_id=3, subset="Train")
        assert frames(tmp_path / "a.xml", cvat(meta, body)) == [(0, 1)]
    unknown = project(task(1, "one", (9, 9), size=3), task(3))
    with pytest.raises(InputError, match="the subset of each task"):
        frames(tmp_path / "b.xml", cvat(unknown, track(box(0, 1), task_id=3)))


def test_pictures_of_several_folders(tmp_path):
    body = picture("clip/000001.jpg", 1), picture("yard/000001.jpg", 50)
    assert frames(tmp_path / "a.xml", cvat(task(), *body)) == [(1, 1)]
    with pytest.raises(InputError, match=r"found clip, yard.*`boxes_video="):
        frames(tmp_path / "b.xml", cvat(task(), *body), video("third"))
    with pytest.raises(InputError, match="one picture of frame 1"):
        frames(tmp_path / "c.xml", cvat(task(), picture("000001.jpg", 1), picture("000001.jpg", 50)))


def test_tasks_that_no_meta_lists(tmp_path):
    with pytest.raises(InputError, match="one task_id, as no tasks are listed"):
        frames(tmp_path / "a.xml", cvat("", track(box(0, 1), task_id=1), track(box(0, 9), task_id=2)))


# --- A part of the frames -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.txt", mot(1, 10, 11, 40), id="MOT"),
        pytest.param("a.json", coco(*(f"{n:06d}.jpg" for n in (0, 9, 10, 39))), id="COCO"),
        pytest.param(
            "a.xml",
            cvat(task(start_frame=0, stop_frame=39), *(track(box(n, n), box(n + 1, n, 1)) for n in (0, 9, 39))),
            id="CVAT",
        ),
    ],
)
def test_boxes_past_the_frames_that_are_there(tmp_path, name, content):
    with pytest.raises(InputError):
        frames(tmp_path / name, content)
    found = frames(tmp_path / name, content, frame_range=FrameRange(0, T))
    assert [row[0] for row in found] == [0, 9]


def test_a_range_of_a_video():
    part = video().within(FrameRange(3, None))
    assert (part.numbers, part.frames[0].name, len(part)) == (tuple(range(3, T)), "000003.jpg", 7)
    assert video().within(None).numbers == video().within(FrameRange(0, 99)).numbers
    with pytest.raises(InputError, match=r"expected frames of 30:40, as `frames_range=` says, found 0 to 9"):
        video().within(FrameRange(30, 40))
