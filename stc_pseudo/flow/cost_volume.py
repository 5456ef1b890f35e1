"""The cost volume of PWC-Net, in PyTorch alone: no compiled operator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx


class _CostVolume(torch.autograd.Function):
    """Autograd's own backward would write one whole padded map per displacement; this one adds in place.

    On a CPU a displacement at a time stays in the cache; a GPU waits for launches, and gets a row of them at a time.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, first: Tensor, second: Tensor, search: int) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.search = search
        return (_costs if first.device.type == "cpu" else _costs_by_rows)(first, second, search)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        first, second = ctx.saved_tensors
        gradients = _gradients if first.device.type == "cpu" else _gradients_by_rows
        return *gradients(gradient / first.shape[1], first, second, ctx.search), None


def _costs(first: Tensor, second: Tensor, search: int) -> Tensor:
    padded = F.pad(second, [search] * 4)
    height, width = first.shape[-2:]
    costs = first.new_empty(len(first), (2 * search + 1) ** 2, height, width)
    for index, (dy, dx) in enumerate(_offsets(search)):
        torch.mean(first * padded[..., dy : dy + height, dx : dx + width], 1, out=costs[:, index])
    return costs


def _gradients(gradient: Tensor, first: Tensor, second: Tensor, search: int) -> tuple[Tensor, Tensor]:
    padded = F.pad(second, [search] * 4)
    height, width = first.shape[-2:]
    of_first, of_padded = torch.zeros_like(first), torch.zeros_like(padded)
    for index, (dy, dx) in enumerate(_offsets(search)):
        part = gradient[:, index : index + 1]
        of_first.addcmul_(part, padded[..., dy : dy + height, dx : dx + width])
        of_padded[..., dy : dy + height, dx : dx + width].addcmul_(part, first)
    return of_first, of_padded[..., search : search + height, search : search + width]


def _costs_by_rows(first: Tensor, second: Tensor, search: int) -> Tensor:
    padded, side = F.pad(second, [search] * 4), 2 * search + 1
    height, width = first.shape[-2:]
    costs = first.new_empty(len(first), side, side, height, width)
    for dy in range(side):
        row = padded[..., dy : dy + height, :].unfold(3, width, 1)  # B C H side W, a view
        costs[:, dy] = (first[:, :, :, None] * row).mean(1).transpose(1, 2)
    return costs.flatten(1, 2)


def _gradients_by_rows(gradient: Tensor, first: Tensor, second: Tensor, search: int) -> tuple[Tensor, Tensor]:
    side, (height, width) = 2 * search + 1, first.shape[-2:]
    gradient = gradient.unflatten(1, (side, side))
    padded, around = (F.pad(features, [search] * 4) for features in (second, first))
    # What a pixel of `second` is compared with lies the other way: the displacements from the last to the first.
    mirrored = F.pad(gradient, [search] * 4).flip(1, 2)
    of_first, of_second = torch.zeros_like(first), torch.zeros_like(second)
    for dy in range(side):
        rows = slice(dy, dy + height)
        of_first += (gradient[:, dy].transpose(1, 2)[:, None] * padded[..., rows, :].unfold(3, width, 1)).sum(3)
        shifted = mirrored[:, dy, :, rows].unfold(3, width, 1).diagonal(dim1=1, dim2=3)  # B H W side
        of_second += (shifted.transpose(2, 3)[:, None] * around[..., rows, :].unfold(3, width, 1)).sum(3)
    return of_first, of_second


def _offsets(search: int) -> list[tuple[int, int]]:
    side = range(2 * search + 1)
    return [(dy, dx) for dy in side for dx in side]


def cost_volume(first: Tensor, second: Tensor, search: int = 4) -> Tensor:
    """Correlate each pixel of `first` with the pixels around it in `second`.

    Args:
        first, second: (B, C, H, W) features of two frames, the second warped towards the first.
        search: how far to look, pixels to each side.

    Returns:
        (B, (2 * search + 1)^2, H, W): the mean over channels of the product; displacements row by row, from
        (-search, -search) to (search, search); zero where the second frame ends.
    """
    return _CostVolume.apply(first, second, search)
