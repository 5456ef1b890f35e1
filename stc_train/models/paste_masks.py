"""Predicted soft masks moved to the frame's pixels and cut at a probability."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from stc_train.data.resample import axis_weights

MARGIN = 0.25  # of a predicted box's size
MOST_PIXELS = 2**25  # of masks at a time on a GPU: 128 MB


def whole_frame_masks(
    soft: Tensor, bboxes: Tensor, img_meta: dict[str, Any], rescale: bool, stride: float, threshold: float
) -> Tensor:
    """Masks predicted on a grid over the network's input, in one interpolation from that grid.

    A mask is looked for in its box and `MARGIN` of its size around it: the loss holds it to the box, and it is the
    upsampling of what is far away that takes the time.

    Args:
        soft: (n, h, w) probabilities.
        bboxes: (n, 4) in pixels of the input; divided in place by the scale where `rescale`, as MMDetection does.
        img_meta: `ori_shape`, `img_shape` and `scale_factor` (x, y).
        rescale: to the original frame.
        stride: pixels of the input per cell.
        threshold: probability above which a pixel is the object's.

    Returns:
        (n, H, W) bool, at the frame's size (or the input's).
    """
    scale, shape = _scale_and_shape(bboxes, img_meta, rescale)
    rows, columns = (
        soft.new_tensor(axis_weights(source, target, stride / factor))
        for source, target, factor in zip(soft.shape[1:], shape, scale[::-1], strict=True)
    )
    margin = MARGIN * (bboxes[:, 2:] - bboxes[:, :2])
    low, high = (bboxes[:, :2] - margin).floor(), (bboxes[:, 2:] + margin).ceil()
    low, high = (corner.clamp(min=0).long() for corner in (low, high))
    paste = _by_windows if soft.device.type == "cpu" else _at_once
    return paste(soft, rows, columns, low, high, threshold)


def _by_windows(soft: Tensor, rows: Tensor, columns: Tensor, low: Tensor, high: Tensor, threshold: float) -> Tensor:
    """The masks of `whole_frame_masks`, each computed in its window of the frame."""
    masks = torch.zeros(len(soft), len(rows), len(columns), dtype=torch.bool, device=soft.device)
    for mask, cells, (left, top, right, bottom) in zip(masks, soft, torch.cat([low, high], 1).tolist(), strict=True):
        mask[top:bottom, left:right] = rows[top:bottom] @ cells @ columns[left:right].T > threshold
    return masks


def _at_once(soft: Tensor, rows: Tensor, columns: Tensor, low: Tensor, high: Tensor, threshold: float) -> Tensor:
    """The masks of `whole_frame_masks` on a GPU: whole frames, a part of the masks at a time.

    Cutting each mask's window out would make the program wait for the device to tell where it lies.
    """
    (height, width), across = (len(rows), len(columns)), columns.T.contiguous()
    y, x = torch.arange(height, device=soft.device), torch.arange(width, device=soft.device)
    inside = [(low[:, axis, None] <= place) & (place < high[:, axis, None]) for axis, place in ((1, y), (0, x))]
    masks = torch.empty(len(soft), height, width, dtype=torch.bool, device=soft.device)
    size = max(MOST_PIXELS // (height * width), 1)
    for start in range(0, len(soft), size):
        part = slice(start, start + size)
        torch.gt(rows @ soft[part] @ across, threshold, out=masks[part])
        masks[part] &= inside[0][part, :, None] & inside[1][part, None]
    return masks


def boxed_masks(soft: Tensor, bboxes: Tensor, img_meta: dict[str, Any], rescale: bool, threshold: float) -> Tensor:
    """Masks predicted on a grid over each box.

    Args:
        soft: (n, h, w) probabilities; the cells divide the box evenly.
        bboxes, img_meta, rescale, threshold: as in `whole_frame_masks`.

    Returns:
        (n, H, W) bool; false wherever a pixel's centre is outside the box.
    """
    _, shape = _scale_and_shape(bboxes, img_meta, rescale)
    paste = _boxes_one_by_one if soft.device.type == "cpu" else _boxes_at_once
    return paste(soft, bboxes, shape, threshold)


def _boxes_one_by_one(soft: Tensor, bboxes: Tensor, shape: tuple[int, int], threshold: float) -> Tensor:
    """The masks of `boxed_masks`, each computed in its box alone."""
    masks = torch.zeros(len(soft), *shape, dtype=torch.bool, device=soft.device)
    for mask, cells, (x1, y1, x2, y2) in zip(masks, soft, bboxes.tolist(), strict=True):
        spans = [_span(y1, y2, cells.shape[0], shape[0]), _span(x1, x2, cells.shape[1], shape[1])]
        if all(first < last for first, last, _ in spans):
            (top, bottom, rows), (left, right, columns) = spans
            mask[top:bottom, left:right] = soft.new_tensor(rows) @ cells @ soft.new_tensor(columns).T > threshold
    return masks


def _boxes_at_once(soft: Tensor, bboxes: Tensor, shape: tuple[int, int], threshold: float) -> Tensor:
    """The masks of `boxed_masks` on a GPU, which is not waited for: whole frames, a part of the masks at a time."""
    rows, columns = (
        _box_weights(bboxes[:, axis], bboxes[:, axis + 2], cells, size).to(soft.dtype)
        for axis, cells, size in zip((1, 0), soft.shape[1:], shape, strict=True)
    )
    inside = [weights.any(2) for weights in (rows, columns)]
    masks = torch.empty(len(soft), *shape, dtype=torch.bool, device=soft.device)
    size = max(MOST_PIXELS // (shape[0] * shape[1]), 1)
    for start in range(0, len(soft), size):
        part = slice(start, start + size)
        torch.gt(rows[part] @ soft[part] @ columns[part].mT, threshold, out=masks[part])
        masks[part] &= inside[0][part, :, None] & inside[1][part, None]
    return masks


def _box_weights(low: Tensor, high: Tensor, cells: int, size: int) -> Tensor:
    """`axis_weights` of every box at once: from cells that divide low..high evenly to the pixels of the frame.

    Args:
        low, high: (n,) of each box along the axis.
        cells: of the grid.
        size: of the frame.

    Returns:
        (n, size, cells) float64; zero for pixels whose centre the box does not hold.
    """
    low, high = low.double()[:, None], high.double()[:, None]
    pixel = torch.arange(size, device=low.device) + 0.5
    per_pixel = cells / (high - low)
    centre = ((pixel - low) * per_pixel).clamp(0.5, cells - 0.5)[..., None]
    half = per_pixel.clamp(min=1)[..., None] / 2
    left = torch.arange(cells, device=low.device)
    overlap = (torch.minimum(left + 1, centre + half) - torch.maximum(left, centre - half)).clamp(min=0)
    held = (low <= pixel) & (pixel < high)
    return overlap / overlap.sum(2, keepdim=True) * held[..., None]


def _span(low: float, high: float, cells: int, size: int) -> tuple[int, int, Any]:
    """Along one axis: the first pixel with its centre in low..high, the one after the last, and their weights."""
    first, last = (min(max(math.ceil(edge - 0.5), 0), size) for edge in (low, high))
    if first >= last:
        return first, last, None
    return first, last, axis_weights(cells, last - first, (high - low) / cells, low - first)


def _scale_and_shape(
    bboxes: Tensor, img_meta: dict[str, Any], rescale: bool
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Scale (x, y) and size (height, width) of the result; the boxes are brought to it in place."""
    scale = img_meta["scale_factor"] if rescale else (1.0, 1.0)
    bboxes /= bboxes.new_tensor(scale).repeat(2)
    return scale, img_meta["ori_shape"] if rescale else img_meta["img_shape"]
