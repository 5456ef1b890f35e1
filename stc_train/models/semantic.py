"""Targets of auxiliary semantic losses: classes of pixels, from boxes and pseudo-masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from torch import Tensor

from stc_train.models.condinst_mask_head import box_cells

UNKNOWN = 255
MASKS_AT_ONCE = 32  # 140 MB at 800 x 1333 pixels


def semantic_targets(
    instances: InstanceData, ignored: InstanceData | None, size: tuple[int, int], stride: int, classes: int
) -> Tensor:
    """Class of each cell.

    Args:
        instances: `masks`, BitmapMasks of the picture or of the padded input, and `labels` (N,) in 0..classes - 1.
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
        target = target.masked_fill(box_cells(ignored.bboxes, size, stride).any(0), UNKNOWN)
    if len(labels):
        covered = masks_on_cells(instances.masks, size, stride, labels.device)
        highest = (covered * (labels + 1)[:, None, None]).amax(0)
        target = torch.where(highest > 0, highest - 1, target)
    return target


def masks_on_cells(masks: BitmapMasks, size: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """True masks on a grid over the padded input of the network.

    Pictures are padded to the largest of a batch on the right and below; the masks often are not. Brought straight to
    the grid's size they would be stretched over the padding.

    Args:
        masks: (N, H, W) of the picture, or of the padded input.
        size: (h, w) cells of the grid over the padded input.
        stride: pixels per cell.
        device: where the result goes.

    Returns:
        (N, h, w) bool; false in the padding.
    """
    height, width = size[0] * stride, size[1] * stride
    cells = [torch.zeros(0, *size, dtype=torch.bool, device=device)]
    for start in range(0, len(masks), MASKS_AT_ONCE):
        pixels = masks[start : start + MASKS_AT_ONCE].to_tensor(dtype=torch.float32, device=device)
        pixels = F.pad(pixels, (0, width - pixels.shape[2], 0, height - pixels.shape[1]))
        cells.append(F.interpolate(pixels[None], size, mode="bilinear", align_corners=False)[0] > 0.5)
    return torch.cat(cells)
