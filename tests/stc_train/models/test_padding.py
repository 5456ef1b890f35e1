"""Pictures of several sizes in one batch: every network of Table IX learns and predicts masks where the objects are.

What a perfect network would put out is made from the true masks on the padded input; the loss of that is next to
nothing, and what is predicted from it is the true mask at the picture's own size.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

SIZES = ((64, 128), (128, 64))  # of the two pictures: padded to 128 x 128
PADDED = (128, 128)
SURE = 12.0  # logit
CAR, PEDESTRIAN = 0, 1


def true_masks(size):
    """A car low on the right and a pedestrian high on the left, (2, H, W) bool."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    car = ((x - 0.65 * width) / (0.25 * width)) ** 2 + ((y - 0.7 * height) / (0.22 * height)) ** 2 < 1
    pedestrian = abs(x - 0.2 * width) / (0.15 * width) + abs(y - 0.35 * height) / (0.3 * height) < 1
    return np.stack([car, pedestrian])


def boxes_of(masks):
    rows, columns = masks.any(2), masks.any(1)
    edges = [
        (c.argmax(), r.argmax(), c.size - c[::-1].argmax(), r.size - r[::-1].argmax())
        for r, c in zip(rows, columns, strict=True)
    ]
    return torch.tensor(np.array(edges), dtype=torch.float32)


@pytest.fixture(scope="module", params=["condinst", "yolact", "blendmask", "htc"])
def network(request):
    """One of the small networks, as its config describes it."""
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    from stc_train.engine.train import load_config

    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    return request.param, MODELS.build(load_config(f"{request.param}_r18_demo").model)


@pytest.fixture(scope="module", params=["masks padded", "masks not padded"])
def batch(request, network):
    """The two pictures as the network's preprocessor gives them in training."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    samples = []
    for size in SIZES:
        masks = true_masks(size)
        sample = DetDataSample(
            metainfo={"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0), "img_id": str(size)}
        )
        sample.gt_instances = InstanceData(
            bboxes=boxes_of(masks),
            labels=torch.tensor([CAR, PEDESTRIAN]),
            masks=BitmapMasks(masks.astype(np.uint8), *size),
            pieces=(F.avg_pool2d(torch.from_numpy(masks).float(), 4) * 255).round().byte(),
        )
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
        samples.append(sample)
    pictures = [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in SIZES]
    network[1].data_preprocessor.pad_mask = request.param == "masks padded"
    data = network[1].data_preprocessor({"inputs": pictures, "data_samples": samples}, training=True)
    assert data["inputs"].shape == (2, 3, *PADDED)
    return data["data_samples"]


def on_grid(stride):
    """Share of each cell of the padded input that is an object's: (2 pictures, 2 objects, h, w)."""
    padded = torch.zeros(2, 2, *PADDED)
    for picture, size in enumerate(SIZES):
        padded[picture, :, : size[0], : size[1]] = torch.from_numpy(true_masks(size)).float()
    return F.avg_pool2d(padded, stride)


def logits(shares):
    """Of the share of a cell that is an object's; sure where all or nothing of it is."""
    return torch.where((shares > 0) & (shares < 1), shares.logit(), torch.where(shares > 0, SURE, -SURE))


def proposals(samples, **more):
    """One proposal for each object of each picture."""
    from mmengine.structures import InstanceData

    return [
        InstanceData(
            bboxes=sample.gt_instances.bboxes.clone(),
            pos_assigned_gt_inds=torch.arange(2),
            points=(sample.gt_instances.bboxes[:, :2] + sample.gt_instances.bboxes[:, 2:]) / 2,
            labels=sample.gt_instances.labels,
            scores=torch.ones(2),
            **more,
        )
        for sample in samples
    ]


def semantic_logits(stride, background):
    """Of each class by the true masks, and of the background where there is such a channel."""
    shares = on_grid(stride)
    if background:
        shares = torch.cat([shares, 1 - shares.sum(1, keepdim=True)], 1)
    return logits(shares)


def attention(head):
    """The k-th object's mask is the k-th base."""
    bases, side, _ = head.attention_shape
    choice = torch.full((2, bases, side, side), -SURE)
    for k in range(2):
        choice[k, k] = SURE
    return choice.flatten(1)


def bases_of(head):
    bases = torch.full((2, head.attention_shape[0], 32, 32), -SURE)
    bases[:, :2] = logits(on_grid(4))
    return bases


def losses_of_the_truth(name, network, samples):
    """The mask losses of a perfect network's output."""
    instances = [sample.gt_instances for sample in samples]
    metas = [sample.metainfo for sample in samples]
    ignored = [sample.ignored_instances for sample in samples]
    match name:
        case "condinst":
            losses = network.mask_head.loss_of_logits(logits(on_grid(4)).flatten(0, 1), samples, proposals(samples))
            return {key: losses[key] for key in ("loss_mask_box", "loss_mask_boundary")}
        case "yolact":
            masks = [logits(own).sigmoid().permute(1, 2, 0) for own in on_grid(4)]
            return network.mask_head.loss_by_feat(
                masks, semantic_logits(8, background=False), instances, metas, proposals(samples), ignored
            )
        case "blendmask":
            head = network.mask_head
            return head.loss_by_feat(
                bases_of(head),
                semantic_logits(8, background=True),
                instances,
                metas,
                proposals(samples, param_preds=attention(head)),
                ignored,
            )
        case "htc":
            from mmdet.models.task_modules.samplers import SamplingResult
            from torchvision.ops import roi_align

            boxes = [own.bboxes for own in instances]
            crops = roi_align(on_grid(1).flatten(0, 1)[:, None], [b[None] for b in torch.cat(boxes)], 28, aligned=True)
            outputs = torch.full((4, 2, 28, 28), -SURE)
            outputs[torch.arange(4), torch.cat([own.labels for own in instances])] = logits(crops[:, 0])
            nothing = torch.zeros(0, dtype=torch.long)
            samplings = [
                SamplingResult(torch.arange(2), nothing, own, own, _Assigned(labels), torch.ones(2, dtype=torch.uint8))
                for own, labels in zip(boxes, [own.labels for own in instances], strict=True)
            ]
            config = network.train_cfg.rcnn[-1]
            return network.roi_head.mask_head[-1].loss_and_target(outputs, samplings, instances, config)["loss_mask"]


class _Assigned:
    """Each box is its own object's."""

    def __init__(self, labels):
        self.gt_inds, self.labels, self.num_gts = torch.arange(1, 3), labels, 2


def test_a_perfect_network_has_next_to_no_loss(network, batch):
    name, built = network
    losses = losses_of_the_truth(name, built, batch)
    assert losses
    for key, value in losses.items():
        # The rest: cells that masks and boxes share with what is beside them.
        assert float(value) < {"loss_mask_box": 0.1, "loss_mask_boundary": 1.0, "loss_mask": 2.0}.get(key, 0.5), key


def test_a_network_that_looks_elsewhere_has_much(network, batch, monkeypatch):
    """The same losses of masks stretched over the padding: the test above can fail."""

    def stretched(stride):
        pictures = [torch.from_numpy(true_masks(size)).float()[None] for size in SIZES]
        return F.avg_pool2d(torch.cat([F.interpolate(own, PADDED) for own in pictures]), stride)

    name, built = network
    exact = losses_of_the_truth(name, built, batch)
    monkeypatch.setitem(globals(), "on_grid", stretched)
    for key, value in losses_of_the_truth(name, built, batch).items():
        assert float(value) > 3 * float(exact[key]), key


def predicted(name, network, samples):
    """Masks of each picture, at its own size, from a perfect network's output."""
    found = proposals(samples)
    match name:
        case "condinst":
            return [
                network.mask_head._predict_by_feat_single(logits(own), info.bboxes, sample.metainfo, True)
                for own, info, sample in zip(on_grid(4), found, samples, strict=True)
            ]
        case "yolact":
            return [
                network.mask_head._predict_by_feat_single(logits(own).sigmoid(), info.bboxes, sample.metainfo, True)
                for own, info, sample in zip(on_grid(4), found, samples, strict=True)
            ]
        case "blendmask":
            head = network.mask_head
            found = proposals(samples, param_preds=attention(head))
            results = head.predict_by_feat(bases_of(head), None, [s.metainfo for s in samples], found, rescale=True)
            return [result.masks for result in results]
        case "htc":
            from torchvision.ops import roi_align

            crops = [
                roi_align(own[:, None], [box[None] for box in info.bboxes], 28, aligned=True)[:, 0]
                for own, info in zip(on_grid(1), found, strict=True)
            ]
            outputs = []
            for own in crops:
                of_class = torch.full((2, 2, 28, 28), -SURE)
                of_class[torch.arange(2), torch.arange(2)] = logits(own)
                outputs.append(of_class)
            results = network.roi_head.mask_head[-1].predict_by_feat(
                outputs, found, [sample.metainfo for sample in samples], network.test_cfg.rcnn, rescale=True
            )
            return [result.masks for result in results]


def test_predicted_masks_lie_where_the_objects_are(network, batch):
    name, built = network
    for masks, size in zip(predicted(name, built, batch), SIZES, strict=True):
        truth = torch.from_numpy(true_masks(size))
        assert masks.shape == truth.shape
        overlap = (masks & truth).sum((1, 2)) / (masks | truth).sum((1, 2))
        assert (overlap > 0.8).all(), overlap
