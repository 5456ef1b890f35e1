"""What a depth training starts from: a checkpoint, the published files, or an encoder of ImageNet."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stc_pseudo.depth.checkpoint import read_checkpoint, read_published, read_published_pose
from stc_pseudo.depth.monodepth2 import Monodepth2, PoseNetwork
from stc_pseudo.nn import weights
from stc_pseudo.nn.efficientnet_lite import LITE0

log = logging.getLogger(__name__)


def start_networks(
    network: Monodepth2, pose_network: PoseNetwork | None, encoder: str, init: Path | None, encoder_weights: Path | None
) -> None:
    """Copy the weights that a training starts from into its networks.

    Args:
        network: depth.
        pose_network: takes a checkpoint's or the published pose network where there is one, and a ResNet's weights in
            its encoder where they fit; None in a stereo training.
        encoder: one of `ENCODERS`, of `network`.
        init: a checkpoint of `stc-pseudo train-depth`, or a folder with the published `encoder.pth` and `depth.pth` and
            optionally `pose_encoder.pth` and `pose.pth`; or None.
        encoder_weights: the state dict of a torchvision ResNet, or of EfficientNet-Lite0; or None.

    Raises:
        InputError: the weights are another network's.
    """
    if init is not None:
        state, pose = _read(init)
        weights.load_state(network, state, init, "`init=`", f"this {encoder} of {network.encoder.channels[0]} channels")
        if pose_network is not None and pose:
            weights.load_state(pose_network, pose, init, "`init=`", "the pose network")
    elif encoder_weights is not None:
        _start_encoders(network, pose_network, encoder, encoder_weights)
    else:
        log.warning(
            "the encoder starts from random weights: `stc-pseudo train-depth --encoder-weights` names ImageNet's of %s",
            encoder,
        )


def _read(init: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of the depth and of the pose network (empty where there is none)."""
    if init.is_dir():
        return read_published(init, "`init=`").network.state_dict(), read_published_pose(init, "`init=`")
    content = read_checkpoint(init, "`init=`")
    return content.network.state_dict(), content.pose


def _start_encoders(network: Monodepth2, pose_network: nn.Module | None, encoder: str, path: Path) -> None:
    flag = "`encoder_weights=`"
    if encoder == LITE0:
        wanted = network.encoder.encoder.state_dict()
        state = {key: value for key, value in weights.load(path, flag).items() if key in wanted}
        weights.load_state(network.encoder.encoder, state, path, flag, encoder)
        return
    state = {key: value for key, value in weights.load(path, flag).items() if not key.startswith("fc.")}
    weights.load_state(network.encoder.encoder, state, path, flag, f"torchvision's {encoder}")
    if pose_network is not None and encoder == "resnet18":
        # Two equal frames excite the first layer as one frame does in the original.
        first = state["conv1.weight"]
        state["conv1.weight"] = torch.cat([first, first], 1) / 2
        weights.load_state(pose_network.pose_encoder.encoder, state, path, flag, "the pose encoder")
