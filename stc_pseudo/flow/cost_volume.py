"""The cost volume of PWC-Net, in PyTorch alone: no compiled operator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx


class _CostVolume(torch.autograd.Function):
    """Autograd's own backward would write one whole padded map per displacement; this one adds in place."""

    @staticmethod
    def forward(ctx: FunctionCtx, first: Tensor, second: Tensor, search: int) -> Tensor:
        padded = F.pad(second, [search] * 4)
        ctx.save_for_backward(first, padded)
        ctx.search = search
        height, width = first.shape[-2:]
        costs = first.new_empty(len(first), (2 * search + 1) ** 2, height, width)
        for index, (dy, dx) in enumerate(_offsets(search)):
            torch.mean(first * padded[..., dy : dy + height, dx : dx + width], 1, out=costs[:, index])
        return costs

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        first, padded = ctx.saved_tensors
        height, width = first.shape[-2:]
        gradient = gradient / first.shape[1]
        of_first, of_padded = torch.zeros_like(first), torch.zeros_like(padded)
        for index, (dy, dx) in enumerate(_offsets(ctx.search)):
            part = gradient[:, index : index + 1]
            of_first.addcmul_(part, padded[..., dy : dy + height, dx : dx + width])
            of_padded[..., dy : dy + height, dx : dx + width].addcmul_(part, first)
        s = ctx.search
        return of_first, of_padded[..., s : s + height, s : s + width], None


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
