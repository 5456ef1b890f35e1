"""Assignment and semantic targets where nothing is known."""

import numpy as np
import pytest
import torch

PRIORS = torch.tensor([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 11.0, 11.0], [40.0, 0.0, 50.0, 10.0], [44.0, 0.0, 54.0, 10.0],
                       [47.0, 0.0, 57.0, 10.0], [80.0, 80.0, 90.0, 90.0]])


def assign(name, boxes, ignored, **settings):
    from mmdet.utils import register_all_modules
    from mmengine.structures import InstanceData

    from stc_train.parts import TASK_UTILS

    register_all_modules(init_default_scope=True)
    assigner = TASK_UTILS.build({"type": name, "pos_iou_thr": 0.5, "neg_iou_thr": 0.4, **settings})
    boxes = torch.tensor(boxes).reshape(-1, 4).float()
    return assigner.assign(
        InstanceData(priors=PRIORS), InstanceData(bboxes=boxes, labels=torch.zeros(len(boxes), dtype=torch.int64)),
        None if ignored is None else InstanceData(bboxes=torch.tensor(ignored).reshape(-1, 4).float())).gt_inds.tolist()


OBJECT, REGION = [0.0, 0.0, 10.0, 10.0], [38.0, 0.0, 50.0, 20.0]


@pytest.mark.parametrize(("boxes", "ignored", "expected"), [
    ([OBJECT], None, [1, 1, 0, 0, 0, 0]),
    ([OBJECT], [], [1, 1, 0, 0, 0, 0]),
    ([OBJECT], [REGION], [1, 1, -1, -1, 0, 0]),
    ([], [REGION], [0, 0, -1, -1, 0, 0]),
    ([[40.0, 0.0, 50.0, 10.0]], [REGION], [0, 0, 1, -1, 0, 0]),
], ids=["no regions", "an empty list", "a region", "a region alone", "an object in the region"])
def test_background_in_ignored_boxes_is_left_alone(boxes, ignored, expected):
    assert assign("stc_train.IgnoringAssigner", boxes, ignored) == expected


def test_without_regions_it_is_mmdetections():
    generator = np.random.default_rng(0)
    for _ in range(10):
        corner = generator.uniform(0, 60, (4, 2))
        boxes = np.concatenate([corner, corner + generator.uniform(5, 30, (4, 2))], 1).tolist()
        settings = {"min_pos_iou": 0.1}
        assert assign("stc_train.IgnoringAssigner", boxes, None, **settings) == assign(
            "mmdet.MaxIoUAssigner", boxes, None, **settings)


def test_semantic_targets_of_a_drawing():
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    from stc_train.parts.semantic import UNKNOWN, semantic_targets

    drawn = np.array([[1, 1, 0, 0, 0], [1, 1, 0, 2, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]]).repeat(4, 0).repeat(4, 1)
    instances = InstanceData(labels=torch.tensor([2, 0]),
                             masks=BitmapMasks((drawn == np.array([1, 2])[:, None, None]).astype(np.uint8), 16, 20))
    ignored = InstanceData(bboxes=torch.tensor([[4.0, 4.0, 16.0, 12.0]]))
    found = semantic_targets(instances, ignored, (4, 5), 4, 3)
    u = UNKNOWN
    assert found.tolist() == [[2, 2, 3, 3, 3], [2, 2, u, 0, 3], [3, u, u, 0, 3], [3, 3, 3, 3, 3]]
    nothing = InstanceData(labels=torch.zeros(0, dtype=torch.int64), masks=BitmapMasks(np.zeros((0, 16, 20)), 16, 20))
    assert (semantic_targets(nothing, None, (4, 5), 4, 3) == 3).all()


def test_a_mask_that_shrinks_to_nothing_is_ignored():
    from mmdet.structures.bbox import HorizontalBoxes
    from mmdet.structures.mask import BitmapMasks

    from stc_train.parts import TRANSFORMS

    masks = np.zeros((3, 64, 96), np.uint8)
    masks[0, 8:40, 8:40], masks[1, 50, 51], masks[2, 0:20, 60:90] = 1, 1, 1
    results = {"img": np.zeros((64, 96, 3), np.uint8), "img_shape": (64, 96), "gt_masks": BitmapMasks(masks, 64, 96),
               "gt_bboxes": HorizontalBoxes(torch.tensor([[8.0, 8, 40, 40], [48, 48, 56, 56], [60, 0, 90, 20]])),
               "gt_bboxes_labels": np.zeros(3, int), "gt_ignore_flags": np.array([False, False, True])}
    for step in ({"type": "mmdet.Resize", "scale": (24, 16)}, {"type": "stc_train.IgnoreLostMasks"},
                 {"type": "mmdet.PackDetInputs", "meta_keys": ()}):
        results = TRANSFORMS.build(step)(results)
    sample = results["data_samples"]
    assert sample.gt_instances.bboxes.tensor.tolist() == [[2, 2, 10, 10]]
    assert len(sample.gt_instances.masks) == 1
    assert sample.ignored_instances.bboxes.tensor.tolist() == [[12, 12, 14, 14], [15, 0, 22.5, 5]]
