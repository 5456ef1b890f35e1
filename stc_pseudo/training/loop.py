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
SCALARS_EVERY = 10  # steps between looks at the figures; in between nothing waits for the device
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
    loss: Callable[[dict[str, Any], int], tuple[Tensor, dict[str, Tensor]]],
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
        loss: from a batch of `clips` (tensors on `device`) and the step's number to a scalar, and figures to show,
            which stay on the device as well.
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
    saved, figures = time.monotonic(), Figures()
    with (
        TrainingLog(optimiser.log_dir, start) as record,
        Bar(total=steps, initial=start, desc=f"train {describe['network']}", unit="step") as bar,
    ):
        for step, batch in enumerate(loader, start + 1):
            batch = {key: value.to(device, non_blocking=cuda) for key, value in batch.items()}
            rate = optimiser.learning_rate / (1 if step <= drop else 10)
            value, shown = loss(batch, step - 1)
            descend(network, optimizer, scaler, value, rate)
            figures.add(step, {"loss": value, **shown})
            bar.update()
            validates = validation is not None and (step % per_epoch == 0 or step == steps)
            saves = step % CHECKPOINT_EVERY == 0 or step == steps or time.monotonic() - saved > CHECKPOINT_SECONDS
            if step % SCALARS_EVERY == 0 or step in (1, steps) or validates or saves:
                latest = figures.read()
                bar.set_postfix({key: f"{figure:.3f}" for key, figure in latest.items()}, refresh=False)
                if step % SCALARS_EVERY == 0 or step in (1, steps):
                    record.scalars("train", latest | {"learning_rate": rate}, step)
            if validates:
                validated, picture = validation.run(steps)
                record.scalars("validation", validated, step)
                record.picture(picture, math.ceil(step / per_epoch), step)
                if validated:
                    log.info(
                        "epoch %d, step %d: held out: %s",
                        math.ceil(step / per_epoch),
                        step,
                        ", ".join(f"{key} {figure:.4f}" for key, figure in validated.items()),
                    )
            if saves:
                saved = time.monotonic()
                content = kept() if kept else _state(network, optimiser.half)
                weights.save(out, describe | {"state": content, "step": step})
                if step < steps:
                    state.save(step)
    state.remove()
    log.info("wrote %s after %d steps", out, steps)


class Figures:
    """Figures of steps, kept on the device until they are read: one transfer for all of them.

    Reading one scalar makes the program wait for everything that the device was told to do.
    """

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.rows: list[Tensor] = []
        self.names: list[tuple[str, ...]] = []

    def add(self, step: int, figures: dict[str, Tensor]) -> None:
        """Keep a step's figures, its `loss` among them, first."""
        self.steps.append(step)
        self.names.append(tuple(figures))
        self.rows.append(torch.stack([figure.detach().float() for figure in figures.values()]))

    def read(self) -> dict[str, float]:
        """Forget the figures, and return the latest step's.

        Raises:
            FloatingPointError: a loss is not finite; the first one is named.
        """
        values = torch.cat(self.rows).tolist()
        figures, start = {}, 0
        for step, names in zip(self.steps, self.names, strict=True):
            figures = dict(zip(names, values[start : start + len(names)], strict=True))
            start += len(names)
            if not math.isfinite(figures["loss"]):
                raise FloatingPointError(f"step {step}: the loss is {figures['loss']}; lower the learning rate")
        self.steps, self.rows, self.names = [], [], []
        return figures


def descend(
    network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, value: Tensor, rate: float
) -> None:
    """Take one step down the loss `value` at the learning rate `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(value).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
    scaler.step(optimizer)
    scaler.update()


def _state(network: nn.Module, half: bool) -> dict[str, Tensor]:
    return {
        key: value.half() if half and value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
