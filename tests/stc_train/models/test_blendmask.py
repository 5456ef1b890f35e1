"""BlendMask's blender and head against plain references."""

import math

import numpy as np
import pytest
import torch

CLASSES, BASES, ATTENTION, SIDE = 2, 3, 4, 8
HEIGHT, WIDTH = 64, 96  # of the input; bases at a quarter, the finest level at an eighth
BOXES = [[8.0, 4.0, 40.0, 36.0], [50.0, 20.0, 82.0, 60.0]]


def reference_blend(bases, attention):
    """Pixel by pixel, base by base."""
    count, kinds, side, _ = bases.shape
    size = attention.shape[-1]
    out = np.zeros((count, side, side))

    def at(grid, y, x):
        y, x = (min(max((p + 0.5) * size / side - 0.5, 0), size - 1) for p in (y, x))
        top, left = int(y), int(x)
        bottom, right = min(top + 1, size - 1), min(left + 1, size - 1)
        upper = grid[top, left] * (1 - x + left) + grid[top, right] * (x - left)
        lower = grid[bottom, left] * (1 - x + left) + grid[bottom, right] * (x - left)
        return upper * (1 - y + top) + lower * (y - top)

    for n in range(count):
        for y in range(side):
            for x in range(side):
                shares = [math.exp(at(attention[n, k], y, x)) for k in range(kinds)]
                out[n, y, x] = sum(share / sum(shares) * bases[n, k, y, x] for k, share in enumerate(shares))
    return out


def test_blending_equals_the_loop():
    from stc_train.models.blendmask import blend

    generator = torch.Generator().manual_seed(0)
    bases = torch.randn(2, BASES, SIDE, SIDE, generator=generator, dtype=torch.float64)
    attention = 3 * torch.randn(2, BASES, ATTENTION, ATTENTION, generator=generator, dtype=torch.float64)
    np.testing.assert_allclose(blend(bases, attention), reference_blend(bases.numpy(), attention.numpy()), rtol=1e-9)


def test_blended_values_stay_between_the_bases():
    from stc_train.models.blendmask import blend

    bases = torch.randn(4, BASES, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    mask = blend(bases, 100 * torch.randn(4, BASES, ATTENTION, ATTENTION))
    assert (mask <= bases.amax(1) + 1e-5).all()
    assert (mask >= bases.amin(1) - 1e-5).all()
    torch.testing.assert_close(blend(bases, torch.zeros(4, BASES, ATTENTION, ATTENTION)), bases.mean(1))


def build_head(**changes):
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict

    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    settings = {
        "type": "stc_train.BlendMaskHead",
        "num_classes": CLASSES,
        "in_channels": 8,
        "semantic_channels": 8,
        "num_bases": BASES,
        "attention_size": ATTENTION,
        "resolution": SIDE,
        "test_cfg": {"mask_thr": 0.5},
        "basis_module": {"in_channels": 8, "feat_channels": 8, "num_levels": 2, "num_convs": 1},
    }
    torch.manual_seed(0)
    return MODELS.build(ConfigDict(settings | changes))


def samples(masks=None, ignored=()):
    """Two images: two boxes on the first, none on the second."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    found = []
    for boxes in (BOXES, []):
        sample = DetDataSample(
            metainfo={
                "img_shape": (HEIGHT, WIDTH),
                "ori_shape": (HEIGHT, WIDTH),
                "scale_factor": (1.0, 1.0),
                "batch_input_shape": (HEIGHT, WIDTH),
            }
        )
        drawn = np.zeros((len(boxes), HEIGHT, WIDTH), np.uint8)
        for k in range(len(boxes)):
            drawn[k] = masks[k] if masks is not None else 0
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor(boxes).reshape(-1, 4),
            labels=torch.arange(len(boxes)),
            masks=BitmapMasks(drawn, HEIGHT, WIDTH),
        )
        sample.ignored_instances = InstanceData(bboxes=torch.tensor(list(ignored)).float().reshape(-1, 4))
        found.append(sample)
    return found


def positives(points, which, attention):
    from mmengine.structures import InstanceData

    count = len(attention)
    return [
        InstanceData(
            points=torch.tensor(points).reshape(-1, 2), pos_assigned_gt_inds=torch.tensor(which), param_preds=attention
        ),
        InstanceData(
            points=torch.zeros(0, 2),
            pos_assigned_gt_inds=torch.zeros(0, dtype=torch.int64),
            param_preds=attention[count:],
        ),
    ]


def halves():
    """Masks of the two boxes: the left half of the first, the lower half of the second."""
    masks = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    masks[0, 4:36, 8:24] = 1
    masks[1, 40:60, 50:82] = 1
    return masks


def test_bases_are_cropped_where_the_boxes_are():
    """A base that holds its own x or y is blended to the positions of the box's cells."""
    head = build_head()
    y, x = torch.meshgrid(torch.arange(HEIGHT // 4) + 0.5, torch.arange(WIDTH // 4) + 0.5, indexing="ij")
    bases = torch.stack([x, y, torch.zeros_like(x)])[None]
    attention = torch.zeros(2, BASES, ATTENTION, ATTENTION)
    attention[0, 0], attention[1, 1] = 100, 100
    logits = head.mask_logits(bases, [torch.tensor(BOXES)], attention.flatten(1))
    cells = (torch.arange(SIDE) + 0.5) / SIDE
    torch.testing.assert_close(logits[0], ((8 + 32 * cells) / 4).expand(SIDE, SIDE))
    torch.testing.assert_close(logits[1], ((20 + 40 * cells) / 4)[:, None].expand(SIDE, SIDE))


def test_the_loss_equals_the_loop():
    head = build_head(semantic_weight=0)
    generator = torch.Generator().manual_seed(2)
    bases = torch.randn(2, BASES, HEIGHT // 4, WIDTH // 4, generator=generator)
    attention = torch.randn(3, BASES * ATTENTION**2, generator=generator)
    points, which = [[20.0, 20.0], [28.0, 12.0], [60.0, 44.0]], [0, 0, 1]
    loss = head_loss(head, bases, None, samples(halves()), positives(points, which, attention))["loss_mask"]
    logits = head.mask_logits(bases, [torch.tensor(BOXES)[which], torch.zeros(0, 4)], attention).double().numpy()
    truth = np.zeros((2, SIDE, SIDE))
    truth[0, :, :4], truth[1, 4:] = 1, 1
    total = weights = 0
    for k, box in enumerate(which):
        x1, y1, x2, y2 = BOXES[box]
        sides = points[k][0] - x1, x2 - points[k][0], points[k][1] - y1, y2 - points[k][1]
        weight = math.sqrt(min(sides[:2]) / max(sides[:2]) * min(sides[2:]) / max(sides[2:]))
        cross = [math.log1p(math.exp(-z if t else z)) for z, t in zip(logits[k].flat, truth[box].flat, strict=True)]
        total, weights = total + weight * sum(cross) / SIDE**2, weights + weight
    assert float(loss) == pytest.approx(total / weights, rel=1e-5)


def head_loss(head, bases, semantic, batch, infos):
    return head.loss_by_feat(
        bases,
        semantic,
        [sample.gt_instances for sample in batch],
        [sample.metainfo for sample in batch],
        infos,
        [sample.ignored_instances for sample in batch],
    )


def test_the_semantic_loss_leaves_out_ignored_boxes():
    head = build_head()
    semantic = torch.randn(2, CLASSES + 1, HEIGHT // 8, WIDTH // 8, requires_grad=True)
    bases = torch.zeros(2, BASES, HEIGHT // 4, WIDTH // 4)
    batch = samples(halves(), ignored=[[0.0, 0.0, 16.0, 64.0]])  # its upper part holds half of the first mask
    infos = positives([[20.0, 20.0]], [0], torch.zeros(1, BASES * ATTENTION**2))
    loss = head_loss(head, bases, semantic, batch, infos)["loss_semantic"]
    loss.backward()
    moved = semantic.grad.abs().sum(1) > 0
    expected = torch.ones(2, HEIGHT // 8, WIDTH // 8, dtype=torch.bool)
    expected[:, :, :2] = False
    expected[0, 1:4, 1] = True  # the object's own cells are known
    expected[0, 4, 1] = False
    assert (moved[:, 1:] == expected[:, 1:]).all()
    assert not moved[1, 0, :2].any()


def test_no_positives_give_a_loss_of_zero_with_a_gradient():
    head = build_head()
    features = tuple(torch.randn(2, 8, HEIGHT // s, WIDTH // s, requires_grad=True) for s in (8, 16))
    attention = torch.zeros(0, BASES * ATTENTION**2, requires_grad=True)
    infos = positives([], [], attention)
    for info in infos:
        info.pos_assigned_gt_inds = info.pos_assigned_gt_inds.long()
    losses = head.loss(features, samples(halves()), positive_infos=infos)
    assert float(losses["loss_mask"].detach()) == 0
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_predicted_masks_lie_in_their_boxes():
    head = build_head().eval()
    from mmengine.structures import InstanceData

    bases = torch.full((1, BASES, HEIGHT // 4, WIDTH // 4), -5.0)
    bases[0, :, :, :6] = 5.0  # pixels left of 24
    results = [
        InstanceData(
            bboxes=torch.tensor(BOXES),
            scores=torch.ones(2),
            labels=torch.arange(2),
            param_preds=torch.zeros(2, BASES * ATTENTION**2),
        )
    ]
    meta = {"ori_shape": (2 * HEIGHT, 2 * WIDTH), "img_shape": (HEIGHT, WIDTH), "scale_factor": (0.5, 0.5)}
    masks = head.predict_by_feat(bases, None, [meta], results, rescale=True)[0].masks
    drawn = torch.zeros(2, 2 * HEIGHT, 2 * WIDTH, dtype=torch.bool)
    drawn[0, 8:72, 16:48] = True
    assert (masks[0] & drawn[0]).sum() / (masks[0] | drawn[0]).sum() > 0.9
    assert not masks[1].any()
    torch.testing.assert_close(results[0].bboxes, 2 * torch.tensor(BOXES))


def test_frames_without_results_have_no_masks():
    head = build_head().eval()
    from mmengine.structures import InstanceData

    empty = InstanceData(
        bboxes=torch.zeros(0, 4),
        scores=torch.zeros(0),
        labels=torch.zeros(0, dtype=torch.int64),
        param_preds=torch.zeros(0, BASES * ATTENTION**2),
    )
    meta = {"ori_shape": (30, 40), "img_shape": (HEIGHT, WIDTH), "scale_factor": (2.0, 2.0)}
    masks = head.predict_by_feat(torch.zeros(1, BASES, 16, 24), None, [meta], [empty], rescale=True)[0].masks
    assert masks.shape == (0, 30, 40)


def test_centerness():
    from stc_train.models.blendmask import centerness

    points = torch.tensor([[5.0, 10.0], [1.0, 10.0], [0.0, 3.0], [1.0, 4.0]])
    found = centerness(points, torch.tensor([[0.0, 0.0, 10.0, 20.0]]).expand(4, 4))
    torch.testing.assert_close(found, torch.tensor([1.0, (1 / 9) ** 0.5, 0.0, (1 / 9 * 4 / 16) ** 0.5]))


@pytest.fixture
def bbox_head():
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict

    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    return MODELS.build(
        ConfigDict(
            {
                "type": "stc_train.AttentionBboxHead",
                "num_bases": BASES,
                "attention_size": ATTENTION,
                "num_classes": CLASSES,
                "in_channels": 8,
                "feat_channels": 32,
                "stacked_convs": 1,
                "strides": [8],
                "regress_ranges": ((-1, 1e8),),
                "center_sampling": True,
                "center_sample_radius": 0.6,
                "norm_on_bbox": True,
                "loss_cls": {"type": "stc_train.IgnoringFocalLoss", "use_sigmoid": True},
            }
        )
    )


def test_locations_are_sampled_round_the_boxes_centres(bbox_head):
    """Not round the masks' centres of mass, which pull CondInst's."""
    head, features = bbox_head, (torch.randn(2, 8, HEIGHT // 8, WIDTH // 8),)
    losses = head.loss(features, samples(halves()))
    infos = head.get_positive_infos()
    assert all(torch.isfinite(value) for value in losses.values())
    assert infos[0].param_preds.shape == (len(infos[0].points), BASES * ATTENTION**2)
    middles = torch.tensor([[24.0, 20.0], [66.0, 40.0]])
    assert (abs(infos[0].points - middles[infos[0].pos_assigned_gt_inds]) < 0.6 * 8).all()
    assert len(infos[0].points) > 1
    assert len(infos[1].points) == 0
