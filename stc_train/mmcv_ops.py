"""mmcv's compiled operators, served by torchvision where mmcv was installed without them.

`pip install onedl-mmcv` builds without operators, and importing MMDetection's models then fails on `mmcv._ext`.
torchvision ships the same operators for CPU and CUDA; the functions here give them the signatures that
`mmcv.ops` calls. An operator that none of our models uses raises NotImplementedError with its name when called.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from typing import Any

import torch
from torch import Tensor

EXTENSION = "mmcv._ext"


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy non-maximum suppression.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        iou_threshold: a box that overlaps a better one by more than this is dropped.
        offset: 0 or 1, added to widths and heights (1 for boxes whose x2 y2 are inclusive).

    Returns:
        (K,) int64, positions of the kept boxes, best score first.
    """
    from torchvision.ops import nms as torchvision_nms

    # Moving x2 y2 by the offset adds it to every width, height and overlap, which is all that offset means.
    return torchvision_nms(boxes + boxes.new_tensor([0, 0, offset, offset]), scores, iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Soft non-maximum suppression (Bodla et al., 2017): overlapping boxes lose score before they are dropped.

    Args:
        boxes: (N, 4) xyxy, on the CPU.
        scores: (N,).
        dets: (N, 5), filled in place: row k is the k-th kept box and its decayed score.
        iou_threshold: overlap from which `method` 0 drops and 1 decays.
        sigma: width of the Gaussian of `method` 2.
        min_score: boxes that decay below it are dropped; the best box is never tested.
        method: 0 drop, 1 decay by `1 - iou`, 2 decay by `exp(-iou^2 / sigma)`.
        offset: as in `nms`.

    Returns:
        (K,) int64, positions of the kept boxes in the order of `dets`.
    """
    left = torch.arange(len(boxes))
    scores = scores.clone()
    corners = boxes + boxes.new_tensor([0, 0, offset, offset])
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    kept: list[int] = []
    while len(left):
        best = left[scores[left].argmax()]
        dets[len(kept), :4], dets[len(kept), 4] = boxes[best], scores[best]
        kept.append(int(best))
        left = left[left != best]
        top_left = torch.maximum(corners[left, :2], corners[best, :2])
        bottom_right = torch.minimum(corners[left, 2:], corners[best, 2:])
        overlap = (bottom_right - top_left).clamp(min=0).prod(1)
        iou = overlap / (areas[left] + areas[best] - overlap)
        if method == 2:
            decay = torch.exp(-(iou**2) / sigma)
        else:
            decay = torch.where(iou >= iou_threshold, 1 - iou if method else 0.0, 1.0)
        scores[left] *= decay
        left = left[scores[left] >= min_score]
    return torch.tensor(kept, dtype=torch.int64)


def sigmoid_focal_loss_forward(
    input: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Focal loss of every score, `-alpha_t * (1 - p_t)^gamma * log p_t` (Lin et al., 2017).

    Args:
        input: (N, C) logits.
        target: (N,) int64 class of each row; C (or any number outside 0..C-1) is background.
        weight: (C,) factor by the row's class, or empty.
        output: (N, C), filled in place.
        gamma: focusing power.
        alpha: weight of the positives; `1 - alpha` is the negatives'.
    """
    positive, log_p, log_q = _focal_parts(input, target)
    loss = torch.where(positive, -alpha * log_q.exp() ** gamma * log_p, (alpha - 1) * log_p.exp() ** gamma * log_q)
    output.copy_(_class_weighted(loss, target, weight))


def sigmoid_focal_loss_backward(
    input: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Derivative of `sigmoid_focal_loss_forward` with respect to `input`, written to `grad_input` (N, C)."""
    positive, log_p, log_q = _focal_parts(input, target)
    p, q = log_p.exp(), log_q.exp()
    slope = torch.where(
        positive, -alpha * q**gamma * (q - gamma * p * log_p), (alpha - 1) * p**gamma * (gamma * q * log_q - p)
    )
    grad_input.copy_(_class_weighted(slope, target, weight))


def _focal_parts(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where (N, C) a score is its row's class; log p and log (1 - p) in float32 or wider, finite for any logit."""
    positive = target[:, None] == torch.arange(input.shape[1], device=input.device)
    wide = input if input.dtype == torch.float64 else input.float()
    return positive, torch.nn.functional.logsigmoid(wide), torch.nn.functional.logsigmoid(-wide)


def _class_weighted(values: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return values * weight[target][:, None] if weight.numel() else values


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average-pooled RoIAlign (He et al., 2017).

    Args:
        input: (B, C, H, W).
        rois: (K, 5): position in the batch, then xyxy in pixels of the image.
        output: (K, C, aligned_height, aligned_width), filled in place.
        argmax_y, argmax_x: used by max pooling only.
        aligned_height, aligned_width: bins.
        spatial_scale: cells of `input` per pixel of the image.
        sampling_ratio: samples per bin and axis; 0 means as many as the bin has cells.
        pool_mode: 1 for the average; 0, the maximum, is not served.
        aligned: shift by half a cell, so that cell centres lie at half coordinates.
    """
    _only_average(pool_mode)
    output.copy_(
        torch.ops.torchvision.roi_align(
            *_widened(input, rois), spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned
        )
    )


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Derivative of `roi_align_forward`, written to `grad_input` (B, C, H, W)."""
    _only_average(pool_mode)
    grad_input.copy_(
        torch.ops.torchvision._roi_align_backward(
            *_widened(grad_output, rois),
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
    )


def _widened(*tensors: Tensor) -> list[Tensor]:
    """In float32 or wider: torchvision's RoIAlign knows no bfloat16."""
    return [tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors]


def _only_average(pool_mode: int) -> None:
    if pool_mode != 1:
        raise NotImplementedError("roi_align with pool_mode='max' needs mmcv's compiled operators")


OPERATORS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        nms,
        softnms,
        sigmoid_focal_loss_forward,
        sigmoid_focal_loss_backward,
        roi_align_forward,
        roi_align_backward,
    )
}


class Extension(types.ModuleType):
    """Stands for `mmcv._ext`: the operators above, and for every other name a function that raises."""

    def __init__(self) -> None:
        super().__init__(EXTENSION, __doc__)
        self.__spec__ = ModuleSpec(EXTENSION, None)  # `importlib.util.find_spec`, which MMEngine asks, wants one
        self.__dict__.update(OPERATORS)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):  # Python's own questions to a module
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError(
                f"mmcv operator '{name}': this mmcv was installed without compiled operators, "
                f"and torchvision serves only {', '.join(OPERATORS)}"
            )

        return missing


def install() -> bool:
    """Make `mmcv._ext` importable; call it before anything imports `mmcv.ops` or `mmdet.models`.

    Returns:
        True if torchvision's operators serve, False if mmcv's compiled ones do.
    """
    if EXTENSION not in sys.modules:
        try:
            importlib.import_module(EXTENSION)
        except ImportError:  # absent, or compiled against another torch
            import torchvision  # noqa: F401  (registers torch.ops.torchvision)

            sys.modules[EXTENSION] = Extension()
    return isinstance(sys.modules[EXTENSION], Extension)
