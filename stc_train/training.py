"""From a config and a store to a trained model: fills in what the store knows, checks, runs MMEngine's Runner."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

import stc_train.parts  # noqa: F401  (mmcv's operators and our scope)
from stc_pseudo import weights
from stc_pseudo.store import StoreReader
from stc_track.formats.errors import InputError, require_file
from stc_train import configs

CONFIGS = Path(configs.__file__).parent
RESNET_KEY = re.compile(r"(conv1|bn1|layer[1-4])\.")


def load_config(name: str, options: Sequence[str] = ()) -> Config:
    """Read a shipped config by name or a user's by path, and change settings.

    Args:
        name: a file name in `stc_train/configs` without `.py`, or a path.
        options: `key=value`, dotted keys, values as MMDetection's `--cfg-options` takes them.

    Raises:
        InputError: no such config, or an option that is not `key=value`.
    """
    path = CONFIGS / f"{name}.py"
    if not path.is_file():
        shipped = sorted(file.stem for file in CONFIGS.glob("condinst_r*.py"))
        path = require_file(Path(name), f"a config's path, or one of {', '.join(shipped)}", "--config")
    config = Config.fromfile(path)
    for option in options:
        key, equals, value = option.partition("=")
        if not key or not equals:
            raise InputError("--cfg-options", expected="KEY=VALUE", found=f"'{option}'")
        config.merge_from_dict({key: DictAction._parse_iterable(value)})
    return config


def train(config: Config, store: str, work_dir: Path, *, resume: bool = False, max_iters: int | None = None,
          seed: int = 0, init_backbone: Path | None = None, sequences: Sequence[str] | None = None,
          root: Path | None = None) -> None:
    """Train on a store; checkpoints, log, config and `model.pth` go to `work_dir`.

    Args:
        config: as `load_config` gives it.
        store: path or URL.
        work_dir: created if need be.
        resume: go on from the last checkpoint there.
        max_iters: steps, if not the config's.
        seed: of initial weights, order and augmentation.
        init_backbone: a file of ResNet weights.
        sequences: of the store; all by default.
        root: folder of the frames, if they moved.

    Raises:
        InputError: the store, a sequence, a frame or the weights are missing or wrong.
        FloatingPointError: a loss is not finite.
    """
    fill_in(config, store, sequences, root)
    if max_iters is not None:
        shorten(config, max_iters)
    if init_backbone is None and not resume and config.model.backbone.get("frozen_stages", -1) >= 0:
        options = " ".join(f"--cfg-options model.backbone.{each}" for each in ("frozen_stages=-1", "norm_eval=False"))
        raise InputError("--init-backbone", found="none", mend=f"name a file, or train all of it: {options}",
                         expected="pretrained weights: this config keeps the backbone's first stages as they are")
    state = None if init_backbone is None else resnet_state(init_backbone)
    config.work_dir, config.resume, config.randomness = str(work_dir), resume, {"seed": seed}
    config.launcher = "pytorch" if "LOCAL_RANK" in os.environ else "none"  # torchrun sets it
    runner = Runner.from_cfg(config)
    if state is not None and not resume:
        # The runner initialises weights only once; what is loaded after that stays.
        runner.model.init_weights()
        weights.load_state(runner.model.backbone, state, init_backbone, "--init-backbone",
                           f"this config's ResNet-{config.model.backbone.depth}")
    try:
        runner.train()
    except RuntimeError as error:
        # torch hands on what a loading process raised as the text of its traceback.
        name, _, message = str(error).rstrip().rpartition("\n")[2].partition(": ")
        if not name.endswith(InputError.__name__):
            raise
        problem = click.ClickException(message)
        problem.exit_code = InputError.exit_code
        raise problem from error


def fill_in(config: Config, store: str, sequences: Sequence[str] | None, root: Path | None) -> None:
    """Write into the config what the store and the loss decide: paths, classes, whether edges are read."""
    reader = StoreReader(store, root)
    dataset = config.train_dataloader.dataset
    dataset.update(store=store, sequences=None if sequences is None else list(sequences),
                   root=None if root is None else str(root))
    loader = config.train_dataloader
    loader.persistent_workers = loader.num_workers > 0  # torch refuses the one without the other
    for name in sequences or ():
        reader.sequence(name)
    config.model.bbox_head.num_classes = len(reader.class_names)
    config.store_fingerprint = reader.fingerprint
    for step in dataset.pipeline:
        if step.type == "stc_train.LoadPseudoLabels":
            step.edges = config.model.mask_head.loss_mask.boundary == "pairwise"


def shorten(config: Config, max_iters: int) -> None:
    """Train for `max_iters` steps; what the schedule does by steps, it does in proportion sooner."""
    factor = max_iters / config.train_cfg.max_iters
    config.train_cfg.max_iters = max_iters
    for scheduler in config.param_scheduler:
        if not scheduler.get("by_epoch", True):
            begin, end = (round(scheduler[key] * factor) for key in ("begin", "end"))
            scheduler.begin, scheduler.end = begin, max(end, begin + 1)
            if "gamma" in scheduler:
                scheduler.gamma = scheduler.gamma ** (1 / factor)


def resnet_state(path: Path) -> dict[str, Any]:
    """Read the weights of a ResNet's trunk from a classifier's or an encoder's checkpoint.

    Args:
        path: torchvision's state dict, or any in which the same names follow a prefix (Monodepth2's encoder:
            `encoder.`); a state dict may lie under `state` or `state_dict`.

    Raises:
        InputError: no ResNet for RGB in the file.
    """
    content = weights.load(path, "--init-backbone")
    state = content.get("state", content.get("state_dict", content))
    for key, value in state.items():
        prefix = key.removesuffix("conv1.weight")
        if prefix != key and f"{prefix}layer1.0.conv1.weight" in state and value.shape[1] == 3:
            own = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
            return {name: tensor for name, tensor in own.items() if RESNET_KEY.match(name)}
    raise InputError(path, expected="a ResNet's weights, as 'conv1.weight' and 'layer1.0.conv1.weight'",
                     found=f"keys like {', '.join(repr(key) for key in list(state)[:3])}", mend="--init-backbone")
