"""Which class the pixels belong to, as far as boxes and pseudo-masks say: the target of auxiliary semantic losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from stc_train.models.condinst_mask_head import box_cells

UNKNOWN = 255


def semantic_targets(
    instances: InstanceData, ignored: InstanceData | None, size: tuple[int, int], stride: int, classes: int
) -> Tensor:
    """Class of each cell.

    Args:
        instances: `masks`, BitmapMasks of the padded input's size, and `labels` (N,) in 0..classes - 1.
        ignored: `bboxes` (M, 4), pixels: ignore regions, and boxes that got no pseudo-mask; or None.
        size: (h, w) cells.
        stride: pixels per cell.
        classes: how many there are.

    Returns:
        (h, w) int64: a class, `classes` for background, or `UNKNOWN` in an ignored box outside every mask. Where masks
        of several classes meet in a cell it is the highest class number's.
    """
    labels = instances.labels
    target = labels.new_full(size, classes)
    if ignored is not None and len(ignored.bboxes):
        target[box_cells(ignored.bboxes, size, stride).any(0)] = UNKNOWN
    if len(labels):
        masks = instances.masks.to_tensor(dtype=torch.float32, device=labels.device)
        covered = F.interpolate(masks[None], size, mode="bilinear", align_corners=False)[0] > 0.5
        highest = (covered * (labels + 1)[:, None, None]).amax(0)
        target[highest > 0] = highest[highest > 0] - 1
    return target
