"""The optimisation loop that the self-supervised trainings of depth and flow share."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from stc_pseudo import weights
from stc_track.formats.errors import InputError

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 200
SIDE_MULTIPLE = 32  # five halvings in the encoders
MIN_SIDE = 64  # a coarsest map of one pixel has nothing to reflect or to correlate


def require_sides(height: int, width: int) -> None:
    """Raise an InputError that names `--height` or `--width` if frames of this size do not fit the networks."""
    for flag, value in (("--height", height), ("--width", width)):
        if value < MIN_SIDE or value % SIDE_MULTIPLE:
            raise InputError(flag, expected=f"a multiple of {SIDE_MULTIPLE}, at least {MIN_SIDE}", found=str(value))


def fit(network: nn.Module, loss: Callable[[dict[str, Any], int], tuple[Tensor, dict[str, float]]], clips: Dataset, *,
        out: Path, describe: dict[str, Any], steps: int, batch_size: int, learning_rate: float,
        drop_after: float = 0.75, seed: int = 0, device: str = "cpu", workers: int = 0, half: bool = False) -> None:
    """Minimise `loss` over random batches with Adam, and write the weights to `out`.

    Args:
        network: everything that is trained, already on `device`.
        loss: from a batch of `clips` (tensors on `device`) and the step's number to a scalar and figures to show.
        clips: the data.
        out: where the checkpoint goes, every `CHECKPOINT_EVERY` steps and at the end. It holds `describe`, the
            network's `state`, and `step`.
        describe: what `weights.load`'s caller needs to rebuild the network (`network`: its name, and its settings).
        steps: optimisation steps.
        batch_size: clips per step.
        learning_rate: Adam's; a tenth of it after `drop_after` of the steps (paper, IV-D1: 1e-4, then 1e-5).
        drop_after: share of the steps before the drop.
        seed: of the batches' order and the augmentation.
        device: `cpu`, `cuda`, ...
        workers: processes that read frames.
        half: store the weights in half precision, at half the size.

    Raises:
        FloatingPointError: the loss is not finite; the last checkpoint stays as it was.
    """
    torch.manual_seed(seed)
    loader = DataLoader(clips, batch_size=min(batch_size, len(clips)), shuffle=True, drop_last=True,
                        num_workers=workers, generator=torch.Generator().manual_seed(seed))
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [math.ceil(steps * drop_after)], gamma=0.1)
    network.train()
    step = 0
    with tqdm(total=steps, desc=f"train {describe['network']}", unit="step", mininterval=1) as bar:
        while step < steps:
            for batch in loader:
                batch = {key: value.to(device) for key, value in batch.items()}
                value, figures = loss(batch, step)
                if not torch.isfinite(value):
                    raise FloatingPointError(f"step {step}: the loss is {value.item()}; lower --learning-rate")
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 10.0)
                optimizer.step()
                scheduler.step()
                step += 1
                bar.set_postfix({key: f"{figure:.3f}" for key, figure in figures.items()}, refresh=False)
                bar.update()
                if step % CHECKPOINT_EVERY == 0 or step == steps:
                    weights.save(out, describe | {"state": _state(network, half), "step": step})
                if step == steps:
                    break
    log.info("wrote %s after %d steps", out, steps)


def _state(network: nn.Module, half: bool) -> dict[str, Tensor]:
    return {key: value.half() if half and value.is_floating_point() else value
            for key, value in network.state_dict().items()}
