"""`stc-pseudo build`, `inspect` and `export`, on a drawn data set with exact depth and flow."""

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from stc_pseudo.building.executors import TRIES
from stc_pseudo.depth.precomputed import PrecomputedDepth
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.mots import MotsObject, iter_mots, write_mots
from stc_track.masks import rle


def snapshot(store):
    return {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}


def test_exact_maps_give_masks_near_the_truth(drawn, tmp_path):
    result = drawn.build()
    assert result.exit_code == 0, result.output
    result = drawn.run("inspect", drawn.store, "--truth", drawn.root, "--json", tmp_path / "i.json", "--min-area", 100)
    assert result.exit_code == 0, result.output
    means = json.loads((tmp_path / "i.json").read_text())["mean_iou"]
    assert means["car"]["instances"] == means["pedestrian"]["instances"] == 3
    assert means["car"]["pseudo_mask"] > 0.93 > means["car"]["filled_box"]
    assert means["pedestrian"]["pseudo_mask"] > 0.85 > means["pedestrian"]["filled_box"]
    assert f"{means['all']['pseudo_mask']:.4f}" in result.output


def test_the_export_holds_every_pseudo_mask(drawn, tmp_path):
    drawn.build()
    result = drawn.run("export", drawn.store, "--format", "coco", "--out", tmp_path / "coco.json")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "coco.json").read_text())
    assert [image["file_name"] for image in content["images"]] == [f"0000/{t:06d}.png" for t in range(3)]
    assert {a["track_id"] for a in content["annotations"]} == {1001, 2001}
    assert len(content["annotations"]) == 6
    first = content["annotations"][0]
    mask = rle.decode(first["segmentation"]["counts"].encode(), *first["segmentation"]["size"])
    true = drawn.masks()[first["track_id"]]
    assert (mask & true).sum() / (mask | true).sum() > 0.8
    assert first["area"] == mask.sum()
    assert 0 < first["score"] < 1


def test_boxes_become_a_mots_data_set_without_training(drawn, tmp_path):
    drawn.build()
    result = drawn.run("export", drawn.store, "--format", "mots", "--out", tmp_path / "mots")
    assert (result.exit_code, result.output) == (0, f"6 masks on 3 frames of 1 sequences: {tmp_path / 'mots'}\n")
    objects = list(iter_mots(tmp_path / "mots" / "0000.txt"))
    assert {obj.track_id for obj in objects} == {1001, 2001}
    for obj in objects:
        mask, true = rle.decode(obj.counts, *drawn.size), drawn.masks()[obj.track_id]
        assert (mask & true).sum() / (mask | true).sum() > 0.8


def test_a_second_run_does_nothing(drawn):
    drawn.build()
    before = snapshot(drawn.store)
    assert drawn.build().exit_code == 0
    assert snapshot(drawn.store) == before


def test_changed_settings_need_leave_to_overwrite(drawn):
    drawn.build()
    before = snapshot(drawn.store)
    result = drawn.build("--cues", "depth")
    assert result.exit_code == 2
    assert "--overwrite masks" in result.output
    assert snapshot(drawn.store) == before
    result = drawn.build("--dilation", 1, "--overwrite", "masks")
    assert result.exit_code == 2
    assert "--overwrite similarity" in result.output
    assert drawn.build("--dilation", 1, "--overwrite", "similarity").exit_code == 0


def test_late_stages_are_redone_without_the_maps(drawn):
    drawn.build()
    old = StoreReader(str(drawn.store)).sequence("0000").read("flow", slice(None))
    for path in (drawn.root / "training/depth/0000").iterdir():
        cv2.imwrite(str(path), np.zeros((5, 5), np.uint16))  # would be refused if it were read
    result = drawn.build("--cues", "depth", "--overwrite", "masks")
    assert result.exit_code == 2  # the folder's content is another: that stands before the masks
    shutil.rmtree(drawn.root / "training/depth")
    shutil.rmtree(drawn.store)
    drawn_again = type(drawn)(drawn.root.parent / "again")
    drawn_again.write()
    assert drawn_again.build().exit_code == 0
    assert drawn_again.build("--cues", "depth", "--overwrite", "masks").exit_code == 0
    sequence = StoreReader(str(drawn_again.store)).sequence("0000")
    np.testing.assert_array_equal(sequence.read("flow", slice(None)), old)
    assert sequence.provenance["masks"]["cues"] == ["depth"]


@pytest.mark.parametrize("frames", [1, 2, 16, 17], ids=lambda n: f"{n} frames")
def test_any_length_of_sequence(drawn, frames):
    drawn.write("0007", frames)
    result = drawn.build("--sequences", "0007")
    assert result.exit_code == 0, result.output
    flow = StoreReader(str(drawn.store)).sequence("0007").read("flow", slice(None))
    assert len(flow) == frames
    if frames > 1:
        np.testing.assert_allclose(flow[:, 0, 9, 9], 6)


def test_a_failed_build_keeps_what_is_complete_and_leaves_nothing_half(drawn):
    assert drawn.build("--sequences", "0000").exit_code == 0
    drawn.write("0001")
    (drawn.root / "training/flow/0001/000001.png").unlink()
    result = drawn.build()
    assert result.exit_code == 2
    assert "000001" in result.output
    assert StoreReader(str(drawn.store)).sequences == ("0000",)
    shutil.copy(drawn.root / "training/flow/0000/000001.png", drawn.root / "training/flow/0001/000001.png")
    assert drawn.build().exit_code == 0
    assert StoreReader(str(drawn.store)).sequences == ("0000", "0001")


def truncate(drawn):
    path = drawn.root / "training/image_02/0000/000001.png"
    path.write_bytes(path.read_bytes()[:60])


def another_size(drawn):
    cv2.imwrite(str(drawn.root / "training/image_02/0000/000001.png"), np.zeros((40, 40, 3), np.uint8))


def sixteen_bits(drawn):
    cv2.imwrite(str(drawn.root / "training/image_02/0000/000001.png"), np.zeros(drawn.size, np.uint16))


def no_instances(drawn):
    (drawn.root / "instances_txt/0000.txt").unlink()


def only_ignored(drawn):
    write_mots(
        drawn.root / "instances_txt/0000.txt", [MotsObject(0, 10000, 10, *drawn.size, rle.encode(drawn.masks()[1001]))]
    )


def empty_mask(drawn):
    write_mots(
        drawn.root / "instances_txt/0000.txt",
        [MotsObject(1, 1004, 1, *drawn.size, rle.encode(np.zeros(drawn.size, bool)))],
    )


def malformed(drawn):
    path = drawn.root / "instances_txt/0000.txt"
    path.write_text(path.read_text() + "2 1001 1 66\n")


def beyond_the_last_frame(drawn):
    write_mots(
        drawn.root / "instances_txt/0000.txt", [MotsObject(9, 1004, 1, *drawn.size, rle.encode(drawn.masks()[1001]))]
    )


def masks_of_another_size(drawn):
    write_mots(
        drawn.root / "instances_txt/0000.txt", [MotsObject(0, 1004, 1, 20, 30, rle.encode(np.ones((20, 30), bool)))]
    )


def png_and_jpeg(drawn):
    folder = drawn.root / "training/image_02/0000"
    cv2.imwrite(str(folder / "000001.jpg"), cv2.imread(str(folder / "000001.png")))


def another_name(drawn):
    folder = drawn.root / "training/image_02/0000"
    (folder / "000001.png").rename(folder / "first.png")


def another_schema(drawn):
    drawn.store.mkdir()
    (drawn.store / "manifest.json").write_text('{"schema": 0}')


@pytest.mark.parametrize(
    ("perturb", "words"),
    [
        (truncate, ["000001.png", "do not decode"]),
        (another_size, ["000001.png", "130x66", "40x40"]),
        (sixteen_bits, ["000001.png", "8 bits", "uint16"]),
        (no_instances, ["0000.txt", "--boxes labels"]),
        (only_ignored, ["0000.txt", "at least one box", "--sequences"]),
        (empty_mask, ["0000.txt", "frame 1", "positive area"]),
        (malformed, ["0000.txt:7"]),
        (beyond_the_last_frame, ["0000.txt", "image_02, 0 to 2", "frame 9", "--frames-range"]),
        (masks_of_another_size, ["0000.txt", "frame 0", "130x66", "30x20"]),
        (png_and_jpeg, ["two of the same number", "PNG or JPEG"]),
        (another_name, ["first.png", "named by its number"]),
        (another_schema, ["manifest.json", "schema 4", "schema 0", "`stc-pseudo build --out` another place"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_input_is_one_message_and_exit_code_2(drawn, perturb, words):
    perturb(drawn)
    result = drawn.build()
    assert result.exit_code == 2
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    for word in words:
        assert word in errors[0]
    assert not (drawn.store / "0000").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--root", "nowhere"], ["nowhere", "--root"]),
        (["--sequences", "0042"], ["0042", "0000", "--sequences"]),
        (["--cues", "smell"], ["--cues", "smell"]),
        (["--depth", "monodepth2"], ["--depth-weights"]),
        (["--flow", "upflow"], ["--flow-weights"]),
        (["--depth", "sgbm"], ["right"]),
    ],
    ids=lambda value: value[0] if value[0].startswith("--") else "",
)
def test_flags_that_do_not_fit(drawn, arguments, words):
    result = drawn.build(*arguments)
    assert result.exit_code == 2
    for word in words:
        assert word in result.output


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("0 1 Car 0 0 0 10 10 5 20 1 1 1 1 1 1 0", ["0000.txt:1"]),
        ("0 1 Car 0 0 0 10 10 400 20 1 1 1 1 1 1 0", ["0000.txt:1", "inside the 130x66 frame"]),
        ("0 1 Car 0 0 0 10 10 30 nan 1 1 1 1 1 1 0", ["0000.txt:1"]),
    ],
    ids=["no area", "outside", "not a number"],
)
def test_bad_label_boxes(drawn, row, words):
    labels = drawn.root / "training/label_02"
    labels.mkdir()
    (labels / "0000.txt").write_text(row + "\n")
    result = drawn.build("--boxes", "labels")
    assert result.exit_code == 2
    for word in words:
        assert word in result.output


def test_label_boxes_and_their_ignored_kinds(drawn):
    labels = drawn.root / "training/label_02"
    labels.mkdir()
    (labels / "0000.txt").write_text(
        "0 4 Car 0 0 0 12 20 60 52 1 1 1 1 1 1 0\n"
        "0 -1 DontCare -1 -1 -10 70 5 80 9 -1 -1 -1 -1 -1 -1 -1\n"
        "0 5 Van 0 0 0 84 16 100 56 1 1 1 1 1 1 0\n"
    )
    assert drawn.build("--boxes", "labels").exit_code == 0
    boxes = StoreReader(str(drawn.store)).sequence("0000").boxes_at(0)
    assert boxes.track_ids.tolist() == [1004]
    assert len(boxes.ignore) == 2


def test_flow_that_nobody_knows_is_not_stored_as_standing_still(drawn):
    """The last frame without a map: NaN in the store, no cue for the tracker, nothing that separates for the masks."""
    from stc_track.tracking.cues import CueReader, discrepancy

    (drawn.root / "training/flow/0000/000002.png").unlink()
    assert drawn.build().exit_code == 0
    sequence = StoreReader(str(drawn.store)).sequence("0000")
    flow = sequence.read("flow", slice(None))
    assert np.isfinite(flow[:2]).all()
    assert np.isnan(flow[2]).all()
    assert set(np.unique(sequence.read("similarity_flow", 2))) == {0, 255}  # 0 beyond the border
    areas = [[np.count_nonzero(sequence.read("objects", t) == k) for k in (1, 2)] for t in (1, 2)]
    assert min(areas[1]) > 0.5 * min(areas[0])
    boxes = sequence.boxes_at(1).xyxy.astype(float)
    before, after = (CueReader(drawn.store, "0000").at(t, boxes, sequence.size) for t in (1, 2))
    assert np.isnan(after[..., 1:]).all()
    assert (discrepancy(before, after, np.full(len(boxes), 50.0), "flow")[1] == 0).all()


def test_what_names_an_estimator_needs_no_network():
    """`fingerprint` is plain; it is the forward pass that keeps no graph."""
    import torch

    from stc_pseudo.depth.monodepth2_estimator import Monodepth2Depth

    for name, guarded in (("fingerprint", False), ("inverse_depth", True)):
        assert hasattr(getattr(Monodepth2Depth, name), "__wrapped__") == guarded
    assert torch.is_inference_mode_enabled() is False


class TooLarge(PrecomputedDepth):
    """A network that the device has no memory for, which is asked again and again."""

    asked = 0

    def inverse_depth(self, sequence, start, frames):
        TooLarge.asked += 1
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_a_network_that_does_not_fit_is_one_line_before_the_next_shard(drawn, monkeypatch):
    drawn.write("0001", 17)
    monkeypatch.setattr("stc_pseudo.depth.precomputed.PrecomputedDepth", TooLarge)
    result = drawn.build()
    assert result.exit_code == 2, result.output
    errors = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "Tried to allocate 2.00 GiB" in errors[0]
    assert "a smaller batch, smaller frames or another device" in errors[0]
    assert TooLarge.asked == TRIES
    assert not list(drawn.store.glob("*/record.json"))


def test_without_a_network_nothing_imports_torch(drawn):
    """Torch costs each worker more than a second to start."""
    code = "import sys; sys.modules['torch'] = None; from stc_pseudo.cli import main; main(sys.argv[1:])"
    training = drawn.root / "training"
    maps = ("--depth", "precomputed", "--depth-dir", training / "depth", "--flow", "dis")
    data = ("--dataset", "kitti", "--root", drawn.root, "--out", drawn.store)
    command = [sys.executable, "-c", code, "build", *data, *maps]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules = (
        "import sys, stc_pseudo.building.cluster; assert not {'torch', 'pandas', 'zarr', 'bokeh'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", modules], check=False).returncode == 0
