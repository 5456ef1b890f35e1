"""`model.pth`: a trained model, complete in one file, read without running code from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from stc_pseudo.nn import weights
from stc_track.io.errors import InputError
from stc_train.models.description import DescriptionError, checked_model, checked_pipeline, registries_only

FORMAT = "stc-train model 1"
PARTS = ("model", "pipeline", "class_names", "step", "state")
MEND = "a model.pth that stc-train wrote"


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
            "preset": described.get("preset", "best"),
            "state": network.state_dict(),
        },
    )


def read(path: Path, flag: str) -> dict[str, Any]:
    """Read a `model.pth` without building what it describes: `PARTS`, unchecked but for their presence.

    Raises:
        InputError: no such file, or not a `model.pth`.
    """
    content = weights.load(path, flag)
    if content.get("format") != FORMAT:
        raise InputError(
            path,
            expected=f"a model.pth of stc-train ('{FORMAT}')",
            found=f"format {content.get('format')!r}",
            hint="the training's work directory has one",
        )
    if missing := [key for key in PARTS if key not in content]:
        raise InputError(path, expected=MEND, found=f"no {', '.join(missing)}")
    return content


def load(path: Path, flag: str) -> TrainedModel:
    """Read a trained network to the CPU. Nothing in the file is run, and no other file is read for it.

    Raises:
        InputError: no such file, not a `model.pth`, it describes something else than an instance segmenter of
            MMDetection's and our parts, or its weights are not those of the network that it describes.
    """
    content = read(path, flag)
    from mmengine.config import ConfigDict
    from mmengine.dataset import Compose

    from stc_train.registry import register_mmdetection

    models = register_mmdetection()
    try:
        model, pipeline = checked_model(content["model"]), checked_pipeline(content["pipeline"])
        names, step = _class_names(content["class_names"]), _step(content["step"])
    except DescriptionError as error:
        raise InputError(path, expected=MEND, found=str(error)) from error
    try:
        with registries_only():
            network = models.build(ConfigDict(model))
            Compose(copy.deepcopy(pipeline))
    except Exception as error:  # whatever MMDetection's constructors say of settings that they do not take
        reason = (str(error).splitlines() or [type(error).__name__])[-1][:160]
        raise InputError(path, expected="the description of a network that MMDetection builds", found=reason) from error
    weights.load_state(network, content["state"], path, flag, "the network that it describes")
    return TrainedModel(network.eval(), pipeline, tuple(sorted(names)), names, step)


def _class_names(names: Any) -> dict[int, str]:
    """Check the class numbers and names, or raise a DescriptionError."""
    if not isinstance(names, dict) or not names:
        raise DescriptionError("no class names")
    for number, name in names.items():
        if type(number) is not int or type(name) is not str or not name.isprintable():
            raise DescriptionError(f"class {str(number)[:20]!r} of name {str(name)[:40]!r}")
    return dict(names)


def _step(step: Any) -> int:
    if type(step) is not int or step < 0:
        raise DescriptionError(f"the step {str(step)[:40]!r}")
    return step
