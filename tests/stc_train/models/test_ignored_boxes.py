"""Assignment and semantic targets where nothing is known."""

import numpy as np
import pytest
import torch

PRIORS = torch.tensor(
    [
        [0.0, 0.0, 10.0, 10.0],
        [1.0, 1.0, 11.0, 11.0],
        [40.0, 0.0, 50.0, 10.0],
        [44.0, 0.0, 54.0, 10.0],
        [47.0, 0.0, 57.0, 10.0],
        [80.0, 80.0, 90.0, 90.0],
    ]
)


def assign(name, boxes, ignored, **settings):
    from mmdet.utils import register_all_modules
    from mmengine.structures import InstanceData

    from stc_train.registry import TASK_UTILS

    register_all_modules(init_default_scope=True)
    assigner = TASK_UTILS.build({"type": name, "pos_iou_thr": 0.5, "neg_iou_thr": 0.4, **settings})
    boxes = torch.tensor(boxes).reshape(-1, 4).float()
    return assigner.assign(
        InstanceData(priors=PRIORS),
        InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.int64)),
        None if ignored is None else InstanceData(bboxes=torch.tensor(ignored).reshape(-1, 4).float()),
    ).gt_inds.tolist()


OBJECT, REGION = [0.0, 0.0, 10.0, 10.0], [38.0, 0.0, 50.0, 20.0]


@pytest.mark.parametrize(
    ("boxes", "ignored", "expected"),
    [
        ([OBJECT], None, [1, 1, 0, 0, 0, 0]),
        ([OBJECT], [], [1, 1, 0, 0, 0, 0]),
        ([OBJECT], [REGION], [1, 1, -1, -1, 0, 0]),
        ([], [REGION], [0, 0, -1, -1, 0, 0]),
        ([[40.0, 0.0, 50.0, 10.0]], [REGION], [0, 0, 1, -1, 0, 0]),
    ],
    ids=["no regions", "an empty list", "a region", "a region alone", "an object in the region"],
)
def test_background_in_ignored_boxes_is_left_alone(boxes, ignored, expected):
    assert assign("stc_train.IgnoringAssigner", boxes, ignored) == expected


def test_without_regions_it_is_mmdetections():
    generator = np.random.default_rng(0)
    for _ in range(10):
        corner = generator.uniform(0, 60, (4, 2))
        boxes = np.concatenate([corner, corner + generator.uniform(5, 30, (4, 2))], 1).tolist()
        settings = {"min_pos_iou": 0.1}
        assert assign("stc_train.IgnoringAssigner", boxes, None, **settings) == assign(
            "mmdet.MaxIoUAssigner", boxes, None, **settings
        )


def test_semantic_targets_of_a_drawing():
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    from stc_train.models.semantic import UNKNOWN, semantic_targets

    drawn = np.array([[1, 1, 0, 0, 0], [1, 1, 0, 2, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]]).repeat(4, 0).repeat(4, 1)
    instances = InstanceData(
        labels=torch.tensor([2, 0]),
        masks=BitmapMasks((drawn == np.array([1, 2])[:, None, None]).astype(np.uint8), 16, 20),
    )
    ignored = InstanceData(bboxes=torch.tensor([[4.0, 4.0, 16.0, 12.0]]))
    found = semantic_targets(instances, ignored, (4, 5), 4, 3)
    u = UNKNOWN
    assert found.tolist() == [[2, 2, 3, 3, 3], [2, 2, u, 0, 3], [3, u, u, 0, 3], [3, 3, 3, 3, 3]]
    nothing = InstanceData(labels=torch.zeros(0, dtype=torch.int64), masks=BitmapMasks(np.zeros((0, 16, 20)), 16, 20))
    assert (semantic_targets(nothing, None, (4, 5), 4, 3) == 3).all()


def test_a_mask_that_shrinks_to_nothing_is_ignored():
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks

    from stc_train.registry import TRANSFORMS

    masks = np.zeros((3, 64, 96), np.uint8)
    masks[0, 8:40, 8:40], masks[1, 50, 51], masks[2, 0:20, 60:90] = 1, 1, 1
    results = {
        "img": np.zeros((64, 96, 3), np.uint8),
        "img_shape": (64, 96),
        "gt_masks": BitmapMasks(masks, 64, 96),
        "gt_bboxes": HorizontalBoxes(torch.tensor([[8.0, 8, 40, 40], [48, 48, 56, 56], [60, 0, 90, 20]])),
        "gt_bboxes_labels": np.zeros(3, int),
        "gt_ignore_flags": np.array([False, False, True]),
    }
    for step in (
        {"type": "mmdet.Resize", "scale": (24, 16)},
        {"type": "stc_train.IgnoreLostMasks"},
        {"type": "mmdet.PackDetInputs", "meta_keys": ()},
    ):
        results = TRANSFORMS.build(step)(results)
    sample = results["data_samples"]
    assert sample.gt_instances.bboxes.tensor.tolist() == [[2, 2, 10, 10]]
    assert len(sample.gt_instances.masks) == 1
    assert sample.ignored_instances.bboxes.tensor.tolist() == [[12, 12, 14, 14], [15, 0, 22.5, 5]]


SIZE = (12, 16)
BOXES = [[4.0, 4.0, 44.0, 40.0], [24.0, 8.0, 60.0, 44.0], [8.0, 8.0, 40.0, 40.0]]
IMAGE = [0, 0, 1]  # of each object
IGNORED = [16.0, 12.0, 36.0, 48.0]  # on the first image


def mask_loss(logits, boundary="bce", ignored=IGNORED, **settings):
    """The mask head's terms for three objects, each with one mask."""
    from mmdet.structures import DetDataSample
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict
    from mmengine.structures import InstanceData

    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    head = MODELS.build(
        ConfigDict(
            {
                "type": "stc_train.PuzzleMaskHead",
                "num_layers": 3,
                "feat_channels": 16,
                "mask_out_stride": 4,
                "loss_mask": {"type": "stc_train.PuzzleLoss", "box_term": "dice", "boundary": boundary},
                "mask_feature_head": {
                    "in_channels": 8,
                    "feat_channels": 8,
                    "start_level": 0,
                    "end_level": 0,
                    "out_channels": 16,
                    "mask_stride": 8,
                },
                **settings,
            }
        )
    )
    pieces = torch.randint(1, 256, (3, *SIZE), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
    samples, infos = [], []
    for image in range(2):
        own = torch.tensor([k for k in range(3) if IMAGE[k] == image])
        sample = DetDataSample()
        sample.gt_instances = InstanceData(bboxes=torch.tensor(BOXES)[own], pieces=pieces[own])
        regions = [ignored] if ignored and image == 0 else []
        sample.ignored_instances = InstanceData(bboxes=torch.tensor(regions).reshape(-1, 4))
        samples.append(sample)
        infos.append(InstanceData(pos_assigned_gt_inds=torch.arange(len(own))))
    return head.loss_of_logits(logits, samples, infos)


@pytest.mark.parametrize("boundary", ["bce", "pixel", "dice"])
def test_masks_learn_nothing_in_ignore_regions_where_they_are_told_not_to(boundary):
    logits = torch.randn(3, *SIZE, generator=torch.Generator().manual_seed(3), requires_grad=True)
    loss = mask_loss(logits, boundary, learn_in_ignored=False)["loss_mask_boundary"]
    loss.backward()
    region = torch.zeros(3, *SIZE, dtype=torch.bool)
    region[:2, 3:12, 4:9] = True
    counted = torch.stack([torch.zeros(SIZE, dtype=torch.bool) for _ in BOXES])
    for cells, (x1, y1, x2, y2) in zip(counted, BOXES, strict=True):
        cells[int(y1) // 4 : int(y2) // 4, int(x1) // 4 : int(x2) // 4] = True
    if boundary == "dice":  # of the whole map
        counted[:] = True
    assert (logits.grad[region] == 0).all()
    assert (logits.grad[counted & ~region] != 0).all()
    moved = torch.where(region, logits + 5 * torch.rand(3, *SIZE), logits).detach()
    assert torch.equal(mask_loss(moved, boundary, learn_in_ignored=False)["loss_mask_boundary"], loss)
    assert mask_loss(moved, boundary)["loss_mask_boundary"] != mask_loss(logits, boundary)["loss_mask_boundary"]


@pytest.mark.parametrize("boundary", ["bce", "pixel", "dice", "none"])
def test_without_ignore_regions_both_settings_are_one(boundary):
    logits = torch.randn(3, *SIZE, generator=torch.Generator().manual_seed(3))
    one, other = (mask_loss(logits, boundary, ignored=None, learn_in_ignored=learn) for learn in (True, False))
    assert one == other


def test_the_box_term_takes_ignored_cells_as_any_other():
    logits = torch.randn(3, *SIZE, generator=torch.Generator().manual_seed(3))
    one, other = (mask_loss(logits, learn_in_ignored=learn) for learn in (True, False))
    assert one["loss_mask_box"] == other["loss_mask_box"]
    assert one["loss_mask_boundary"] > other["loss_mask_boundary"]


@pytest.mark.parametrize("boundary", ["bce", "pixel", "dice"])
def test_a_piece_in_ignored_cells_alone_is_none(boundary):
    """The mask is left alone; it does not learn that there is nothing in its box."""
    from stc_train.models.puzzle_loss import PuzzleLoss

    logits, boxes = torch.zeros(1, 4, 6, requires_grad=True), torch.zeros(1, 4, 6, dtype=torch.bool)
    boxes[0, 1:3, 1:5], pieces, known = True, torch.zeros(1, 4, 6), torch.ones(1, 4, 6, dtype=torch.bool)
    pieces[0, 1:3, 1:3], known[0, :, :3] = 1, False
    terms = PuzzleLoss(boundary=boundary)(logits, boxes, pieces, known=known)
    terms.boundary.backward()
    assert terms.boundary == 0
    assert not logits.grad.any()
    assert terms.coverage == 0.5
