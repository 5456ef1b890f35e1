"""The optimisation loop that the self-supervised trainings of depth and flow share."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from stc_pseudo.nn import weights
from stc_pseudo.nn.precision import grad_scaler
from stc_pseudo.training.resume import TrainingState, state_path
from stc_pseudo.training.sampler import BatchSampler, SeededClips
from stc_pseudo.training.settings import OptimiserSettings
from stc_pseudo.training.tensorboard import TrainingLog
from stc_pseudo.training.validation import Validation
from stc_track.io.errors import SettingError
from stc_track.io.progress import Bar

log = logging.getLogger(__name__)

CHECKPOINT_EVERY, CHECKPOINT_SECONDS = 200, 600.0  # steps, or time, whichever comes first
SCALARS_EVERY = 10
GRADIENT_NORM = 10.0
SIDE_MULTIPLE = 32  # five halvings in the encoders
MIN_INPUT_SIDE = 64  # a coarsest map of one pixel has nothing to reflect or to correlate


def require_sides(height: int, width: int) -> None:
    """Raise a SettingError if frames of this size do not fit the networks."""
    for name, value in (("height", height), ("width", width)):
        if value < MIN_INPUT_SIDE or value % SIDE_MULTIPLE:
            raise SettingError(name, f"a multiple of {SIDE_MULTIPLE}, at least {MIN_INPUT_SIDE}", str(value))


def fit(
    network: nn.Module,
    loss: Callable[[dict[str, Any], int], tuple[Tensor, dict[str, float]]],
    clips: Dataset,
    *,
    out: Path,
    describe: dict[str, Any],
    optimiser: OptimiserSettings,
    settings: dict[str, Any] | None = None,
    validation: Validation | None = None,
    kept: Callable[[], dict[str, Tensor]] | None = None,
) -> None:
    """Minimise `loss` over random batches with Adam, and write the weights to `out`.

    Args:
        network: everything that is trained, already on `device`.
        loss: from a batch of `clips` (tensors on `device`) and the step's number to a scalar and figures to show.
        clips: the data.
        out: where the checkpoint goes, every `CHECKPOINT_EVERY` steps or ten minutes, and at the end. It holds
            `describe`, the network's `state`, and `step`. What a resumed run needs lies beside it until the training is
            complete.
        describe: what `weights.load`'s caller needs to rebuild the network (`network`: its name, and its settings).
        optimiser: how long and how fast, and where. In float16 the loss is scaled here; `loss` itself applies the
            precision. After `resume`, the result is the same to the bit on a CPU as without the interruption.
        settings: by name, what a resumed run must have in common with the interrupted one, beside `optimiser`.
        validation: asked at the end of every epoch and of the training.
        kept: the weights that the checkpoint holds, where that is not the network's whole state.

    Raises:
        FloatingPointError: the loss is not finite; the last checkpoint stays as it was.
        InputError: there is nothing to resume, or it was another training.
    """
    seed, device = optimiser.seed, optimiser.device
    torch.manual_seed(seed)
    batch_size = min(optimiser.batch_size, len(clips))
    per_epoch = len(clips) // batch_size
    steps = optimiser.epochs * per_epoch if optimiser.epochs else optimiser.steps
    drop = math.ceil(steps * optimiser.drop_after)
    optimizer = torch.optim.Adam(network.parameters(), lr=optimiser.learning_rate)
    scaler = grad_scaler(device, optimiser.precision)
    compared = asdict(optimiser) | (settings or {}) | {"clips": len(clips)}
    state = TrainingState(state_path(out), compared, network, optimizer, scaler)
    start = state.restore() if optimiser.resume else 0
    cuda = device.startswith("cuda")
    # The loader draws a seed for its processes; from a generator of its own, the network's stream stays as it was.
    loader = DataLoader(
        SeededClips(clips, seed),
        num_workers=optimiser.workers,
        pin_memory=cuda,
        generator=torch.Generator(),
        batch_sampler=BatchSampler(len(clips), batch_size, seed, start, steps),
    )
    network.train()
    saved = time.monotonic()
    with (
        TrainingLog(optimiser.log_dir, start) as record,
        Bar(total=steps, initial=start, desc=f"train {describe['network']}", unit="step") as bar,
    ):
        for step, batch in enumerate(loader, start + 1):
            batch = {key: value.to(device, non_blocking=cuda) for key, value in batch.items()}
            rate = optimiser.learning_rate / (1 if step <= drop else 10)
            figures = descend(network, optimizer, scaler, *loss(batch, step - 1), rate, step)
            bar.set_postfix({key: f"{figure:.3f}" for key, figure in figures.items()}, refresh=False)
            bar.update()
            if step % SCALARS_EVERY == 0 or step in (1, steps):
                record.scalars("train", figures | {"learning_rate": rate}, step)
            if validation is not None and (step % per_epoch == 0 or step == steps):
                held, picture = validation.run(steps)
                record.scalars("validation", held, step)
                record.picture(picture, math.ceil(step / per_epoch), step)
                if held:
                    log.info(
                        "epoch %d, step %d: held out: %s",
                        math.ceil(step / per_epoch),
                        step,
                        ", ".join(f"{key} {figure:.4f}" for key, figure in held.items()),
                    )
            if step % CHECKPOINT_EVERY == 0 or step == steps or time.monotonic() - saved > CHECKPOINT_SECONDS:
                saved = time.monotonic()
                content = kept() if kept else _state(network, optimiser.half)
                weights.save(out, describe | {"state": content, "step": step})
                if step < steps:
                    state.save(step)
    state.remove()
    log.info("wrote %s after %d steps", out, steps)


def descend(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    value: Tensor,
    figures: dict[str, float],
    rate: float,
    step: int,
) -> dict[str, float]:
    """Take one step down the loss `value` at the learning rate `rate`; return the figures with the loss.

    Raises:
        FloatingPointError: the loss is not finite.
    """
    if not torch.isfinite(value):
        raise FloatingPointError(f"step {step}: the loss is {value.item()}; lower the learning rate")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(value).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
    scaler.step(optimizer)
    scaler.update()
    return {"loss": value.item()} | figures


def _state(network: nn.Module, half: bool) -> dict[str, Tensor]:
    return {
        key: value.half() if half and value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
