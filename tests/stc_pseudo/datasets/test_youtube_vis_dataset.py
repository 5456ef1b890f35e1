"""`--dataset ytvis`: boxes from YouTube-VIS JSON, and its masks as truth for `inspect`."""

import json
import shutil

import numpy as np
import pytest

from stc_pseudo.datasets.youtube_vis import read_youtube_vis
from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError
from stc_track.masks import rle

T = 3


def uncompressed(mask):
    return {"size": list(mask.shape), "counts": rle.run_lengths(rle.encode(mask), *mask.shape).tolist()}


def compressed(mask):
    return {"size": list(mask.shape), "counts": rle.encode(mask).decode()}


def bbox(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [float(columns[0]), float(rows[0]), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)]


@pytest.fixture
def ytvis(drawn, tmp_path):
    """The drawn sequence in YouTube-VIS's layout, with content to be changed: the car is not on the last frame."""
    root = tmp_path / "ytvis"
    shutil.copytree(drawn.root / "training/image_02/0000", root / "JPEGImages" / "0a5f")
    car, walker = drawn.masks().values()
    crowd = np.zeros(drawn.size, bool)
    crowd[2:9, 70:125] = True
    shown = {31: (10, car, [True, True, False]), 32: (3, walker, [True] * T), 33: (3, crowd, [True, False, True])}
    content = {
        "videos": [
            {
                "id": 5,
                "width": drawn.size[1],
                "height": drawn.size[0],
                "length": T,
                "file_names": [f"0a5f/{t:06d}.png" for t in range(T)],
            },
            {"id": 6, "width": 8, "height": 8, "length": 1, "file_names": ["empty/00000.jpg"]},
        ],
        "categories": [{"id": 3, "name": "person"}, {"id": 7, "name": "duck"}, {"id": 10, "name": "truck"}],
        "annotations": [
            {
                "id": number,
                "video_id": 5,
                "category_id": category,
                "iscrowd": int(number == 33),
                "segmentations": [uncompressed(mask) if there else None for there in seen],
                "bboxes": [bbox(mask) if there else None for there in seen],
            }
            for number, (category, mask, seen) in shown.items()
        ],
    }

    class YouTubeVis:
        def __init__(self):
            self.root, self.content = root, content

        def write(self, name="instances.json"):
            (root / name).write_text(json.dumps(content))
            return root

        def build(self, *more):
            for kind in ("depth", "flow"):
                shutil.copytree(drawn.root / "training" / kind / "0000", tmp_path / kind / "0a5f", dirs_exist_ok=True)
            return drawn.run(
                "build",
                "--dataset",
                "ytvis",
                "--root",
                root,
                "--out",
                tmp_path / "store",
                "--depth",
                "precomputed",
                "--depth-dir",
                tmp_path / "depth",
                "--flow",
                "precomputed",
                "--flow-dir",
                tmp_path / "flow",
                *more,
            )

    return YouTubeVis()


def polygons(mask):
    """Polygons around the columns' runs of a mask, one a row."""
    found = []
    for y in np.flatnonzero(mask.any(1)):
        x1, x2 = np.flatnonzero(mask[y])[[0, -1]] + [0, 1]
        found.append([int(v) for v in (x1, y, x2, y, x2, y + 1, x1, y + 1)])
    return found


@pytest.mark.parametrize("kind", ["boxes", "uncompressed", "compressed", "polygons"])
def test_boxes_classes_and_gaps(ytvis, drawn, kind):
    for annotation in ytvis.content["annotations"]:
        if kind != "boxes":
            del annotation["bboxes"]
        if kind in ("compressed", "polygons"):
            draw = compressed if kind == "compressed" else polygons
            annotation["segmentations"] = [
                segmentation
                and draw(rle.decode(rle.from_run_lengths(np.array(segmentation["counts"]), *drawn.size), *drawn.size))
                for segmentation in annotation["segmentations"]
            ]
    (video,) = read_youtube_vis(ytvis.write())
    assert (video.name, video.size, video.numbers) == ("0a5f", drawn.size, (0, 1, 2))
    assert video.class_names == {3: "person", 7: "duck", 10: "truck"}
    masks = drawn.masks()
    expected = [[x, y, x + w, y + h] for x, y, w, h in map(bbox, masks.values())]
    for t in range(T):
        boxes = video.boxes_at(t)
        here = slice(None) if t < 2 else slice(1, None)
        np.testing.assert_allclose(boxes.xyxy, expected[here], atol=1 if kind == "polygons" else 0)
        assert boxes.class_ids.tolist() == [10, 3][here]
        assert boxes.track_ids.tolist() == [31, 32][here]
        assert len(boxes.ignore) == (t != 1)


def test_from_json_to_the_export_and_the_truth(ytvis, drawn, tmp_path):
    ytvis.write()
    result = ytvis.build()
    assert result.exit_code == 0, result.output
    reader = StoreReader(str(tmp_path / "store"))
    assert reader.class_names == {3: "person", 7: "duck", 10: "truck"}
    result = drawn.run(
        "inspect",
        tmp_path / "store",
        "--truth",
        ytvis.root / "instances.json",
        "--min-area",
        100,
        "--json",
        tmp_path / "i.json",
    )
    assert result.exit_code == 0, result.output
    means = json.loads((tmp_path / "i.json").read_text())["mean_iou"]
    assert {name: row["instances"] for name, row in means.items()} == {"person": 3, "duck": 0, "truck": 2, "all": 5}
    assert means["truck"]["pseudo_mask"] > 0.93
    assert drawn.run("export", tmp_path / "store", "--out", tmp_path / "coco.json").exit_code == 0
    exported = json.loads((tmp_path / "coco.json").read_text())
    assert exported["categories"] == ytvis.content["categories"]
    assert {(a["category_id"], a["track_id"]) for a in exported["annotations"]} == {(10, 31), (3, 32)}


def test_without_annotations_there_are_frames(ytvis):
    del ytvis.content["annotations"]
    ytvis.content["videos"].pop()
    (video,) = read_youtube_vis(ytvis.write(), boxes=False)
    assert len(video) == T
    with pytest.raises(InputError, match="videos with annotations, found none"):
        read_youtube_vis(ytvis.root)


@pytest.mark.parametrize("layout", ["split folder", "file elsewhere"])
def test_other_places(ytvis, layout, tmp_path):
    if layout == "split folder":
        root = ytvis.write("train.json")
        (root / "train").mkdir()
        (root / "JPEGImages").rename(root / "train/JPEGImages")
        assert len(read_youtube_vis(root)) == 1
    else:
        ytvis.write("../other.json")
        ytvis.write("a.json")
        ytvis.write("b.json")
        assert len(read_youtube_vis(ytvis.root, annotations=tmp_path / "other.json")) == 1
        with pytest.raises(
            InputError,
            match=r"one JSON file, found a\.json, b\.json \(keep one there; `stc-pseudo build --boxes` names",
        ):
            read_youtube_vis(ytvis.root)


@pytest.mark.parametrize(
    ("perturb", "words"),
    [
        (lambda c: c["annotations"][0]["bboxes"].pop(), "annotation 0: .*each of 3 frames, found 2"),
        (lambda c: c["annotations"][0]["bboxes"].__setitem__(0, [1, 2, None, 4]), "annotation 0, frame 0: .*finite"),
        (lambda c: c["annotations"][0].update(category_id=4), "annotation 0: expected a category_id"),
        (
            lambda c: c["annotations"][0].update(video_id="left"),
            "annotation 0: expected a video_id of the videos, found",
        ),
        (lambda c: [c["annotations"][0].pop(key) for key in ("bboxes", "segmentations")], "bboxes or segmentations"),
        (
            lambda c: (c["annotations"][0].pop("bboxes"), c["annotations"][0]["segmentations"][0].update(size=[4, 4])),
            "annotation 0, frame 0: expected 66 x 130",
        ),
        (lambda c: c["videos"][0].update(file_names=["../../etc/0.jpg"] * T), "folder/00000.jpg"),
        (lambda c: c["videos"][0].update(file_names=["/etc/0.jpg"] * T), "folder/00000.jpg"),
        (lambda c: c["videos"][0]["file_names"].__setitem__(1, "0b/000001.png"), "all of one folder"),
        (lambda c: c["videos"][0]["file_names"].__setitem__(2, "0a5f/9.png"), r"9\.png: expected a frame of the video"),
        (
            lambda c: c["videos"][0]["file_names"].__setitem__(0, "0a5f/9.png"),
            r"9\.png: expected the first video's first",
        ),
        (lambda c: c["videos"][1].update(id=[]), "video 1: expected id"),
        (lambda c: c["videos"][1].update(file_names=["0a5f/000000.png"]), "video 1: .*'0a5f' a second time"),
        (lambda c: c["videos"][0].update(height=0), "video 0: expected a video of 1 to"),
        (lambda c: c.pop("categories"), "categories"),
        (lambda c: c.update(videos={}), "videos"),
    ],
    ids=[
        "a frame less",
        "not a number",
        "unknown category",
        "no number",
        "nothing",
        "another size",
        "climbing",
        "absolute",
        "two folders",
        "no frame",
        "no first frame",
        "id",
        "folder twice",
        "height 0",
        "no categories",
        "no videos",
    ],
)
def test_bad_content_is_named(ytvis, perturb, words):
    perturb(ytvis.content)
    with pytest.raises(InputError, match=words):
        read_youtube_vis(ytvis.write(), ["0a5f"])


def test_bad_files_and_names(ytvis, tmp_path):
    (ytvis.root / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json: expected YouTube-VIS JSON"):
        read_youtube_vis(ytvis.root)
    (ytvis.root / "a.json").unlink()
    with pytest.raises(InputError, match="one JSON file, found none"):
        read_youtube_vis(ytvis.root)
    with pytest.raises(InputError, match="`root=` names the data set"):
        read_youtube_vis(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"a video in a folder '0b'.*`sequences="):
        read_youtube_vis(ytvis.write(), ["0b"])


def test_a_frame_of_another_size_is_refused_by_build(ytvis):
    ytvis.content["videos"][0].update(height=64)
    ytvis.write()
    result = ytvis.build()
    assert result.exit_code == 2
    assert "130x64 pixels" in result.output
