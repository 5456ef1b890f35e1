"""The flags that `train-depth` and `train-flow` share, and what they mean together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stc_track.io.errors import InputError
from stc_track.io.options import PATH

DEFAULT_STEPS = 20_000


def fit_options(batch_size: int, truth: str) -> Callable[[Callable], Callable]:
    """Return the decorator that adds the flags of `stc_pseudo.training.settings.OptimiserSettings`.

    Args:
        batch_size: its default.
        truth: what `--truth` holds and which figure it gives, for the help.
    """
    positive = click.FloatRange(min=0, min_open=True)
    share = click.FloatRange(0, 1, max_open=True)
    options = [
        click.option("--steps", type=click.IntRange(min=1), help=f"Optimisation steps.  [default: {DEFAULT_STEPS}]"),
        click.option(
            "--epochs",
            type=click.IntRange(min=1),
            help="Passes over the data, in place of --steps; the paper's schedule is 20.",
        ),
        click.option("--batch-size", type=click.IntRange(min=1), default=batch_size, help="Clips per step."),
        click.option("--learning-rate", type=positive, default=1e-4, help="Adam's, before the drop to a tenth."),
        click.option(
            "--drop-after",
            type=click.FloatRange(0, 1),
            default=0.75,
            help="Share of the training before the drop; 15 of 20 epochs in the paper.",
        ),
        click.option(
            "--precision",
            type=click.Choice(["float32", "bfloat16", "float16"]),
            default="float32",
            help="Of the network's arithmetic; float16 scales the loss and is meant for a GPU.",
        ),
        click.option("--seed", default=0, help="Of weights, batches and augmentation."),
        click.option("--device", default="auto", help="cpu, cuda, or auto for cuda where there is one."),
        click.option("--workers", type=click.IntRange(min=0), default=0, help="Processes that read frames."),
        click.option("--resume", is_flag=True, help="Go on where an interrupted run with the same flags stopped."),
        click.option(
            "--validation-share",
            type=share,
            default=0.1,
            help="Of each video's clips, its last, that are held out to measure on.",
        ),
        click.option("--truth", type=PATH, help=truth),
        click.option(
            "--log-dir",
            type=PATH,
            help="For TensorBoard and an epoch's picture.  [default: OUT without suffix, and _log]",
        ),
        click.option("--no-log", is_flag=True, help="Write no log folder."),
    ]

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def fit_settings(settings: dict[str, Any], out: Path) -> dict[str, Any]:
    """Fill in what `fit_options` leaves open.

    Raises:
        InputError: both `--steps` and `--epochs`, or both `--log-dir` and `--no-log`.
    """
    if settings["epochs"] and settings["steps"]:
        raise InputError("--epochs", expected="no --steps beside it", found=str(settings["steps"]))
    no_log = settings.pop("no_log")
    if no_log and settings["log_dir"]:
        raise InputError("--log-dir", expected="no --no-log beside it", found="both")
    log_dir = None if no_log else settings["log_dir"] or out.with_name(f"{out.stem}_log")
    from stc_pseudo.nn.devices import require_device

    filled = {"steps": settings["steps"] or DEFAULT_STEPS, "log_dir": log_dir}
    return settings | filled | {"device": str(require_device(settings["device"]))}
