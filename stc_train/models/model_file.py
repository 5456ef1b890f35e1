"""`model.pth`: a trained model, complete in one file, read without running code from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from stc_pseudo.nn import weights
from stc_track.io.errors import InputError

FORMAT = "stc-train model 1"
# Names in MMDetection's or our registry. MMEngine would import and call any dotted name.
REGISTERED = re.compile(r"((mmdet|mmcv|mmengine|stc_train)\.)?[A-Za-z]\w*")


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A network in evaluation mode, and what its results mean.

    Attributes:
        network: an MMDetection detector.
        pipeline: its test pipeline, MMDetection's transform configs.
        class_numbers: the data set's class number of each label.
        class_names: class number to name.
        step: how long it was trained.
    """

    network: nn.Module
    pipeline: list[dict[str, Any]]
    class_numbers: tuple[int, ...]
    class_names: dict[int, str]
    step: int


def save(path: Path, network: nn.Module, config: Any, class_names: dict[int, str], store: str, step: int) -> None:
    """Write a trained network with its description.

    Args:
        path: the file; it appears when it is whole.
        network: the detector that `config.model` describes.
        config: MMEngine's, with `model` and `test_pipeline`.
        class_names: class number to name; labels follow the numbers' order.
        store: fingerprint of the store that it was trained on.
        step: optimisation steps so far.
    """
    described = config.to_dict()
    weights.save(
        path,
        {
            "format": FORMAT,
            "model": described["model"],
            "pipeline": described["test_pipeline"],
            "class_names": dict(class_names),
            "store": store,
            "step": step,
            "state": network.state_dict(),
        },
    )


def load(path: Path, flag: str) -> TrainedModel:
    """Read a trained network to the CPU.

    Raises:
        InputError: no such file, not a `model.pth`, or its weights are not those of the network that it describes.
    """
    content = weights.load(path, flag)
    if content.get("format") != FORMAT:
        raise InputError(
            path,
            expected=f"a model.pth of stc-train ('{FORMAT}')",
            found=f"format {content.get('format')!r}",
            hint="the training's work directory has one",
        )
    for name in _type_names([content["model"], content["pipeline"]]):
        if not REGISTERED.fullmatch(str(name)):
            raise InputError(path, expected="parts of MMDetection or stc_train", found=f"type {str(name)!r}")
    import stc_train.registry  # noqa: F401, I001  (mmcv's operators, before MMDetection)
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict

    register_all_modules(init_default_scope=True)
    network = MODELS.build(ConfigDict(content["model"]))
    weights.load_state(network, content["state"], path, flag, "the network that it describes")
    names = content["class_names"]
    return TrainedModel(network.eval(), content["pipeline"], tuple(sorted(names)), names, content["step"])


def _type_names(described: Any) -> list[Any]:
    """Every value under a key `type`, at any depth."""
    if isinstance(described, dict):
        own = [described["type"]] if "type" in described else []
        return own + [name for value in described.values() for name in _type_names(value)]
    if isinstance(described, list | tuple):
        return [name for value in described for name in _type_names(value)]
    return []
