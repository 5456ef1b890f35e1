"""Monodepth2's weights on disk: a checkpoint of `stc-pseudo train-depth`, or the published files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stc_pseudo.depth.monodepth2 import Monodepth2
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError, require_file

NETWORK_NAME = "monodepth2"
# The published stereo models were trained with KITTI's baseline of 0.54 m as 0.1 units.
PUBLISHED_METRES_PER_UNIT = 5.4
PUBLISHED_POSE_FILES = {"pose_encoder": "pose_encoder.pth", "pose": "pose.pth"}


@dataclass(frozen=True)
class DepthWeights:
    """What was read.

    Attributes:
        network: on the CPU.
        size: (height, width) of the frames that it learnt from.
        metres_per_unit: of its depth, or None where it learnt from one camera and knows no scale.
        pose: state of the pose network; empty where it was not kept.
    """

    network: Monodepth2
    size: tuple[int, int]
    metres_per_unit: float | None
    pose: dict[str, Any] = field(default_factory=dict)


def describe(
    encoder: str, channel_width: float, size: tuple[int, int], mode: str, metres_per_unit: float | None
) -> dict[str, Any]:
    """Metadata of a checkpoint: the network, and `DepthWeights`' size and unit; `mode` says how it was trained."""
    return {
        "network": NETWORK_NAME,
        "encoder": encoder,
        "channel_width": channel_width,
        "height": size[0],
        "width": size[1],
        "mode": mode,
        "metres_per_unit": metres_per_unit,
    }


def read_checkpoint(path: Path, flag: str) -> DepthWeights:
    """Read a checkpoint of `stc-pseudo train-depth`; `flag` named it. An InputError if it is anything else."""
    content = weights.load(path, flag)
    if content.get("network") != NETWORK_NAME:
        raise InputError(
            path,
            expected="a checkpoint of stc-pseudo train-depth",
            found=f"network {content.get('network')!r}",
            hint=flag,
        )
    encoder, channel_width, height, width, metres_per_unit, state = (
        _pop(content, key, path, flag)
        for key in ("encoder", "channel_width", "height", "width", "metres_per_unit", "state")
    )
    network = Monodepth2(encoder, channel_width)
    depth, pose = (_part(state, prefix) for prefix in ("network.", "pose_network."))
    weights.load_state(network, depth, path, flag, "Monodepth2")
    return DepthWeights(network, (height, width), metres_per_unit, pose)


def read_published(folder: Path, flag: str) -> DepthWeights:
    """Read the published `encoder.pth` and `depth.pth`, ResNet-18 or 50; an InputError if they are anything else."""
    encoder, decoder = (
        weights.load(require_file(folder / name, "Monodepth2's published weights", flag), flag)
        for name in ("encoder.pth", "depth.pth")
    )
    path = folder / "encoder.pth"
    size = int(_pop(encoder, "height", path, flag)), int(_pop(encoder, "width", path, flag))
    stereo = bool(encoder.pop("use_stereo", False))
    network = Monodepth2("resnet50" if "encoder.layer1.0.conv3.weight" in encoder else "resnet18")
    weights.load_state(network.encoder, _without_classifier(encoder), path, flag, "Monodepth2's encoder")
    weights.load_state(network.depth, decoder, folder / "depth.pth", flag, "Monodepth2's decoder")
    return DepthWeights(network, size, PUBLISHED_METRES_PER_UNIT if stereo else None)


def read_published_pose(folder: Path, flag: str) -> dict[str, Any]:
    """Read the published `pose_encoder.pth` and `pose.pth` as a state of `PoseNetwork`; empty if neither is there."""
    paths = {part: folder / name for part, name in PUBLISHED_POSE_FILES.items()}
    if not any(path.is_file() for path in paths.values()):
        return {}
    return {
        f"{part}.{key}": value
        for part, path in paths.items()
        for key, value in _without_classifier(weights.load(path, flag)).items()
    }


def _without_classifier(state: dict[str, Any]) -> dict[str, Any]:
    # It came along from ImageNet, and no part of Monodepth2 uses it.
    return {key: value for key, value in state.items() if not key.startswith("encoder.fc.")}


def _part(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _pop(content: dict[str, Any], key: str, path: Path, flag: str) -> Any:
    if key not in content:
        raise InputError(
            path, expected=f"weights of Monodepth2 with the entry '{key}'", found="no such entry", hint=flag
        )
    return content.pop(key)
