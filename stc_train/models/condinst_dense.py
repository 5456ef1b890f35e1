"""CondInst's raw outputs: detections and soft masks of chosen locations, from a picture and from its mirror image.

MMDetection's `predict` goes from features to final masks in one piece. Here the steps are apart, so that a mirrored
view can be averaged in, masks can be asked for at locations that no score chose, and the whole can be exported.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torchvision.ops import nms

from stc_track.io.errors import SettingError
from stc_train.models.condinst_box_head import CondInstBboxHead
from stc_train.models.condinst_mask_head import PuzzleMaskHead


class View(NamedTuple):
    """What the mask head needs of one view of the batch.

    Attributes:
        filters: (B, P, K) of every location, in the order of `Dense`.
        points: (P, 2) x y of each location in this view, pixels.
        features: (B, C, h, w) mask features.
        mirrored: whether left and right are exchanged.
    """

    filters: Tensor
    points: Tensor
    features: Tensor
    mirrored: bool


class Dense(NamedTuple):
    """Every location's outputs; P locations of all levels, row-major, level after level.

    Attributes:
        scores: (B, P, C) class probabilities.
        centerness: (B, P) in 0..1.
        boxes: (B, P, 4) xyxy, pixels of the input.
        points: (P, 2) x y, pixels of the input.
        strides: (P,) pixels.
        views: one, or two where the mirror image was looked at.
    """

    scores: Tensor
    centerness: Tensor
    boxes: Tensor
    points: Tensor
    strides: Tensor
    views: tuple[View, ...]


def require_condinst(network: nn.Module, setting: str) -> None:
    """Raise a SettingError, for a setting that needs one, unless the network is our CondInst."""
    heads = getattr(network, "bbox_head", None), getattr(network, "mask_head", None)
    if not (isinstance(heads[0], CondInstBboxHead) and isinstance(heads[1], PuzzleMaskHead)):
        raise SettingError(setting, "a CondInst of stc-train", type(network).__name__)


def dense_outputs(network: nn.Module, inputs: Tensor, flip: bool = False) -> Dense:
    """Run the network up to its heads' outputs.

    Args:
        network: our CondInst, in evaluation mode.
        inputs: (B, 3, H, W), normalised.
        flip: look at the mirror image as well, and average scores and boxes.
    """
    strides = network.bbox_head.prior_generator.strides
    coarsest = max(max(stride) for stride in strides)
    if flip:  # so that a location's mirror image is a location, on every level
        inputs = F.pad(inputs, (0, -inputs.shape[3] % coarsest, 0, 0))
    plain = _one_view(network, inputs, mirrored=False)
    if not flip:
        return plain
    mirrored = _one_view(network, inputs.flip(-1), mirrored=True)
    return plain._replace(
        scores=(plain.scores + mirrored.scores) / 2,
        centerness=(plain.centerness + mirrored.centerness) / 2,
        boxes=(plain.boxes + mirrored.boxes) / 2,
        views=plain.views + mirrored.views,
    )


def _one_view(network: nn.Module, inputs: Tensor, mirrored: bool) -> Dense:
    """One view's outputs; of a mirrored view brought back to the places of the picture itself."""
    levels = network.extract_feat(inputs)
    features = network.mask_head.mask_feature_head(levels).float()
    outputs = network.bbox_head(levels)
    sizes = [level.shape[-2:] for level in outputs[0]]
    priors = torch.cat(
        network.bbox_head.prior_generator.grid_priors(
            sizes, dtype=torch.float32, device=inputs.device, with_stride=True
        )
    )
    points, strides = priors[:, :2], priors[:, 2]

    def flat(maps: list[Tensor]) -> Tensor:
        return (
            torch.cat([(level.flip(-1) if mirrored else level).flatten(2) for level in maps], 2).transpose(1, 2).float()
        )

    scores, distances, centerness, filters = (flat(maps) for maps in outputs)
    places = points
    if mirrored:
        distances = distances[..., [2, 1, 0, 3]]
        places = torch.stack([inputs.shape[3] - points[:, 0], points[:, 1]], 1)
    boxes = torch.cat([points - distances[..., :2], points + distances[..., 2:]], 2)
    return Dense(
        scores.sigmoid(),
        centerness[..., 0].sigmoid(),
        boxes,
        points,
        strides,
        (View(filters, places, features, mirrored),),
    )


def detect(
    dense: Dense,
    image: int,
    size: tuple[int, int],
    *,
    score_threshold: float,
    nms_iou: float,
    before_nms: int,
    most: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Choose one picture's detections, as MMDetection's FCOS head does.

    Args:
        dense: of the batch.
        image: which picture.
        size: (height, width) of the picture within the padded input, pixels.
        score_threshold: least class probability.
        nms_iou: a box that overlaps a better one of its class by more is dropped.
        before_nms: candidates that are compared (MMDetection: per level; here of all levels together).
        most: detections at the most.

    Returns:
        positions (n,) int64 among the locations; labels (n,); scores (n,), class times centerness; boxes (n, 4).
    """
    candidates, labels = (dense.scores[image] > score_threshold).nonzero(as_tuple=True)
    scores = dense.scores[image][candidates, labels]
    order = scores.argsort(descending=True, stable=True)[:before_nms]
    candidates, labels = candidates[order], labels[order]
    scores = scores[order] * dense.centerness[image][candidates]
    limit = scores.new_tensor([size[1], size[0], size[1], size[0]])
    boxes = dense.boxes[image][candidates].clamp(min=0).minimum(limit)
    usable = (boxes[:, 2:] > boxes[:, :2]).all(1)
    candidates, labels, scores, boxes = candidates[usable], labels[usable], scores[usable], boxes[usable]
    # Classes side by side, where their boxes cannot meet.
    kept = nms(boxes + labels[:, None] * (max(size) + 1), scores, nms_iou)[:most]
    return candidates[kept], labels[kept], scores[kept], boxes[kept]


def soft_masks(network: nn.Module, dense: Dense, image: int, positions: Tensor) -> Tensor:
    """Probability of each mask's cells, averaged over the views.

    Args:
        network: whose `dense_outputs` these are.
        dense: of the batch.
        image: which picture.
        positions: (n,) int64, the locations whose masks are wanted.

    Returns:
        (n, h, w) float32 in 0..1, cells of the mask head's stride on the padded input.
    """
    masks = []
    for view in dense.views:
        info = InstanceData(
            param_preds=view.filters[image][positions], points=view.points[positions], strides=dense.strides[positions]
        )
        mask = network.mask_head.forward_single(view.features[image], info)[0].sigmoid()
        masks.append(mask.flip(-1) if view.mirrored else mask)
    return torch.stack(masks).mean(0)
