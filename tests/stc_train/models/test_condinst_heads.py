"""Our CondInst heads against MMDetection's: the same weights give the same results."""

import copy

import numpy as np
import pytest
import torch

from stc_train.models.puzzle_loss import PuzzleLoss

CLASSES = 3
BBOX_HEAD = {
    "num_params": 593,
    "num_classes": CLASSES,
    "in_channels": 32,
    "stacked_convs": 1,
    "feat_channels": 32,
    "strides": [8, 16, 32],
    "regress_ranges": ((-1, 32), (32, 64), (64, 1e8)),
    "norm_on_bbox": True,
    "centerness_on_reg": True,
    "center_sampling": True,
    "conv_bias": True,
    "loss_bbox": {"type": "GIoULoss"},
    "loss_centerness": {"type": "CrossEntropyLoss", "use_sigmoid": True},
    "test_cfg": {
        "nms_pre": 100,
        "min_bbox_size": 0,
        "score_thr": 0.0,
        "nms": {"type": "nms", "iou_threshold": 0.6},
        "max_per_img": 10,
        "mask_thr": 0.5,
    },
}
MASK_HEAD = {
    "num_layers": 3,
    "feat_channels": 16,
    "mask_out_stride": 4,
    "topk_masks_per_img": 8,
    "test_cfg": {"mask_thr": 0.5},
    "mask_feature_head": {
        "in_channels": 32,
        "feat_channels": 16,
        "start_level": 0,
        "end_level": 2,
        "out_channels": 16,
        "mask_stride": 8,
        "num_stacked_convs": 1,
        "norm_cfg": {"type": "BN"},
    },
}
DICE = {"type": "DiceLoss", "use_sigmoid": True, "activate": True, "eps": 5e-6}


@pytest.fixture(scope="module")
def heads():
    """(MMDetection's, ours) box heads and mask heads with the same random weights, in training."""
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict

    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    pairs = []
    for settings, theirs, ours in (
        (
            BBOX_HEAD,
            {"type": "mmdet.CondInstBboxHead", "loss_cls": {"type": "FocalLoss", "use_sigmoid": True}},
            {
                "type": "stc_train.SparseBboxHead",
                "loss_cls": {"type": "stc_train.IgnoringFocalLoss", "use_sigmoid": True},
            },
        ),
        (
            MASK_HEAD,
            {"type": "mmdet.CondInstMaskHead", "loss_mask": DICE},
            {"type": "stc_train.PuzzleMaskHead", "loss_mask": {"type": "stc_train.PuzzleLoss"}},
        ),
    ):
        pair = [MODELS.build(ConfigDict(copy.deepcopy(settings | kind))) for kind in (theirs, ours)]
        for parameter in pair[0].parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        pair[1].load_state_dict(pair[0].state_dict())
        pairs.append([head.train() for head in pair])
    return pairs


def batch():
    """Features of two images of 96 x 128 pixels, three levels; samples with boxes, pieces and an ignore region."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    generator = torch.Generator().manual_seed(1)
    features = tuple(torch.randn(2, 32, 96 // s, 128 // s, generator=generator) for s in (8, 16, 32))
    samples = []
    for boxes, labels in (([(10, 10, 60, 70), (70, 20, 100, 50)], [0, 2]), ([(0, 30, 120, 90)], [1])):
        pieces = (255 * torch.rand(len(boxes), 24, 32, generator=generator)).to(torch.uint8)
        sample = DetDataSample(
            metainfo={
                "img_shape": (96, 128),
                "ori_shape": (192, 192),
                "scale_factor": (2 / 3, 0.5),
                "batch_input_shape": (96, 128),
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes).float(), labels=torch.tensor(labels), pieces=pieces
        )
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
        samples.append(sample)
    return features, samples


def positives(bbox_head):
    features, samples = batch()
    losses = bbox_head.loss(features, samples)
    return losses, bbox_head.get_positive_infos()


def test_box_head_equals_mmdetections(heads):
    (their_losses, their_infos), (our_losses, our_infos) = (positives(head) for head in heads[0])
    for name, value in their_losses.items():
        torch.testing.assert_close(our_losses[name], value)
    for theirs, ours in zip(their_infos, our_infos, strict=True):
        assert len(ours) > 5
        for key in theirs.keys():  # noqa: SIM118 (an InstanceData)
            torch.testing.assert_close(
                ours[key], theirs[key].squeeze() if key == "strides" else theirs[key], atol=1e-5, rtol=1e-5
            )
    grads = []
    for head, infos in zip(heads[0], (their_infos, our_infos), strict=True):
        head.zero_grad()
        sum(info.param_preds.square().sum() for info in infos).backward()
        grads.append([parameter.grad for parameter in head.parameters()])
    for theirs, ours in zip(*grads, strict=True):
        assert (theirs is None) == (ours is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)


def test_locations_are_chosen_around_masks_as_mmdetection_does(heads):
    from mmdet.structures.mask import BitmapMasks

    theirs, ours = heads[0]
    _, samples = batch()
    half = np.zeros((2, 96, 128), np.uint8)
    half[0, 10:20, 10:60], half[1, 20:50, 90:100] = 1, 1  # the rest of each box is hidden
    rows, columns = (axis.astype(np.float32) for axis in np.mgrid[:96, :128])
    centers = np.stack([[columns[mask > 0].mean(), rows[mask > 0].mean()] for mask in half])
    points = [
        torch.stack(torch.meshgrid(torch.arange(s / 2, 128, s), torch.arange(s / 2, 96, s), indexing="xy"), 2).reshape(
            -1, 2
        )
        for s in (8, 16, 32)
    ]
    instances = samples[0].gt_instances
    around_boxes = theirs.get_targets(points, [instances])
    their_instances, our_instances = copy.deepcopy(instances), copy.deepcopy(instances)
    their_instances.masks, our_instances.centers = BitmapMasks(half, 96, 128), torch.from_numpy(centers)
    expected, found = theirs.get_targets(points, [their_instances]), ours.get_targets(points, [our_instances])
    assert expected[2][0].tolist() != around_boxes[2][0].tolist()
    for mine, their in zip(found, expected, strict=True):
        for one, other in zip(mine, their, strict=True):
            torch.testing.assert_close(one, other)


def test_box_head_predicts_as_mmdetections(heads):
    features, samples = batch()
    results = [head.eval().predict(features, samples) for head in heads[0]]
    for head in heads[0]:
        head.train()
    for theirs, ours in zip(*results, strict=True):
        assert len(ours) > 3
        for key in ("bboxes", "scores", "labels", "param_preds"):
            torch.testing.assert_close(ours[key], theirs[key], atol=1e-5, rtol=1e-5)


def test_an_ignore_region_is_not_background(heads):
    head = heads[0][1]
    features, samples = batch()
    plain = head.loss(features, samples)["loss_cls"]
    for sample in samples:
        sample.ignored_instances.bboxes = torch.tensor([[0.0, 0.0, 128.0, 96.0]])
    ignored = head.loss(features, samples)["loss_cls"]
    # Only the positives are left: their focal losses, computed apart.
    scores, _, _, _ = head(features)
    flat = torch.cat([level.permute(0, 2, 3, 1).reshape(2, -1, CLASSES) for level in scores], 1)
    expected = 0.0
    infos = head.get_positive_infos()
    for image, (info, sample) in enumerate(zip(infos, samples, strict=True)):
        for position, instance in zip(info.pos_inds, info.pos_assigned_gt_inds, strict=True):
            for label, logit in enumerate(flat[image, position].tolist()):
                p = 1 / (1 + np.exp(-logit))
                hit = label == sample.gt_instances.labels[instance]
                expected += -0.25 * (1 - p) ** 2 * np.log(p) if hit else -0.75 * p**2 * np.log(1 - p)
    count = sum(len(info) for info in infos)
    assert ignored.item() == pytest.approx(expected / count, rel=1e-4)
    assert ignored < plain


def test_mask_logits_equal_mmdetections(heads):
    features, _ = batch()
    _, infos = positives(heads[0][0])
    theirs, ours = (head(features, infos)[0] for head in heads[1])
    for expected, found in zip(theirs, ours, strict=True):
        assert found.shape[1:] == (24, 32)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("limit", "objects", "locations", "expected"),
    [(8, 20, 3, 8), (8, 2, 6, 8), (8, 3, 1, 3), (-1, 20, 3, 60), (64, 100, 2, 64)],
    ids=["many objects", "few objects", "below the limit", "no limit", "more objects than the limit"],
)
def test_no_more_masks_than_the_setting_says(heads, limit, objects, locations, expected, monkeypatch):
    """Also where there are more objects than masks: the best predicted of them."""
    from mmengine.structures import InstanceData

    head = heads[1][1]
    monkeypatch.setattr(head, "topk_masks_per_img", limit)
    generator = torch.Generator().manual_seed(0)
    instance = torch.arange(objects).repeat_interleave(locations)
    info = InstanceData(
        pos_assigned_gt_inds=instance,
        scores=torch.randn(len(instance), CLASSES, generator=generator),
        centernesses=torch.randn(len(instance), 1, generator=generator),
    )
    chosen = head._select(info)
    assert len(chosen) == len(chosen.unique()) == expected
    assert len(instance[chosen].unique()) == min(objects, expected)
    quality = info.scores.sigmoid().amax(1) * info.centernesses.sigmoid().flatten()
    best = torch.stack([quality[instance == k].max() for k in range(objects)])
    if 0 < limit < objects:
        torch.testing.assert_close(quality[chosen].sort().values, best.sort().values[-limit:])


def test_the_supervised_masks_are_those_that_mmdetection_selects(heads):
    from mmdet.structures.mask import BitmapMasks

    _, infos = positives(heads[0][0])
    _, samples = batch()
    for info, sample in zip(infos, samples, strict=True):
        gt = sample.gt_instances
        gt.masks = BitmapMasks(np.zeros((len(gt), 96, 128), np.uint8), 96, 128)
        marked = torch.arange(len(info)).float()[:, None, None]
        kept, _, count = heads[1][0]._get_targets_single(marked, gt, info)
        assert count < len(info)
        assert sorted(kept.flatten().tolist()) == sorted(heads[1][1]._select(info).tolist())


def test_the_head_hands_the_loss_each_masks_box_and_piece(heads):
    from stc_train.models.condinst_mask_head import box_cells

    head = heads[1][1]
    features, samples = batch()
    _, infos = positives(heads[0][0])
    losses = head.loss(features, samples, positive_infos=infos)
    selected = [info[head._select(info)] for info in infos]
    logits = torch.cat(head(features, selected)[0])
    boxes, pieces = [], []
    for info, sample in zip(selected, samples, strict=True):
        for k in info.pos_assigned_gt_inds:
            boxes.append(box_cells(sample.gt_instances.bboxes[k : k + 1], (24, 32), 4)[0])
            pieces.append(sample.gt_instances.pieces[k] / 255)
    terms = PuzzleLoss()(logits, torch.stack(boxes), torch.stack(pieces))
    torch.testing.assert_close(losses["loss_mask_box"], terms.box)
    torch.testing.assert_close(losses["loss_mask_boundary"], terms.boundary)
    assert losses["positives"].item() == len(logits) / 2


def test_no_positives_train_to_nothing(heads):
    head = heads[1][1]
    features, samples = batch()
    _, infos = positives(heads[0][0])
    losses = head.loss(features, samples, positive_infos=[info[:0] for info in infos])
    (losses["loss_mask_box"] + losses["loss_mask_boundary"]).backward()
    assert losses["loss_mask_box"] == losses["loss_mask_boundary"] == 0


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((8, 4, 20, 12), [1, 2], [2, 3, 4]),
        ((9.9, 5.9, 18.1, 10.1), [1, 2], [2, 3, 4]),
        ((10.1, 6.1, 17.9, 9.9), [2], [3]),
        ((5, 5, 5.5, 5.5), [1], [1]),
        ((27, 23, 28, 24), [5], [6]),
    ],
    ids=["on the grid", "past centres", "short of centres", "within a cell", "in the corner"],
)
def test_cells_of_a_box(box, rows, columns):
    from stc_train.models.condinst_mask_head import box_cells

    inside = box_cells(torch.tensor([box], dtype=torch.float32), (6, 7), 4)[0]
    assert inside.any(1).nonzero().flatten().tolist() == rows
    assert inside.any(0).nonzero().flatten().tolist() == columns
    assert inside.sum() == len(rows) * len(columns)


def test_a_predicted_mask_lands_where_its_cells_are(heads):
    """A mask of cells 2..5 x 3..7 of stride 4, on a frame twice as high and 1.5 times as wide as the input."""
    logits = torch.full((1, 24, 32), -9.0)
    logits[:, 2:6, 3:8] = 9
    boxes = torch.tensor([[12.0, 8.0, 32.0, 24.0]])
    meta = {"img_shape": (96, 128), "ori_shape": (192, 192), "scale_factor": (2 / 3, 0.5)}
    mask = heads[1][1]._predict_by_feat_single(logits, boxes, meta, rescale=True)[0]
    assert boxes.tolist() == [[18, 16, 48, 48]]
    expected = torch.zeros(192, 192, dtype=torch.bool)
    expected[16:48, 18:48] = True
    assert (mask != expected).sum() <= 4 * 4  # the corners are rounded off
    assert (mask & expected).sum() / (mask | expected).sum() > 0.97


def test_a_wrong_label_weighs_less_on_the_other_classes():
    """Rows of class 0, of background, of an ignore region; the weight touches the other classes of the first only."""
    from stc_train.models.condinst_box_head import IgnoringFocalLoss

    logits = torch.tensor([[0.3, 0.7, -0.4], [0.2, -0.1, 0.5], [1.0, 2.0, 3.0]], dtype=torch.float64)
    target = torch.tensor([0, 3, 4])
    p = logits.sigmoid()
    positive, negative = -0.25 * (1 - p) ** 2 * p.log(), -0.75 * p**2 * (1 - p).log()
    for weight in (1.0, 0.25):
        loss = IgnoringFocalLoss(other_class_weight=weight, use_sigmoid=True)(logits, target, avg_factor=1.0)
        expected = positive[0, 0] + weight * negative[0, 1:].sum() + negative[1].sum()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_our_steps_apart_find_what_the_network_predicts(heads):
    """`condinst.dense_outputs`, `detect` and `soft_masks` against MMDetection's predict and our mask head."""
    from types import SimpleNamespace

    from stc_train.models.condinst_dense import dense_outputs, detect, soft_masks

    features, samples = batch()
    bbox_head, mask_head = (pair[1].eval() for pair in heads)
    network = SimpleNamespace(bbox_head=bbox_head, mask_head=mask_head, extract_feat=lambda inputs: features)
    cfg = copy.deepcopy(bbox_head.test_cfg)
    bbox_head.test_cfg.nms_pre = 1000  # all candidates: MMDetection cuts them per level
    with torch.inference_mode():
        expected = bbox_head.predict(features, samples)
        bbox_head.test_cfg = cfg
        dense = dense_outputs(network, torch.zeros(2, 3, 96, 128))
        for image, found in enumerate(expected):
            positions, labels, scores, boxes = detect(
                dense, image, (96, 128), score_threshold=0.0, nms_iou=0.6, before_nms=1000, most=10
            )
            assert len(found) == len(positions) > 3
            torch.testing.assert_close(scores, found.scores)
            torch.testing.assert_close(labels, found.labels)
            torch.testing.assert_close(boxes, found.bboxes, atol=1e-4, rtol=1e-5)
            logits = mask_head.forward_single(dense.views[0].features[image], found)[0]
            torch.testing.assert_close(
                soft_masks(network, dense, image, positions), logits.sigmoid(), atol=1e-4, rtol=1e-4
            )
    for pair in heads:
        pair[1].train()
