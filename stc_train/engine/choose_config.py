"""The config that `stc-train` takes when the user names none: by the machine and by the store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config

from stc_pseudo.nn.efficientnet_lite import lite0_installed
from stc_pseudo.store.reader import StoreReader
from stc_train import shipped
from stc_train.engine.adapt_config import plain

AUTO = "auto"
GPU_CONFIGS = {"kitti": "condinst_r50_kitti", "ytvis": "condinst_r50_ytvis"}
GPU_DEFAULT = "condinst_r50_kitti"
PAPER_CONFIGS = {"kitti": "condinst_r50_kitti_paper", "ytvis": "condinst_r50_ytvis_paper"}
CPU_PRETRAINED, CPU_SCRATCH = "condinst_lite0_demo", "condinst_r18_demo"
GRID = 32  # a network's input is padded to multiples of it


@dataclass(frozen=True)
class Choice:
    """A config, and why.

    Attributes:
        config: its name in `stc_train/configs`.
        reason: for the person who reads the screen.
        init_model: a shipped model of that config and of the store's classes to go on from, where there is one.
        other: the config for the other size of network.
    """

    config: str
    reason: str
    other: str
    init_model: Path | None = None


def choose_config(store: str) -> Choice:
    """Return the config that suits this machine and this store.

    A CPU has time for few steps, and these get further from a segmenter than from ImageNet's features, even one of
    rendered scenes: docs/results/kitti-mots.md.
    """
    reader = StoreReader(store)
    gpu_config = GPU_CONFIGS.get(reader.dataset, GPU_DEFAULT)
    init_model = shipped.SEGMENTER if reader.class_names == shipped.CLASSES else None
    pretrained = lite0_installed() or init_model is not None
    cpu_config = CPU_PRETRAINED if pretrained else CPU_SCRATCH
    if torch.cuda.is_available():
        return Choice(gpu_config, f"a GPU is here: {torch.cuda.get_device_name()}", f"{cpu_config}")
    start = "" if pretrained else ", and the extra `pretrained` is not installed"
    start += ", and the shipped segmenter knows these classes" if init_model else ""
    return Choice(cpu_config, f"no GPU is here{start}", f"{gpu_config}", init_model)


def paper_config(store: str) -> str:
    """Name of the config that trains as the paper did on this store's data set; KITTI's for what is neither."""
    return PAPER_CONFIGS.get(StoreReader(store).dataset, PAPER_CONFIGS["kitti"])


def keep_proportions(config: Config, store: str) -> None:
    """Resize frames to the input's area of the config in their own proportions, where it would squeeze them.

    Changes every `Resize` without `keep_ratio` of the training and test pipelines.
    """
    reader = StoreReader(store)
    height, width = reader.sequence(reader.sequences[0]).size
    for step in (*config.train_dataloader.dataset.pipeline, *config.test_pipeline):
        if plain(step["type"]) == "Resize" and not step.get("keep_ratio"):
            across, down = step["scale"]
            scale = math.sqrt(across * down / (height * width))
            step["scale"] = tuple(max(round(side * scale / GRID), 1) * GRID for side in (width, height))
