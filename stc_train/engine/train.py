"""From a config and a store to a trained model: completes the config, checks, runs MMEngine's Runner."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper

import stc_train.registry  # noqa: F401  (mmcv's operators and our scope)
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError, SettingError
from stc_track.io.field_checks import PositiveCount, Share, check
from stc_track.io.work_folder import only_writer
from stc_train.engine import checkpoints, complete_config
from stc_train.engine.backbone import load_backbone, read_backbone, require_backbone
from stc_train.engine.config_file import CONFIGS, built_from, load_config, shaped
from stc_train.engine.mask_scores import trust_by_score
from stc_train.engine.progress import QuietRunner
from stc_train.engine.runner import TrainingRunner, launcher
from stc_train.models import model_file

__all__ = ["CONFIGS", "TrainingRun", "load_config", "train"]

log = logging.getLogger(__name__)

INIT_MODEL = "`init_model=`"


@dataclass(frozen=True)
class TrainingRun:
    """What `stc-train` is told besides the config.

    Attributes:
        store: path or URL.
        work_dir: checkpoints, log, config and `model.pth` go there; created if need be.
        resume: go on from the last checkpoint there.
        max_iters: steps, if not the config's.
        seed: of initial weights, order and augmentation.
        init_backbone: a file of weights of the config's backbone.
        init_model: a `model.pth` of the config's network, to go on learning from; its classes are the store's.
        sequences: of the store; all but those of the validation, if None.
        root: folder of the frames, if they moved.
        precision: of the forward pass: `float32`, `bfloat16` or `float16`.
        val_sequences: sequences to measure the masks on during training; none, if empty.
        val_truth: folder of true masks for these; the store's pseudo-masks, if None.
        val_interval: steps between validations; that of the checkpoints, if None.
        true_masks: folder or file of true masks to train on, in place of the store's pseudo-masks; None for these.
        min_mask_score: pseudo-masks of a lower score do not count, only their boxes do.
        weight_by_score: count each pseudo-mask by its score.
        verbose: print MMEngine's log instead of a progress bar; the log file in `work_dir` has it in either case.
    """

    store: str
    work_dir: Path
    resume: bool = False
    max_iters: PositiveCount | None = None
    seed: int = 0
    init_backbone: Path | None = None
    init_model: Path | None = None
    sequences: Sequence[str] | None = None
    root: Path | None = None
    precision: str = "float32"
    val_sequences: Sequence[str] = ()
    val_truth: Path | None = None
    val_interval: PositiveCount | None = None
    true_masks: Path | None = None
    min_mask_score: Share = 0.0
    weight_by_score: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        check(self)


def train(config: Config, run: TrainingRun) -> None:
    """Train on a store, in this process or as one of torchrun's.

    Args:
        config: as `load_config` gives it; completed here.
        run: the rest.

    Raises:
        InputError: the store, a sequence, a frame, a checkpoint or the weights are missing or wrong, or the config has
            a setting that nothing takes; the store was rebuilt or damaged meanwhile.
        TakenError: another training writes to the work directory.
        FloatingPointError: a loss is not finite.
    """
    first = int(os.environ.get("RANK", 0)) == 0
    alone = only_writer(run.work_dir, "training", "`work_dir=` names another") if first else nullcontext()
    with built_from(config, run.work_dir), alone:
        _train(config, run)


def _train(config: Config, run: TrainingRun) -> None:
    with shaped(config):
        _complete(config, run)
    state = {} if run.init_backbone is None else read_backbone(run.init_backbone, config)
    begun = {} if run.init_model is None else model_file.read(run.init_model, INIT_MODEL)
    checkpoints.guard()
    _launch(config, run)
    runner = (TrainingRunner if run.verbose else QuietRunner).from_cfg(config)
    if runner.rank == 0:
        log.info("log: %s", Path(runner.log_dir) / f"{runner.timestamp}.log")
    if not run.resume and (state or begun):
        # The runner initialises weights only once; what is loaded after that stays.
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.init_weights()
        load_start(model, config, run, state, begun)
    with _errors_of_loading():
        runner.train()
    if runner.rank == 0:
        log.info("wrote %s after %d steps", run.work_dir / "model.pth", runner.iter)


def _complete(config: Config, run: TrainingRun) -> None:
    """Put store, length, validation and number format of the run into the config, and check what it starts from."""
    complete_config.complete_config(config, run.store, run.sequences, run.root, run.true_masks)
    trust_by_score(config, run.min_mask_score, run.weight_by_score)
    complete_config.set_precision(config, run.precision)
    if run.max_iters is not None:
        complete_config.shorten(config, run.max_iters)
    if run.val_sequences:
        complete_config.add_validation(config, run.store, run.val_sequences, run.val_truth, run.root, run.val_interval)
    require_start(config, run)
    require_backbone(config, run)


def _launch(config: Config, run: TrainingRun) -> None:
    """Say in the config where the training runs: folder, checkpoint to go on from, seed, processes."""
    config.work_dir, config.resume, config.randomness = str(run.work_dir), run.resume, {"seed": run.seed}
    # MMEngine names a run by the second, and warns of two in one.
    config.experiment_name = f"{config.get('experiment_name') or 'stc-train'}_{uuid.uuid4().hex[:8]}"
    if run.resume:
        config.load_from = str(checkpoints.latest(run.work_dir))
    config.launcher = launcher()
    if not torch.cuda.is_available() and config.launcher != "none":
        config.model_wrapper_cfg = {
            "type": "MMDistributedDataParallel",
            "device_ids": None,
            "broadcast_buffers": False,
            "find_unused_parameters": config.get("find_unused_parameters", False),
        }


@contextmanager
def _errors_of_loading() -> Iterator[None]:
    """Raise what a loading process raised as the line that it is: torch hands on the text of its traceback."""
    try:
        yield
    except RuntimeError as error:
        name, _, message = str(error).rstrip().rpartition("\n")[2].partition(": ")
        if name.rpartition(".")[2] not in input_errors(InputError):
            raise
        problem = click.ClickException(message)
        problem.exit_code = InputError.exit_code
        raise problem from error


def load_start(
    model: torch.nn.Module, config: Config, run: TrainingRun, backbone: dict[str, Any], begun: dict[str, Any]
) -> None:
    """Put the weights of `init_backbone` or of `init_model`, whichever was read, into a network."""
    if backbone:
        load_backbone(model.backbone, backbone, run.init_backbone, config)
    if begun:
        weights.load_state(model, begun["state"], run.init_model, INIT_MODEL, "this config's network and classes")


def input_errors(kind: type) -> set[str]:
    """Names of an error's class and of all that derive from it."""
    return {kind.__name__}.union(*map(input_errors, kind.__subclasses__()))


def require_start(config: Config, run: TrainingRun) -> None:
    """Check what a config of the user's own says about going on from a checkpoint.

    Raises:
        InputError: `resume` is set in the config, whose training is not named; `load_from` is no file of a network's
            tensors, or is not the only source of weights.
    """
    if run.resume:
        return
    if config.get("resume"):
        raise InputError(
            config.filename or "`config=`",
            expected="no 'resume'",
            found="one",
            hint="`resume=` goes on from the last checkpoint in `work_dir=`; `cfg_options=` resume=False",
        )
    sources = {"init_model": run.init_model, "init_backbone": run.init_backbone, "load_from": config.get("load_from")}
    named = [f"{name} {source}" for name, source in sources.items() if source]
    if len(named) > 1:
        field = named[0].partition(" ")[0]
        raise SettingError(
            field, "one source of weights", " and ".join(named), "`cfg_options=` load_from=None drops a config's"
        )
    if config.get("load_from"):
        checkpoints.require_network(str(config.load_from))
