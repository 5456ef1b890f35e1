"""Complete a config with what the command line, the store and the machine decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from mmengine.config import Config, ConfigDict

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import SettingError
from stc_train.data.pinning import pin_batches
from stc_train.engine.adapt_config import adapt, plain, refuse_misaligned, require_edges
from stc_train.engine.recorded_labels import follow_store

Precision = Literal["float32", "bfloat16", "float16"]
# What every training of ours does, whosever config it runs.
HOOKS = ("stc_train.StepRandomness", "stc_train.StopAtNaN", "stc_train.Throughput")
DEFAULT_INTERVAL = 500  # steps between checkpoints, where a config says nothing


def complete_config(
    config: Config, store: str, sequences: Sequence[str] | None, root: Path | None, true_masks: Path | None = None
) -> None:
    """Write into the config what the store decides: paths, classes, labels, and what must hold for any config.

    Args:
        config: changed in place.
        store: path or URL.
        sequences: of the store; None for all.
        root: folder of the frames, if they moved.
        true_masks: folder or file of true masks to train on instead of the store's; None for the store's.

    Raises:
        InputError: no such store or sequence, the config cannot train on a store, or contradicts its labels.
    """
    reader = StoreReader(store, root)
    for name in sequences or ():
        reader.sequence(name)
    adapt(config)
    refuse_misaligned(config)
    require_edges(config)
    follow_store(config, reader, sequences, true_masks is not None)
    loader = config.train_dataloader
    loader.dataset.update(
        store=store, sequences=None if sequences is None else list(sequences), root=None if root is None else str(root)
    )
    if true_masks is not None:
        loader.dataset.true_masks = str(true_masks)
    if torch.cuda.is_available():
        pin_batches(config)
    loader.persistent_workers = loader.num_workers > 0  # torch refuses the one without the other
    if plain(loader.sampler.type) == "InfiniteSampler":
        loader.sampler.type = "stc_train.NumberedSampler"
    set_classes(config.model, len(reader.class_names))
    config.store_fingerprint = reader.fingerprint
    hooks = list(config.get("custom_hooks") or ())
    present = {hook["type"] for hook in hooks if isinstance(hook, dict)}
    hooks += [ConfigDict(type=name) for name in HOOKS if name not in present]
    if "stc_train.ExportModel" not in present:
        hooks.append(ConfigDict(type="stc_train.ExportModel", interval=DEFAULT_INTERVAL))
    if "stc_train.WatchStore" not in present:
        export = next(hook for hook in hooks if isinstance(hook, dict) and hook["type"] == "stc_train.ExportModel")
        hooks.append(ConfigDict(type="stc_train.WatchStore", interval=export["interval"]))
    config.custom_hooks = hooks
    config.setdefault("default_hooks", ConfigDict()).setdefault(
        "checkpoint", ConfigDict(type="CheckpointHook", by_epoch=False, interval=DEFAULT_INTERVAL, max_keep_ckpts=2)
    )


def set_classes(part: Any, classes: int) -> None:
    """Set every `num_classes` in a model's config."""
    if isinstance(part, dict):
        if "num_classes" in part:
            part["num_classes"] = classes
        for value in part.values():
            set_classes(value, classes)
    elif isinstance(part, list | tuple):
        for value in part:
            set_classes(value, classes)


def add_validation(
    config: Config, store: str, sequences: Sequence[str], truth: Path | None, root: Path | None, interval: int | None
) -> None:
    """Measure the masks' AP on some sequences during training, and keep the best checkpoint by it.

    Args:
        config: after `complete_config`.
        store: path or URL.
        sequences: of the store.
        truth: folder of true masks, or None for the store's pseudo-masks.
        root: folder of the frames, if they moved.
        interval: steps between validations; that of the checkpoints, if None.

    Raises:
        InputError: no such sequence, or one is trained on as well.
    """
    reader = StoreReader(store, root)
    for name in sequences:
        reader.sequence(name)
    dataset = config.train_dataloader.dataset
    if dataset.sequences is None:
        dataset.sequences = [name for name in reader.sequences if name not in sequences]
    if both := sorted(set(dataset.sequences) & set(sequences)):
        expected, hint = "sequences that are not trained on", "`sequences=` names those to train on"
        raise SettingError("val_sequences", expected, ", ".join(both), hint)
    if not dataset.sequences:
        raise SettingError("val_sequences", "some sequences left to train on", "none")
    workers = config.train_dataloader.num_workers
    config.val_dataloader = ConfigDict(
        {
            "batch_size": 1,
            "num_workers": workers,
            "persistent_workers": workers > 0,
            "drop_last": False,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": {
                "type": "stc_train.StoreDataset",
                "store": store,
                "sequences": list(sequences),
                "root": dataset.root,
                "empty_frames": True,
                "test_mode": True,
                "pipeline": config.test_pipeline,
            },
        }
    )
    config.val_evaluator = ConfigDict(
        type="stc_train.MaskAP", store=store, sequences=list(sequences), truth=None if truth is None else str(truth)
    )
    config.val_cfg = ConfigDict(type="ValLoop")
    checkpoint = config.default_hooks.checkpoint
    config.train_cfg.val_interval = interval or checkpoint.get("interval", DEFAULT_INTERVAL)
    if "max_iters" in config.train_cfg:  # the AP is logged at its step, not at epoch 0
        config.default_hooks.setdefault("logger", ConfigDict(type="LoggerHook")).log_metric_by_epoch = False
    checkpoint.update(save_best=f"val_{'true' if truth else 'pseudo'}_masks/AP", rule="greater")


def set_precision(config: Config, precision: str) -> None:
    """Choose the forward pass's number format.

    Raises:
        InputError: float16 without a GPU (its gradients need a scale that torch has for GPUs).
    """
    if precision not in get_args(Precision):
        raise SettingError("precision", ", ".join(get_args(Precision)), precision)
    wrapper, gpu = config.optim_wrapper, torch.cuda.is_available()
    scaled = precision == "float16" or wrapper.get("type") == "AmpOptimWrapper"
    if scaled and not gpu:
        raise SettingError("precision", "a GPU for float16", "none", "`precision=` bfloat16")
    if precision == "float16":
        wrapper.type, wrapper.dtype, wrapper.loss_scale = "AmpOptimWrapper", "float16", "dynamic"
    elif precision == "bfloat16":
        wrapper.type = "stc_train.BFloat16OptimWrapper"
        for key in ("loss_scale", "dtype"):
            wrapper.pop(key, None)


def shorten(config: Config, max_iters: int) -> None:
    """Train for `max_iters` steps; what schedule and losses do by steps or epochs, they do in proportion sooner.

    Raises:
        InputError: the config counts epochs.
    """
    if "max_iters" not in config.train_cfg:
        expected, hint = "a config that counts steps", "`cfg_options=` train_cfg.max_epochs=N"
        raise SettingError("max_iters", expected, "one that counts epochs", hint)
    whole = config.train_cfg.max_iters
    factor = max_iters / whole
    config.train_cfg.max_iters = max_iters
    for scheduler in config.param_scheduler:
        _shorten_scheduler(scheduler, factor, whole)
    _shorten_warm_up(config.model, factor)


def _shorten_scheduler(scheduler: ConfigDict, factor: float, whole: int) -> None:
    """Scale a scheduler of a training of `whole` steps; one by epochs alone never acts in a training by steps."""
    if scheduler.get("convert_to_iter_based"):
        for key in ("begin", "end"):
            if scheduler.get(key) is not None:
                scheduler[key] *= factor  # a share of an epoch; `TrainingRunner` knows its steps
    elif not scheduler.get("by_epoch", True):
        begin, end = (round(scheduler.get(key, default) * factor) for key, default in (("begin", 0), ("end", whole)))
        # MMEngine's linear warm-up over a single step never leaves its beginning.
        scheduler.begin, scheduler.end = begin, max(end, begin + 2)
    else:
        return
    for key in ("T_max", "step_size", "total_steps"):
        if scheduler.get(key):
            scheduler[key] = max(round(scheduler[key] * factor), 1)
    for key in ("milestones", "periods"):
        if scheduler.get(key):
            scheduler[key] = [max(round(value * factor), 1) for value in scheduler[key]]
    if plain(scheduler.type) == "ExponentialLR":  # once a step; elsewhere once a milestone
        scheduler.gamma = scheduler.gamma ** (1 / factor)


def _shorten_warm_up(part: Any, factor: float) -> None:
    """Scale every `warmup_iters` of a model's config: steps over which a loss's weight rises."""
    if isinstance(part, dict):
        if part.get("warmup_iters"):
            part["warmup_iters"] = max(round(part["warmup_iters"] * factor), 1)
        for value in part.values():
            _shorten_warm_up(value, factor)
    elif isinstance(part, list | tuple):
        for value in part:
            _shorten_warm_up(value, factor)
