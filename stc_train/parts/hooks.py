"""What the training loop does besides training: stop at NaN, say how fast it is, keep the trained model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from stc_train import model_file
from stc_train.parts import HOOKS


@HOOKS.register_module()
class StopAtNaN(Hook):
    """Stops when a loss is not finite, naming the batch's frames; what was saved before stays as it was."""

    priority = "VERY_HIGH"

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Raise FloatingPointError if a loss term is NaN or infinite."""
        if not math.isfinite(outputs["loss"].item()):
            wrong = [name for name, value in outputs.items() if "loss_" in name and not math.isfinite(float(value))]
            frames = ", ".join(str(sample.img_id) for sample in data_batch["data_samples"])
            raise FloatingPointError(f"step {batch_idx + 1}: {', '.join(wrong)} not finite on the frames {frames}; "
                                     "lower the learning rate (--cfg-options optim_wrapper.optimizer.lr=...)")


@HOOKS.register_module()
class Throughput(Hook):
    """Adds images per second to the logged line."""

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Update the scalar from the step's wall time, which IterTimerHook has just noted."""
        seconds = runner.message_hub.get_scalar("train/time").current()
        runner.message_hub.update_scalar("train/images_per_s", len(data_batch["data_samples"]) / max(seconds, 1e-9))


@HOOKS.register_module()
class ExportModel(Hook):
    """Writes `model.pth`, which `stc-predict` takes, beside the checkpoints from which training resumes.

    Args:
        interval: steps between writings; the last step writes as well.
    """

    priority = "LOWEST"

    def __init__(self, interval: int) -> None:
        self.interval = interval

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Write after every `interval` steps."""
        if self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner):
            model = runner.model.module if is_model_wrapper(runner.model) else runner.model
            store = runner.train_dataloader.dataset.store
            if runner.rank == 0:
                model_file.save(Path(runner.work_dir) / "model.pth", model, runner.cfg, store.class_names,
                                store.fingerprint, runner.iter + 1)
