"""YOLACT's mask head against MMDetection's, and what it does better: padded batches and ignore regions."""

import numpy as np
import pytest
import torch

CLASSES, PROTOTYPES = 3, 4
BOXES = [[8.0, 8.0, 40.0, 40.0], [48.0, 16.0, 88.0, 56.0]]


def build(name):
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict

    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    return MODELS.build(
        ConfigDict(
            {
                "type": name,
                "num_classes": CLASSES,
                "in_channels": 8,
                "proto_channels": (8, 8, 8, None, 8, PROTOTYPES),
                "num_protos": PROTOTYPES,
                "loss_mask_weight": 6.125,
                "test_cfg": {"mask_thr": 0.5, "mask_thr_binary": 0.5},
            }
        )
    )


@pytest.fixture
def heads():
    """(MMDetection's, ours) with the same weights, in training."""
    pair = [build(name) for name in ("mmdet.YOLACTProtonet", "stc_train.Protonet")]
    pair[1].load_state_dict(pair[0].state_dict())
    return pair


def sample(size, padded, labels=(0, 2), ignored=()):
    """An image of some size in a padded input: two boxes that their masks fill in blocks of eight pixels."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    masks = np.zeros((2, *size), np.uint8)
    masks[0, 8:40, 8:32], masks[1, 24:56, 48:88] = 1, 1
    found = DetDataSample(
        metainfo={"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0), "batch_input_shape": padded}
    )
    found.gt_instances = InstanceData(
        bboxes=torch.tensor(BOXES), labels=torch.tensor(labels), masks=BitmapMasks(masks, *size)
    )
    found.ignored_instances = InstanceData(bboxes=torch.tensor(list(ignored)).reshape(-1, 4).float())
    return found


def positives(count=3):
    from mmengine.structures import InstanceData

    which = torch.tensor([0, 1, 1])[:count]
    coefficients = torch.randn(count, PROTOTYPES, generator=torch.Generator().manual_seed(3)).tanh().requires_grad_()
    return InstanceData(pos_assigned_gt_inds=which, bboxes=torch.tensor(BOXES)[which], coeffs=coefficients)


def features(images=2, size=(64, 96)):
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(images, 8, size[0] // 8, size[1] // 8, generator=generator),)


def test_the_losses_equal_mmdetections(heads):
    """Its semantic targets number the classes from 1, so it is told labels one higher."""
    theirs, ours = (
        head.loss(
            features(),
            [sample((64, 96), (64, 96), labels=[label + shift for label in (0, 2)]) for _ in range(2)],
            positive_infos=[positives(), positives(0)],
        )
        for head, shift in zip(heads, (1, 0), strict=True)
    )
    torch.testing.assert_close(ours["loss_mask"], sum(theirs["loss_mask"]))
    torch.testing.assert_close(ours["loss_segm"], sum(theirs["loss_segm"]))


def test_padding_changes_nothing(heads):
    """Prototypes of a padded image are scored, cropped and enlarged where the image is."""
    _, head = heads
    level = torch.zeros(1, 8, 16, 16)
    level[..., :8, :12] = features(1)[0]

    class Fixed(torch.nn.Module):
        """Prototypes without convolutions, whose reach would see the padding."""

        def forward(self, x):
            return x[:, :PROTOTYPES].repeat_interleave(2, 2).repeat_interleave(2, 3).relu()

    head.protonet = Fixed()
    losses, masks = [], []
    for x, padded in (((level[..., :8, :12],), (64, 96)), ((level,), (128, 128))):
        head.train()
        losses.append(head.loss(x, [sample((64, 96), padded)], positive_infos=[positives()])["loss_mask"])
        head.eval()
        found = positives()
        masks.append(head.predict(x, [sample((64, 96), padded)], rescale=True, results_list=[found])[0].masks)
    torch.testing.assert_close(*losses)
    assert masks[0].shape == (3, 64, 96)
    assert masks[0].any((1, 2)).all()
    assert (masks[0] == masks[1]).all()


def test_ignored_boxes_are_not_background(heads):
    _, head = heads
    level = features(1)[0].requires_grad_()
    head.protonet.requires_grad_(False)
    semantic = head.segm_branch(level)
    semantic.retain_grad()
    batch = sample((64, 96), (64, 96), ignored=[[24.0, 0.0, 64.0, 32.0]])
    masks = [torch.full((16, 24, 0), 0.5)]
    losses = head.loss_by_feat(
        masks, semantic, [batch.gt_instances], [batch.metainfo], [positives(0)], [batch.ignored_instances]
    )
    losses["loss_segm"].backward()
    expected = torch.ones(8, 12, dtype=torch.bool)
    expected[:4, 3:8] = False
    expected[1:4, 3], expected[3, 6:8] = True, True  # the objects' own cells are known
    assert ((semantic.grad[0].abs().amin(0) > 0) == expected).all()
    assert float(losses["loss_mask"]) == 0


def test_no_frame_has_positives(heads):
    _, head = heads
    infos = [positives(0), positives(0)]
    losses = head.loss(features(), [sample((64, 96), (64, 96)) for _ in range(2)], positive_infos=infos)
    assert float(losses["loss_mask"].detach()) == 0
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
