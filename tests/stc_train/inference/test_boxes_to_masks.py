"""Masks for boxes that are given: top-k locations, the walk from probability to mask, and the command."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stc_pseudo.datasets.base import FrameBoxes
from stc_track.formats.mots import MotsObject, read_detections, read_mots, write_mots
from stc_track.masks import rle
from stc_train.commands.predict import main as predict_command
from stc_train.inference.boxes_to_masks import Probabilities, frame_objects
from stc_train.inference.refine_masks import box_pixels, owners


def picture(seed=0):
    """A frame (60, 80, 3) with a red disc and, overlapping it, a blue square in front; their masks (2, 60, 80)."""
    y, x = np.mgrid[:60, :80]
    square = (abs(x - 50) < 10) & (abs(y - 30) < 10)
    disc = ((x - 32) ** 2 + (y - 30) ** 2 < 15**2) & ~square
    frame = np.random.default_rng(seed).integers(90, 110, (60, 80, 3)).astype(np.uint8)
    frame[disc] = 200, 40, 40
    frame[square] = 30, 50, 200
    return frame, np.stack([disc, square])


def tight(mask):
    return rle.tight_box(rle.encode(mask), *mask.shape)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_an_uncertain_probability_becomes_a_mask_by_the_colours():
    frame, masks = picture()
    boxes = np.stack([tight(mask) for mask in masks])
    y, x = np.mgrid[:60, :80]
    probabilities = np.stack(
        [
            np.exp(
                -(((x - (b[0] + b[2]) / 2) / (b[2] - b[0])) ** 2 + ((y - (b[1] + b[3]) / 2) / (b[3] - b[1])) ** 2) * 3
            )
            * 0.4
            for b in boxes
        ]
    )
    owner = owners(frame, boxes, probabilities.astype(np.float32))
    found = [owner == k for k in (1, 2)]
    for mask, true, box in zip(found, masks, boxes, strict=True):
        assert iou(mask, true) > 0.9
        filled = box_pixels(box, (slice(0, 60), slice(0, 80)), (80, 60))
        assert not (mask & ~filled).any()
        assert iou(filled, true) <= iou(mask, true)


@pytest.mark.parametrize(
    "box", [(3.2, 4.1, 3.4, 30.0), (0, 0, 80, 60), (79.2, 59.2, 80, 60)], ids=["a sliver", "the frame", "in the corner"]
)
def test_odd_boxes_give_masks_within_them(box):
    frame, _ = picture()
    probability = np.full((1, 60, 80), 0.3, np.float32)
    mask = owners(frame, np.array([box]), probability) == 1
    assert not (mask & ~box_pixels(np.array(box), (slice(0, 60), slice(0, 80)), (80, 60))).any()
    assert mask.any() == (box[0] != 3.2)  # no pixel's centre lies in the sliver


def test_a_zero_probability_gives_nothing():
    frame, masks = picture()
    assert not owners(frame, tight(masks[0])[None], np.zeros((1, 60, 80), np.float32)).any()


def test_no_boxes_no_masks():
    frame, _ = picture()
    assert not owners(frame, np.zeros((0, 4)), []).any()


def test_locations_that_predict_the_box_speak_for_it():
    from stc_train.inference.box_prompts import TOP_K, top_locations
    from stc_train.models.condinst_dense import Dense

    centres = torch.arange(8) * 8 + 4.0
    points = torch.cartesian_prod(centres, centres).flip(1)
    box = torch.tensor([[16.0, 16.0, 48.0, 48.0]])
    boxes = torch.cat([points - 2, points + 2], 1)
    right = 3 * 8 + 4  # row 3, column 4: (36, 28), near the centre
    boxes[right] = box[0]
    boxes[0] = box[0]  # in the corner of the frame, outside the box
    dense = Dense(torch.zeros(1, 64, 2), torch.zeros(1, 64), boxes[None], points, torch.full((64,), 8.0), ())
    positions, weight = top_locations(dense, 0, box)
    assert positions.shape == weight.shape == (1, TOP_K)
    assert positions[0, 0] == right
    assert weight[0, 0] > 0.9
    assert weight.sum() == pytest.approx(1)
    # Where no predicted box overlaps the given one, the locations nearest to its centre speak.
    nowhere = dense._replace(boxes=torch.zeros(1, 64, 4))
    positions, weight = top_locations(nowhere, 0, box)
    assert set(positions[0, :4].tolist()) == {3 * 8 + 3, 3 * 8 + 4, 4 * 8 + 3, 4 * 8 + 4}
    assert torch.isfinite(weight).all()


@pytest.fixture(scope="module")
def boxed_video(drawn_video, tmp_path_factory):
    """The drawn video with its objects' masks in `instances_txt`, and an ignore region."""
    import shutil

    import cv2

    root = tmp_path_factory.mktemp("boxed")
    shutil.copytree(drawn_video / "training", root / "training")
    rows = []
    for t, path in enumerate(sorted((root / "training" / "image_02" / "0003").iterdir())):
        blue, _, red = (channel.astype(int) for channel in cv2.split(cv2.imread(str(path))))
        for class_id, mask in ((1, blue > red + 60), (2, red > blue + 60)):
            rows.append(MotsObject(t, class_id * 1000 + 7, class_id, 98, 162, rle.encode(mask)))
        corner = np.zeros((98, 162), bool)
        corner[:12, :20] = True
        rows.append(MotsObject(t, 10000, 10, 98, 162, rle.encode(corner)))
    write_mots(root / "instances_txt" / "0003.txt", rows)
    return root


@pytest.fixture(scope="module")
def model(drawn_store, tmp_path_factory):
    """An untrained model."""
    from stc_train.commands.train import main as train_command

    folder = tmp_path_factory.mktemp("work")
    words = [
        word
        for option in ("train_dataloader.num_workers=0", "train_dataloader.batch_size=1")
        for word in ("--cfg-options", option)
    ]
    result = CliRunner().invoke(
        train_command,
        [
            "--pseudo-store",
            str(drawn_store),
            "--config",
            "condinst_r18_demo",
            "--work-dir",
            str(folder),
            "--max-iters",
            "1",
            *words,
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    return folder / "model.pth"


def run(*arguments):
    return CliRunner().invoke(predict_command, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    "flags",
    [(), ("--flip", "--batch-size", "4"), ("--precision", "bfloat16", "--scale", "1")],
    ids=["plain", "flip, batches", "bfloat16"],
)
def test_boxes_become_tracks_of_masks(model, boxed_video, tmp_path, flags):
    result = run(model, "--dataset", "kitti", "--root", boxed_video, "--boxes", "instances", "--out", tmp_path, *flags)
    assert result.exit_code == 0, result.output
    frames, true = (read_mots(path / "0003.txt") for path in (tmp_path, boxed_video / "instances_txt"))
    assert frames.keys() == true.keys()
    for number, found in frames.items():
        assert {(o.track_id, o.class_id) for o in found} == {(o.track_id, o.class_id) for o in true[number]}
        masks = {o.track_id: rle.decode(o.counts, o.height, o.width) for o in found}
        assert np.sum(list(masks.values()), 0).max() == 1
        for o in true[number]:
            own = rle.decode(o.counts, o.height, o.width)
            filled = np.zeros_like(own)
            x1, y1, x2, y2 = tight(own).astype(int)
            filled[y1:y2, x1:x2] = True
            assert not (masks[o.track_id] & ~filled).any()
            if o.class_id != 10:
                # Even from an untrained network's probability, as the drawn objects are of one colour.
                assert iou(masks[o.track_id], own) > iou(filled, own)


def test_flips_and_half_precision_find_about_the_same(model, boxed_video, tmp_path):
    common = ("--dataset", "kitti", "--root", boxed_video, "--score-threshold", 0.004, "--batch-size", 2)
    found = {}
    for name, flags in (("plain", ()), ("flip", ("--flip",)), ("half", ("--precision", "bfloat16"))):
        result = run(model, *common, "--out", tmp_path / name, *flags)
        assert result.exit_code == 0, result.output
        found[name] = [
            detection for frame in read_detections(tmp_path / name / "0003.txt").values() for detection in frame
        ]
    assert all(found.values())
    best = {name: max(detection.score for detection in rows) for name, rows in found.items()}
    assert best["half"] == pytest.approx(best["plain"], rel=0.05)
    assert best["flip"] == pytest.approx(best["plain"], rel=0.2)


def test_scale_is_for_boxes(model, boxed_video, tmp_path):
    result = run(model, "--dataset", "kitti", "--root", boxed_video, "--out", tmp_path, "--scale", "2")
    assert result.exit_code == 2
    assert "--scale: expected --boxes with it, found none" in result.output


def test_a_class_that_mots_keeps_is_refused(model, boxed_video, tmp_path):
    """Written as it is, its masks would be read as ignore regions."""
    from stc_pseudo.datasets.kitti import read_sequence
    from stc_track.io.errors import InputError
    from stc_train.inference import boxes_to_masks
    from stc_train.models import model_file

    sequence = read_sequence(boxed_video, "0003", boxes="instances")
    boxes = {
        number: replace(frame_boxes, class_ids=np.where(frame_boxes.class_ids == 2, 10, 1))
        for number, frame_boxes in sequence.boxes.items()
    }
    with pytest.raises(InputError, match="no class 10"):
        boxes_to_masks.convert(model_file.load(model, "MODEL"), [replace(sequence, boxes=boxes)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_many_boxes_take_the_memory_of_a_few_frames():
    """Of 500 boxes at 1080 x 1920 pixels every map together would be 4 GB."""
    size = 1080, 1920
    random = np.random.default_rng(0)
    corners = random.integers(0, (1880, 1040), (500, 2)).astype(np.float32)
    boxes = FrameBoxes(
        np.concatenate([corners, corners + 24], 1),
        np.ones(500, np.int32),
        np.arange(500, dtype=np.int32),
        np.zeros((0, 4), np.float32),
    )
    rows, columns = (np.repeat(np.eye(side // 40, dtype=np.float32), 40, 0) for side in size)
    found = Probabilities(np.ones((500, *(side // 40 for side in size)), np.float32), rows, columns)
    frame = random.integers(0, 256, (*size, 3), np.uint8)
    tracemalloc.start()
    try:
        objects = frame_objects(0, frame, boxes, found)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(objects) > 400
    assert most < 200e6
