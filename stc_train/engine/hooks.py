"""Hooks of the training loop: seed every step, stop at NaN, log the rate, export the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from stc_track.io.errors import InputError
from stc_train.data.sampler import seed_everything
from stc_train.models import model_file
from stc_train.registry import HOOKS


@HOOKS.register_module()
class StepRandomness(Hook):
    """Seeds every random generator before each step, from the seed, the process and the step's number.

    A resumed training then draws the same random numbers as an uninterrupted one, in every process, with no saved
    state.
    """

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed Python, NumPy and torch."""
        seed_everything(runner.seed, 1 + runner.rank, runner.iter)


@HOOKS.register_module()
class StopAtNaN(Hook):
    """Stops when a loss is not finite, naming the batch's frames; what was saved before stays as it was.

    The figures of a step stay on the device until another hook is due, such as the logger's or the checkpoint's: then
    those of all steps since are read in one transfer. Reading a scalar makes the program wait for everything that the
    device was told to do.
    """

    priority = "HIGHEST"  # before MMEngine's own hook reads them one by one

    def __init__(self) -> None:
        self._steps: list[tuple[int, tuple[str, ...], list[Any]]] = []  # number, names of figures, frames
        self._figures: list[torch.Tensor] = []

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Take the step's figures; raise FloatingPointError if a loss term of a step that is read is not finite."""
        frames = [sample.img_id for sample in data_batch["data_samples"]]
        self._steps.append((batch_idx + 1, tuple(outputs), frames))
        self._figures.append(torch.stack([torch.as_tensor(figure).detach().float() for figure in outputs.values()]))
        outputs.clear()
        intervals = [getattr(hook, "interval", None) for hook in runner.hooks]
        due = any(
            self.every_n_train_iters(runner, interval)
            for interval in intervals
            if isinstance(interval, int) and interval > 0
        )
        if due or self.is_last_train_iter(runner):
            self._read(runner)

    def after_train_epoch(self, runner: Any) -> None:
        """Read before a checkpoint by epochs."""
        self._read(runner)

    def before_val(self, runner: Any) -> None:
        """Read before a validation, which may keep the model."""
        self._read(runner)

    def _read(self, runner: Any) -> None:
        if not self._steps:
            return
        values, steps = torch.cat(self._figures).tolist(), self._steps
        self._steps, self._figures = [], []
        for step, names, frames in steps:
            figures = dict(zip(names, values, strict=False))
            del values[: len(names)]
            if not math.isfinite(figures["loss"]):
                wrong = [name for name, value in figures.items() if "loss_" in name and not math.isfinite(value)]
                raise FloatingPointError(
                    f"step {step}: {', '.join(wrong)} not finite on the frames {', '.join(map(str, frames))}; "
                    "lower the learning rate (`cfg_options=` optim_wrapper.optimizer.lr=...)"
                )
            for name, value in figures.items():
                runner.message_hub.update_scalar(f"train/{name}", value)


@HOOKS.register_module()
class Throughput(Hook):
    """Adds images per second, of all processes together, to the logged line."""

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Update the scalar from the step's wall time, which IterTimerHook has just noted."""
        seconds = runner.message_hub.get_scalar("train/time").current()
        images = len(data_batch["data_samples"]) * runner.world_size
        runner.message_hub.update_scalar("train/images_per_s", images / max(seconds, 1e-9))


@HOOKS.register_module()
class ExportModel(Hook):
    """Writes `model.pth`, which `stc-predict` takes, beside the checkpoints from which training resumes.

    After a validation that is better than all before it, `model_best.pth` as well.

    Args:
        interval: steps between writings; the last step writes as well.
    """

    priority = "LOWEST"

    def __init__(self, interval: int) -> None:
        self.interval = interval

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Write after every `interval` steps."""
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            self._write(runner, "model.pth", runner.iter + 1)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write if the masks' AP is the best so far."""
        mask_ap = next((value for name, value in (metrics or {}).items() if name.endswith("_masks/AP")), None)
        best = runner.message_hub.runtime_info.get("best_mask_ap", -1.0)
        if mask_ap is not None and mask_ap > best:
            runner.message_hub.update_info("best_mask_ap", mask_ap)
            self._write(runner, "model_best.pth", runner.iter)

    @staticmethod
    def _write(runner: Any, name: str, step: int) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        dataset = runner.train_dataloader.dataset
        if runner.rank == 0:
            path, names = Path(runner.work_dir) / name, dataset.store.class_names
            model_file.save(path, model, runner.cfg, names, dataset.fingerprint, step)


@HOOKS.register_module()
class WatchStore(Hook):
    """Stops when the store is no longer the one that the training began with; what was saved before stays as it was.

    Args:
        interval: steps between looks at the store, and before each validation and at the end. Lower notices sooner.
    """

    priority = "LOW"  # before a checkpoint or a model is written

    def __init__(self, interval: int) -> None:
        self.interval = interval

    def before_train(self, runner: Any) -> None:
        """Refuse to go on, from a checkpoint, on another store than it was trained on."""
        dataset, recorded = runner.train_dataloader.dataset, runner.message_hub.runtime_info.get("store_fingerprint")
        if recorded not in (None, dataset.fingerprint):
            raise InputError(
                dataset.store.url,
                expected=f"the store that the checkpoint was trained on ({recorded})",
                found=f"another ({dataset.fingerprint})",
                hint="`resume=` needs the same labels; to start from its weights: `cfg_options=` load_from=FILE",
            )
        runner.message_hub.update_info("store_fingerprint", dataset.fingerprint)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Look after every `interval` steps and after the last."""
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            runner.train_dataloader.dataset.require_unchanged()

    def before_val_epoch(self, runner: Any) -> None:
        """Look before a validation, which may keep the model."""
        runner.train_dataloader.dataset.require_unchanged()
