"""What is exported, read back by the tools that others use: each mask must come out as it went in."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stc_track.commands.convert import main
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.masks import rle

SIZE = HEIGHT, WIDTH = 60, 80


def blob(x, y, across, down):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    return ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1


def masks():
    """By frame and track: a car with a hole, and a pedestrian of two parts."""
    for t in range(3):
        yield (t, 1001), blob(20 + 5 * t, 25, 14, 9) & ~blob(20 + 5 * t, 25, 4, 3)
        if t != 1:
            yield (t, 2003), blob(60, 20, 6, 5) | blob(62, 45, 5, 8)


@pytest.fixture
def folder(tmp_path):
    objects = [MotsObject(t, track, track // 1000, *SIZE, rle.encode(mask)) for (t, track), mask in masks()]
    write_mots(tmp_path / "in" / "0007.txt", objects)
    for t in range(3):
        for place in ("frames", "out/images"):
            (tmp_path / place / "0007").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / place / "0007" / f"{t:06d}.png")
    return tmp_path


def export(folder, kind, out):
    options = ["--to", kind, "--out", str(out), "--frames", str(folder / "frames")]
    done = CliRunner().invoke(main, [str(folder / "in"), *options])
    assert done.exit_code == 0, done.output or done.exception


def compare(found):
    expected = dict(masks())
    assert found.keys() == expected.keys()
    for key, mask in expected.items():
        np.testing.assert_array_equal(found[key], mask, err_msg=str(key))


def test_pycocotools(folder):
    from pycocotools.coco import COCO

    export(folder, "coco", folder / "out.json")
    coco = COCO(folder / "out.json")
    frames = {image["id"]: image["frame"] for image in coco.imgs.values()}
    assert sorted(frames.values()) == [0, 1, 2]
    compare({(frames[a["image_id"]], a["track_id"]): coco.annToMask(a).astype(bool) for a in coco.anns.values()})


def test_trackeval(folder):
    """It reads our MOTS text as its own truth; read as a result as well, everything is found."""
    trackeval = pytest.importorskip("trackeval", reason="TrackEval (extra `eval`) is not installed")
    export(folder, "mots", folder / "eval" / "data")
    dataset = trackeval.datasets.KittiMOTS(
        trackeval.datasets.KittiMOTS.get_default_dataset_config()
        | {
            "GT_FOLDER": str(folder / "eval"),
            "GT_LOC_FORMAT": "{gt_folder}/data/{seq}.txt",
            "TRACKERS_FOLDER": str(folder),
            "TRACKERS_TO_EVAL": ["eval"],
            "SEQ_INFO": {"0007": 3},
            "SPLIT_TO_EVAL": "val",
            "PRINT_CONFIG": False,
        }
    )
    raw = dataset.get_raw_seq_data("eval", "0007")
    for name in ("car", "pedestrian"):
        data = dataset.get_preprocessed_seq_data(raw, name)
        result = trackeval.metrics.HOTA().eval_sequence(data)
        assert result["HOTA"].mean() == 1
        assert data["num_gt_dets"] == (3 if name == "car" else 2)


def test_trackeval_youtube_vis(folder):
    trackeval = pytest.importorskip("trackeval", reason="TrackEval (extra `eval`) is not installed")
    truth, results = (folder / f"{name}youtube_vis_train" for name in ("gt", "results"))  # names that it makes up
    export(folder, "ytvis", truth / "gt.json")
    export(folder, "ytvis-results", results / "ours" / "data" / "results.json")
    dataset = trackeval.datasets.YouTubeVIS(
        trackeval.datasets.YouTubeVIS.get_default_dataset_config()
        | {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "results"),
            "TRACKERS_TO_EVAL": ["ours"],
            "SPLIT_TO_EVAL": "train",
            "PRINT_CONFIG": False,
        }
    )
    raw = dataset.get_raw_seq_data("ours", dataset.seq_list[0])
    data = dataset.get_preprocessed_seq_data(raw, "car")
    assert [len(ids) for ids in data["gt_ids"]] == [len(ids) for ids in data["tracker_ids"]] == [1, 1, 1]
    assert all(similarity.tolist() == [[1]] for similarity in data["similarity_scores"])


def test_datumaro(folder):
    datumaro = pytest.importorskip("datumaro", reason="datumaro is not installed: pip install datumaro")
    export(folder, "datumaro", folder / "out")
    dataset = datumaro.Dataset.import_from(str(folder / "out"), "datumaro")
    names = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    found = {}
    for item in dataset:
        assert item.media.data is not None  # the frames lie where it looks for them
        for annotation in item.annotations:
            assert names[annotation.label] == {1: "car", 2: "pedestrian"}[annotation.attributes["track_id"] // 1000]
            found[int(item.id.split("/")[1]), annotation.attributes["track_id"]] = annotation.image.astype(bool)
    compare(found)
    assert len(dataset) == 3


def test_supervision_reads_yolo(folder):
    """Parts are joined by a line one pixel wide: all but a few pixels come out as they went in."""
    supervision = pytest.importorskip("supervision", reason="supervision is not installed: pip install supervision")
    export(folder, "yolo", folder / "out")
    dataset = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(folder / "out/images/0007"),
        annotations_directory_path=str(folder / "out/labels/0007"),
        data_yaml_path=str(folder / "out/data.yaml"),
        force_masks=True,
    )
    assert dataset.classes == ["car", "pedestrian"]
    expected = dict(masks())
    for path, _, detections in dataset:
        t = int(path[-10:-4])
        assert len(detections) == (1 if t == 1 else 2)
        for mask, class_id in zip(detections.mask, detections.class_id, strict=True):
            true = expected[t, (1001, 2003)[class_id]]
            assert (mask & true).sum() == true.sum()
            assert (mask & ~true).sum() < HEIGHT // 2  # the line between the parts


def test_the_tools_of_bdd100k(folder):
    bitmask = pytest.importorskip("bdd100k.common.bitmask", reason="bdd100k is not installed: pip install bdd100k")
    export(folder, "bdd100k", folder / "out")
    found = {}
    for t, path in enumerate(sorted((folder / "out" / "0007").glob("*.png"))):
        labels, ids, attributes, categories = bitmask.parse_bitmask(np.asarray(Image.open(path)))
        assert not attributes.any()
        assert categories.tolist() == [{1: 3, 2: 1}[track // 1000] for track in ids.tolist()]
        found |= {(t, track): labels == k for k, track in enumerate(ids.tolist(), 1)}
    compare(found)


def test_datumaro_reads_cvat(folder):
    """It knows no masks of CVAT, but polygons, labels and frames."""
    datumaro = pytest.importorskip("datumaro", reason="datumaro is not installed: pip install datumaro")
    export(folder, "cvat-polygons", folder / "out")
    dataset = datumaro.Dataset.import_from(str(folder / "out" / "0007.xml"), "cvat")
    shown = [
        annotation for item in dataset for annotation in item.annotations if not annotation.attributes.get("outside")
    ]
    assert {annotation.type.name for annotation in shown} == {"polygon"}
    assert len(shown) == len(dict(masks()))
