"""What a training shows on the terminal by default: one progress line. MMEngine's log goes to its file alone."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import time
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import MMLogger

import stc_train.registry  # noqa: F401  (mmcv's operators)
from stc_track.io.progress import Bar
from stc_train.engine.runner import TrainingRunner

log = logging.getLogger(__name__)

# Warnings that say nothing about the user's training: of MMEngine about itself, and of an operator for road lanes.
# Weights are initialised again on purpose, with those of --init-backbone.
NOISE = re.compile(r"will be deprecated|Line NMS is not compiled|init_weights of \w+ has been called")
LOSS_EVERY = 20  # steps; the mean of as many is shown
TIMED = 2, 12  # steps after the start between which a step is timed: the first ones warm up


def mute_libraries() -> None:
    """Keep off the terminal what MMEngine and MMDetection print while they are imported. Call it before that."""
    mute(MMLogger.get_current_instance())
    # MMDetection's data sets have no logger yet when they print that an optional package is absent.
    with contextlib.redirect_stdout(io.StringIO()):
        import mmdet.datasets  # noqa: F401


def mute(logger: logging.Logger) -> None:
    """Keep a logger's messages off the terminal, except errors and warnings that matter; its file keeps everything."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.setLevel(max(handler.level, logging.WARNING))
            handler.addFilter(lambda record: not NOISE.search(record.getMessage()))


class ProgressBar(Hook):
    """Shows steps, rate, time left and the mean loss; prints a line for each validation."""

    priority = "LOWEST"

    def before_train(self, runner: Any) -> None:
        """Open the bar at the step where the training starts; one process of several shows it."""
        self.start = runner.iter
        self.bar = Bar(total=runner.max_iters, initial=runner.iter, desc="train", unit="step", disable=runner.rank != 0)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the step; every `LOSS_EVERY` steps and at the end, show the loss."""
        if self.every_n_train_iters(runner, LOSS_EVERY) or self.is_last_train_iter(runner):
            loss = runner.message_hub.get_scalar("train/loss").mean(LOSS_EVERY)
            self.bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
        self.bar.update()
        self._say_how_long(runner)

    def _say_how_long(self, runner: Any) -> None:
        done = runner.iter + 1 - self.start
        if done == TIMED[0]:
            self.began = time.monotonic()
        elif done == TIMED[1] and runner.rank == 0:
            step = (time.monotonic() - self.began) / (TIMED[1] - TIMED[0])
            left = step * (runner.max_iters - runner.iter - 1)
            log.info("%d steps of %.2g s: ready in about %s", runner.max_iters, step, duration(left))

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Print the validation's figures, once."""
        if runner.rank != 0:
            return
        figures = ", ".join(f"{name} {value:.4g}" for name, value in (metrics or {}).items())
        self.bar.write(f"step {runner.iter}: {figures}")

    def after_train(self, runner: Any) -> None:
        """Close the bar."""
        self.bar.close()


def duration(seconds: float) -> str:
    """A time as a person says it.

    Examples:
        >>> duration(40), duration(600), duration(8000)
        ('1 min', '10 min', '2 h 13 min')
    """
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class QuietRunner(TrainingRunner):
    """A runner that shows a progress bar in place of MMEngine's log."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """As MMEngine's, muted on the terminal."""
        logger = super().build_logger(*args, **kwargs)
        mute(logger)
        return logger

    def register_hooks(self, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's, and the progress bar."""
        super().register_hooks(*args, **kwargs)
        self.register_hook(ProgressBar())
