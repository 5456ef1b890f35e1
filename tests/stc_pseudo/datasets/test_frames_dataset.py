"""`--frames`: video files and folders of frames, with boxes in three formats, through `build`, `inspect`, `export`."""

import json
import shutil

import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.frames import read_frames
from stc_pseudo.datasets.images import list_frames, read_frame
from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError


def picture(path, size=(12, 16), value=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), value, np.uint8))


def write_video(path, frames):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def tight(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [int(v) for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]


class Clip:
    """The drawn sequence as a folder of frames named `0000`, its exact maps, and its boxes in any format."""

    def __init__(self, drawn, folder):
        self.drawn, self.folder, self.frames = drawn, folder, drawn.root / "training/image_02/0000"
        self.store = folder / "store"
        self.boxes = {1: tight(drawn.masks()[2001]), 3: tight(drawn.masks()[1001])}  # MOT's pedestrian and car
        self.count = len(list(self.frames.iterdir()))

    def write_boxes(self, kind):
        names = {1: "pedestrian", 3: "car"}
        path = self.folder / f"boxes.{kind}"
        if kind == "mot":
            path.write_text(
                "".join(
                    f"{t + 1},{k},{x1 + 1},{y1 + 1},{x2 - x1},{y2 - y1},1,{k},1\n"
                    for t in range(self.count)
                    for k, (x1, y1, x2, y2) in self.boxes.items()
                )
            )
        elif kind == "coco":
            path.write_text(
                json.dumps(
                    {
                        "images": [
                            {"id": t, "file_name": f"{t:06d}.png", "height": 66, "width": 130}
                            for t in range(self.count)
                        ],
                        "categories": [{"id": number, "name": name} for number, name in names.items()],
                        "annotations": [
                            {
                                "id": 10 * t + k,
                                "image_id": t,
                                "category_id": k,
                                "track_id": k,
                                "bbox": [x1, y1, x2 - x1, y2 - y1],
                            }
                            for t in range(self.count)
                            for k, (x1, y1, x2, y2) in self.boxes.items()
                        ],
                    }
                )
            )
        else:
            labels = "".join(f"<label><name>{name}</name></label>" for name in ("pedestrian", "bird", "car"))
            tracks = "".join(
                f'<track id="{k}" label="{names[k]}"><box frame="0" outside="0" keyframe="1" xtl="{x1}" '
                f'ytl="{y1}" xbr="{x2}" ybr="{y2}"/></track>'
                for k, (x1, y1, x2, y2) in self.boxes.items()
            )
            path.write_text(f"<annotations><meta><task><labels>{labels}</labels></task></meta>{tracks}</annotations>")
        return path

    def build(self, frames, boxes, *more):
        training = self.drawn.root / "training"
        return self.drawn.run(
            "build",
            "--frames",
            frames,
            "--boxes",
            boxes,
            "--root",
            self.folder / "unpacked",
            "--out",
            self.store,
            "--depth",
            "precomputed",
            "--depth-dir",
            training / "depth",
            "--flow",
            "precomputed",
            "--flow-dir",
            training / "flow",
            *more,
        )


@pytest.fixture
def clip(drawn, tmp_path):
    return Clip(drawn, tmp_path)


@pytest.mark.parametrize("kind", ["mot", "coco", "cvat"])
def test_three_formats_give_one_store(clip, kind):
    result = clip.build(clip.frames, clip.write_boxes(kind))
    assert result.exit_code == 0, result.output
    reader = StoreReader(str(clip.store))
    assert (reader.dataset, reader.sequences) == ("frames", ("0000",))
    expected = {1: "pedestrian", 3: "car"}
    assert reader.class_names == (expected | {2: "bird"} if kind == "cvat" else expected)
    sequence = reader.sequence("0000")
    assert [sequence.frame_path(t) for t in range(3)] == sorted(clip.frames.iterdir())
    for t in range(3):
        boxes = sequence.boxes_at(t)
        assert dict(zip(boxes.class_ids.tolist(), boxes.xyxy.tolist(), strict=True)) == clip.boxes
        assert sequence.read("instances", t).max() == 2


def test_classes_reach_truth_and_export(clip, drawn, tmp_path):
    clip.build(clip.frames, clip.write_boxes("mot"), "--class-names", "pedestrian,wheel,car")
    assert StoreReader(str(clip.store)).class_names == {1: "pedestrian", 2: "wheel", 3: "car"}
    assert drawn.run("export", clip.store, "--out", tmp_path / "coco.json").exit_code == 0
    exported = json.loads((tmp_path / "coco.json").read_text())
    assert [category["name"] for category in exported["categories"]] == ["pedestrian", "wheel", "car"]
    assert {a["category_id"] for a in exported["annotations"]} == {1, 3}
    # What was exported are boxes again: the pseudo-masks' own.
    again = clip.build(clip.frames, tmp_path / "coco.json", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    assert StoreReader(str(tmp_path / "again")).class_names == {1: "pedestrian", 2: "wheel", 3: "car"}


def test_a_video_file_becomes_frames(clip, tmp_path):
    write_video(tmp_path / "0000.mp4", [read_frame(path) for path in list_frames(clip.frames)])
    result = clip.build(tmp_path / "0000.mp4", clip.write_boxes("cvat"))
    assert result.exit_code == 0, result.output
    sequence = StoreReader(str(clip.store)).sequence("0000")
    assert [sequence.frame_path(t) for t in range(3)] == [tmp_path / f"unpacked/0000/{t:06d}.jpg" for t in range(3)]
    assert sequence.record["frames"] == [f"0000/{t:06d}.jpg" for t in range(3)]
    assert sequence.read("instances", 2).max() == 2
    before = {path: path.stat().st_mtime_ns for path in clip.store.rglob("*") if path.is_file()}
    assert clip.build(tmp_path / "0000.mp4", clip.write_boxes("cvat")).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in clip.store.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["train-depth", "train-flow"])
def test_networks_learn_from_a_video_file(drawn, tmp_path, command):
    noise = np.random.default_rng(0).integers(0, 256, (64, 140, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    write_video(tmp_path / "a.mp4", [np.ascontiguousarray(scene[:, 12 - 4 * t : 140 - 4 * t]) for t in range(4)])
    result = drawn.run(
        command,
        "--frames",
        tmp_path / "a.mp4",
        "--root",
        tmp_path / "unpacked",
        "--out",
        tmp_path / "a.pth",
        "--height",
        64,
        "--width",
        128,
        "--steps",
        1,
        "--batch-size",
        1,
        "--no-log",
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.pth").is_file()
    assert len(list((tmp_path / "unpacked/a").glob("*.jpg"))) == 4


def test_two_videos_with_a_folder_of_boxes(clip, drawn, tmp_path):
    drawn.write("0001")
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    shutil.copy(clip.write_boxes("mot"), boxes / "0000.txt")
    shutil.copy(clip.write_boxes("coco"), boxes / "0001.json")
    result = clip.build(clip.frames.parent, boxes)
    assert result.exit_code == 0, result.output
    assert StoreReader(str(clip.store)).sequences == ("0000", "0001")
    shutil.rmtree(clip.store)
    assert clip.build(clip.frames.parent, boxes, "--sequences", "0001").exit_code == 0
    assert StoreReader(str(clip.store)).sequences == ("0001",)


def test_a_store_keeps_its_classes(clip, drawn):
    """Class 3 of a complete sequence must not become another class by a later build."""
    assert clip.build(clip.frames, clip.write_boxes("mot")).exit_code == 0
    drawn.write("0001")
    second = clip.frames.with_name("0001")
    result = clip.build(second, clip.write_boxes("mot"), "--class-names", "pedestrian,wheel,lorry")
    assert result.exit_code == 2
    assert "class 3 to be 'car', as in its sequences, found 'lorry' (choose another --out)" in result.output
    assert clip.build(second, clip.write_boxes("mot"), "--class-names", "pedestrian,wheel,car").exit_code == 0
    assert StoreReader(str(clip.store)).class_names == {1: "pedestrian", 2: "wheel", 3: "car"}


def test_frames_of_one_size_and_numbers_in_order(tmp_path):
    for k in (10, 9, 2, 1):
        picture(tmp_path / "walk" / f"shot {k}.png", value=k)
    (walk,) = read_frames([tmp_path / "walk"], tmp_path)
    assert [read_frame(path)[0, 0, 0] for path in walk.frames] == [1, 2, 9, 10]
    assert (walk.name, walk.numbers) == ("walk", (0, 1, 2, 3))
    for k in (5, 7, 11):
        picture(tmp_path / "numbered" / f"{k}.jpg")
    assert read_frames([tmp_path / "numbered"], tmp_path)[0].numbers == (5, 7, 11)
    for k in (1294886360123, 1294886360456):
        picture(tmp_path / "times" / f"{k}.jpg")
    assert read_frames([tmp_path / "times"], tmp_path)[0].numbers == (0, 1)


def test_raw_nyu_folders_are_their_colour_frames(tmp_path):
    for name in ("r-1294886360.208451-2996770081.ppm", "r-1294886360.008451-99.ppm", "d-1294886360.1-2.pgm"):
        picture(tmp_path / "bath_0001" / name, value=int(name[-5]))
    (tmp_path / "bath_0001/a-1294886360.dump").write_bytes(b"")
    (video,) = read_frames([tmp_path], tmp_path)
    assert [read_frame(path)[0, 0, 0] for path in video.frames] == [9, 1]


def test_videos_are_found_and_named(tmp_path):
    for name in ("MOT-02/img1", "a b", "C#", "d..e", ".hidden"):
        picture(tmp_path / "all" / name / "000001.png")
    (tmp_path / "all/notes").mkdir()
    assert [video.name for video in read_frames([tmp_path / "all"], tmp_path)] == ["C_", "MOT-02", "a b", "d_.e"]
    for path in ("all/MOT-02/img1", "all/MOT-02"):
        assert [video.name for video in read_frames([tmp_path / path], tmp_path)] == ["MOT-02"]
    assert [video.name for video in read_frames([tmp_path / "all"], tmp_path, ["a b"])] == ["a b"]
    (tmp_path / "link").symlink_to(tmp_path / "all/a b")
    assert [video.name for video in read_frames([tmp_path / "link"], tmp_path)] == ["link"]


@pytest.mark.parametrize(
    ("make", "path", "words"),
    [
        (lambda root: None, "nowhere", "a folder of frames, or a video file, found nothing there"),
        (lambda root: (root / "x/y").mkdir(parents=True), "x", "found none"),
        (lambda root: picture(root / "x/1.png"), "x/1.png", "found a picture"),
        (lambda root: [picture(root / "x" / name) for name in ("1.png", "1.jpg")], "x", "two of the same number"),
        (
            lambda root: [picture(root / "x" / name / "1.png") for name in ("a#", "a!")],
            "x",
            "different names, found 'a_'",
        ),
        (lambda root: (root / "x.mp4").write_text("no video"), "x.mp4", "video file that decodes"),
    ],
    ids=["nothing", "empty folders", "a picture", "PNG and JPEG", "one name", "no video"],
)
def test_what_is_no_video_is_named(tmp_path, make, path, words):
    make(tmp_path)
    with pytest.raises(InputError, match=words):
        read_frames([tmp_path / path], tmp_path / "unpacked")


def test_a_sequence_that_is_not_there(tmp_path):
    picture(tmp_path / "x/1.png")
    with pytest.raises(InputError, match="video 'y', found x"):
        read_frames([tmp_path / "x"], tmp_path, ["y"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--boxes", "b.txt"], "--dataset: expected kitti or demo or ytvis or frames, found none"),
        (["--dataset", "frames", "--boxes", "b.txt"], "(--frames names it)"),
        (["--frames", "x"], "(--boxes names it)"),
        (["--dataset", "kitti", "--frames", "x"], "--frames: expected --dataset frames or none, found --dataset kitti"),
        (["--dataset", "kitti", "--boxes", "b.txt"], "--boxes: expected instances or labels, found 'b.txt'"),
        (["--dataset", "kitti", "--class-names", "a"], "--class-names: expected --dataset frames"),
        (["--dataset", "ytvis", "--min-score", "0.5"], "--min-score: expected --dataset frames"),
        (["--frames", "x", "--boxes", "b.txt", "--class-names", "a,,b"], "different names with commas between"),
        (["--frames", "x", "--boxes", "nowhere.txt"], "nowhere.txt: expected a file of boxes"),
    ],
    ids=[
        "no data set",
        "no frames",
        "no boxes",
        "frames and kitti",
        "a file for kitti",
        "names for kitti",
        "score for ytvis",
        "empty name",
        "absent boxes",
    ],
)
def test_flags_that_contradict(drawn, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "x/1.png")
    (tmp_path / "b.txt").write_text("1,1,1,1,5,5\n")
    result = drawn.run("build", *arguments)
    assert result.exit_code == 2
    assert words in result.output.replace("\n", " ")
