"""The network's masks for given boxes: the top-k locations of each box, and the average of their masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from stc_train.models.condinst_dense import Dense, soft_masks

RADIUS = 1.5  # strides around the box's centre: FCOS trains the locations there for the box (center sampling)
TOP_K = 5  # locations whose masks are averaged
NEAREST = 1e-6  # weight of closeness to the centre: decides where no predicted box overlaps the given one


def top_locations(dense: Dense, image: int, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Choose for each box the locations whose own predicted boxes fit it best, among those near its centre.

    Args:
        dense: of the batch.
        image: which picture.
        boxes: (n, 4) xyxy, pixels of the input.

    Returns:
        positions (n, TOP_K) int64 among the locations, and weights of the same shape that add up to 1 in each row.
    """
    points, strides = dense.points, dense.strides
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    away = (points - centre).abs() / strides[:, None]  # n x P x 2, strides
    inside = ((points > boxes[:, None, :2]) & (points < boxes[:, None, 2:])).all(2)
    near = inside & (away.amax(2) < RADIUS)
    closeness = 1 / (1 + away.norm(dim=2))
    fit = box_iou(boxes, dense.boxes[image]) * near + NEAREST * closeness * (inside + NEAREST)
    weight, positions = fit.topk(min(TOP_K, fit.shape[1]), dim=1)
    return positions, weight / weight.sum(1, keepdim=True)


def box_probabilities(network: nn.Module, dense: Dense, image: int, boxes: Tensor) -> Tensor:
    """Mask probability of each cell, for each box.

    Args:
        network: our CondInst, whose `dense_outputs` these are.
        dense: of the batch.
        image: which picture.
        boxes: (n, 4) xyxy, pixels of the input.

    Returns:
        (n, h, w) float32 in 0..1, cells of the mask head's stride on the padded input.
    """
    positions, weight = top_locations(dense, image, boxes)
    # A box at a time: the masks of all locations of a crowd would need much memory.
    return torch.stack(
        [
            torch.einsum("k,khw->hw", w, soft_masks(network, dense, image, place))
            for place, w in zip(positions, weight, strict=True)
        ]
    )
