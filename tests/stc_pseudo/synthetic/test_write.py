"""The synthetic video on disk: KITTI MOTS's layout, whole sequences, reruns and refusals."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.depth_maps import read_depth
from stc_pseudo.datasets.flow_maps import read_kitti_flow
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.datasets.kitti import read_kitti
from stc_pseudo.synthetic import render_dataset
from stc_pseudo.synthetic.camera import Camera
from stc_pseudo.synthetic.layout import make_scene
from stc_pseudo.synthetic.rasteriser import Stage
from stc_pseudo.synthetic.render import render_frame
from stc_pseudo.synthetic.write import encode_depth
from stc_track.formats.mots import read_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = (96, 320)
SETTINGS = {"sequences": 2, "frames": 2, "size": SIZE, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return render_dataset(tmp_path_factory.mktemp("demo") / "data", **SETTINGS)


@pytest.fixture(scope="module")
def frame():
    """Frame 1 of sequence 0, as it was before it was written."""
    stage = Stage(make_scene(SETTINGS["seed"], 0, 0.2))
    return render_frame(stage, Camera.for_size(SIZE), 1, noise=np.random.default_rng((SETTINGS["seed"], 0, 1)))


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_pictures_round_trip(root, frame):
    training = root / "training"
    np.testing.assert_array_equal(read_frame(training / "image_02/0000/000001.png"), frame.image)
    np.testing.assert_array_equal(read_frame(training / "image_03/0000/000001.png"), frame.right)


def test_depth_round_trips(root, frame):
    depth = read_depth(root / "training/depth/0000/000001.png")
    known = np.isfinite(frame.depth) & (frame.depth < 255)
    assert (depth[np.isinf(frame.depth)] > 255).all()
    np.testing.assert_allclose(depth[known], frame.depth[known], atol=0.5 / 256 + 1e-6)


def test_flow_round_trips_and_the_last_frame_has_it(root, frame):
    flow = read_kitti_flow(root / "training/flow/0000/000001.png")
    known = np.isfinite(flow)
    assert known.mean() > 0.99
    np.testing.assert_allclose(flow[known], frame.flow[known], atol=0.5 / 64 + 1e-4)
    raw = cv2.imread(str(root / "training/flow/0000/000001.png"), cv2.IMREAD_UNCHANGED)
    assert raw.dtype == np.uint16
    assert set(np.unique(raw[..., 0]).tolist()) <= {0, 1}  # OpenCV's blue: valid


@pytest.mark.parametrize(
    ("metres", "stored"),
    [(np.inf, 65535), (1.0, 256), (255.99, 65533), (300.0, 65535), (0.004, 1)],
    ids=["sky", "metre", "far", "too far", "near"],
)
def test_depth_encoding(metres, stored):
    assert encode_depth(np.full((1, 1), metres, np.float32)).item() == stored


def test_masks_are_disjoint_and_are_the_instances(root, frame):
    objects = read_mots(root / "instances_txt/0000.txt")[1]
    masks = {o.track_id: rle.decode(o.counts, o.height, o.width).astype(bool) for o in objects}
    assert masks
    assert sum(mask.astype(int) for mask in masks.values()).max() == 1
    for object_id, count in zip(*np.unique(frame.instances, return_counts=True), strict=True):
        if object_id and count >= 10:
            np.testing.assert_array_equal(masks[object_id], frame.instances == object_id)
        else:
            assert object_id not in masks
    assert all(o.class_id == o.track_id // 1000 for o in objects)


def test_both_kinds_of_boxes_are_read_and_agree(root):
    tight, labels = (read_kitti(root, None, boxes) for boxes in ("instances", "labels"))
    assert [video.name for video in tight] == ["0000", "0001"]
    for by_mask, by_label in zip(tight, labels, strict=True):
        assert by_mask.calibration.baseline == pytest.approx(0.54)
        assert by_mask.calibration.focal_x == pytest.approx(721.5377 * SIZE[1] / 1242)
        assert len(by_mask.right) == len(by_mask) == 2
        for index in range(2):
            inner = dict(zip(by_mask.boxes_at(index).track_ids, by_mask.boxes_at(index).xyxy, strict=True))
            outer = dict(zip(by_label.boxes_at(index).track_ids, by_label.boxes_at(index).xyxy, strict=True))
            assert inner.keys() == outer.keys()
            for track, box in inner.items():
                assert (outer[track][:2] <= box[:2]).all()
                assert (outer[track][2:] >= box[2:]).all()


def test_label_places_the_object_in_its_box(root):
    """The 3D box's middle, projected by P2, lies in the 2D box of whatever is wholly in view."""
    focal = 721.5377 * SIZE[1] / 1242
    camera = Camera.for_size(SIZE)
    checked = 0
    for line in (root / "training/label_02/0000.txt").read_text().splitlines():
        fields = line.split()
        assert len(fields) == 17
        x1, y1, x2, y2, height, _, _, x, y, z = (float(value) for value in fields[6:16])
        if int(fields[3]) == 0 and z > 1:
            column, row = focal * x / z + camera.centre_x, focal * (y - height / 2) / z + camera.centre_y
            assert x1 - 1 <= column <= x2 + 1
            assert y1 - 1 <= row <= y2 + 1
            checked += 1
    assert checked


def test_poses_start_at_identity_and_are_rigid(root):
    poses = np.loadtxt(root / "training/poses/0000.txt").reshape(-1, 3, 4)
    np.testing.assert_allclose(poses[0], np.eye(3, 4), atol=1e-9)
    np.testing.assert_allclose(poses[1, :, :3] @ poses[1, :, :3].T, np.eye(3), atol=1e-8)
    assert len(poses) == 2


def test_rerun_keeps_what_is_whole_and_renders_what_is_not(root, tmp_path):
    again = tmp_path / "data"
    render_dataset(again, **SETTINGS)
    before = contents(again)
    assert before == contents(root)
    (again / "training/flow/0001/000001.png").unlink()
    (again / ".part-0001").mkdir()
    (again / ".part-0001/rubbish").write_text("of a run that was stopped")
    kept = {path: path.stat().st_mtime_ns for path in again.glob("training/*/0000*/*.png")}
    assert len(kept) == 8
    render_dataset(again, **SETTINGS)
    assert contents(again) == before
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


def test_a_stopped_sequence_is_not_taken_for_whole(tmp_path, monkeypatch):
    import stc_pseudo.synthetic.write as write

    def stop(number, instances):
        raise KeyboardInterrupt

    whole = write._masks
    monkeypatch.setattr(write, "_masks", stop)
    few = {**SETTINGS, "sequences": 1}
    with pytest.raises(KeyboardInterrupt):
        render_dataset(tmp_path / "data", **few)
    assert not list((tmp_path / "data").glob("training/*/0000*"))
    monkeypatch.setattr(write, "_masks", whole)
    render_dataset(tmp_path / "data", **few)
    assert (tmp_path / "data/instances_txt/0000.txt").is_file()
    assert not list((tmp_path / "data").glob(".part*"))


def test_processes_render_the_same(root, tmp_path):
    assert contents(render_dataset(tmp_path / "data", workers=2, **SETTINGS)) == contents(root)


def test_without_stereo_there_are_no_right_frames(tmp_path):
    few = {**SETTINGS, "sequences": 1, "frames": 1}
    render_dataset(tmp_path / "data", stereo=False, **few)
    assert not (tmp_path / "data/training/image_03").exists()
    assert read_kitti(tmp_path / "data")[0].right == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, "seed 4"),
        ({"frames": 3}, "frames 3"),
        ({"size": (64, 320)}, "height 64"),
        ({"stereo": False}, "stereo False"),
        ({"seed": 4, "frames": 3}, "seed 4, frames 3"),
    ],
    ids=["seed", "frames", "size", "stereo", "two"],
)
def test_other_settings_are_refused(root, change, named):
    before = contents(root)
    with pytest.raises(InputError) as error:
        render_dataset(root, **{**SETTINGS, **change})
    assert named in error.value.message
    assert "demo.json" in error.value.message
    assert error.value.exit_code == 2
    assert contents(root) == before


@pytest.mark.parametrize("text", ["{", "[1]", "{}"], ids=["broken", "a list", "empty"])
def test_a_damaged_record_is_refused(tmp_path, text):
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(InputError, match=r"demo\.json"):
        render_dataset(tmp_path, **SETTINGS)


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="another folder"):
        render_dataset(tmp_path, **SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    "change",
    [{"frames": 0}, {"sequences": 0}, {"workers": 0}, {"size": (8, 320)}],
    ids=["frames", "sequences", "workers", "size"],
)
def test_settings_out_of_range_are_refused(tmp_path, change):
    with pytest.raises(InputError, match="at least"):
        render_dataset(tmp_path / "data", **{**SETTINGS, **change})
    assert not (tmp_path / "data").exists()


def test_the_record_names_every_setting(root):
    record = json.loads((root / "demo.json").read_text())
    assert {name: record[name] for name in ("seed", "frames", "height", "width", "stereo")} == {
        "seed": 3,
        "frames": 2,
        "height": 96,
        "width": 320,
        "stereo": True,
    }
