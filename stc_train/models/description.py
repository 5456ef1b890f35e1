"""What the description of a network in a file may hold, so that building it runs nothing of the file's choice.

MMEngine builds whatever a config names: a dotted name that is in no registry is imported and called, and among what is
registered there are parts that read files and addresses which their settings name. A `model.pth` comes from anywhere.
So its description is plain values; every `type` is the name of a layer, head or loss in MMDetection's or our registry;
and text stands only under keys that choose between variants, such as `style="pytorch"`: nothing else can name a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from torch import nn

# Where the parts of an instance segmenter are defined. Left out, though registered: language models, trackers,
# re-identification, and wrappers of other packages' networks, which load files of their own.
MODEL_MODULES = (
    "mmcv.cnn.",
    "mmcv.ops.",
    "mmdet.models.backbones.",
    "mmdet.models.data_preprocessors.",
    "mmdet.models.dense_heads.",
    "mmdet.models.detectors.",
    "mmdet.models.layers.",
    "mmdet.models.losses.",
    "mmdet.models.necks.",
    "mmdet.models.roi_heads.",
    "mmdet.models.seg_heads.",
    "mmdet.models.task_modules.",
    "mmengine.utils.dl_utils.",
    "stc_train.mmcv_ops",
    "stc_train.models.",
    "torch.nn.modules.",
)
SCOPES = ("mmdet", "mmengine", "stc_train")
# `type`s that are looked up outside the registries: suppression, pooling of regions, FPN variants' connections.
UNREGISTERED = ("nms", "soft_nms", "RoIAlign", "RoIPool", "SimpleRoIAlign", "DeformRoIPoolPack")
UNREGISTERED += ("ModulatedDeformRoIPoolPack", "conv", "interpolation_conv", "last_conv")
SUPPRESSIONS = ("nms", "soft_nms")  # mmcv evaluates this name
# Keys of MMDetection's segmenters, and of ours, whose values are words.
MODEL_WORDS = frozenset(
    [
        "add_extra_convs",
        "aggregation",
        "arch",
        "attention_type",
        "block",
        "boundary",
        "box_format",
        "area",
        "box_term",
        "centers",
        "channel_order",
        "input_order",
        "iou_mode",
        "kernel",
        "losses",
        "mode",
        "order",
        "out_features",
        "padding_mode",
        "paths",
        "position",
        "reduction",
        "refine_type",
        "style",
    ]
)
# Transforms of a test pipeline; training's are not in the file.
TRANSFORMS = frozenset(
    [
        "stc_train.LoadFrame",
        "CenterCrop",
        "FixScaleResize",
        "FixShapeResize",
        "Normalize",
        "PackDetInputs",
        "Pad",
        "RandomFlip",
        "Resize",
    ]
)
TRANSFORM_WORDS = frozenset(["backend", "direction", "interpolation", "meta_keys", "padding_mode"])
NAME = re.compile(r"((\w+)\.)?([A-Za-z]\w*)")
KEY = re.compile(r"[A-Za-z]\w*")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
DROPPED = ("init_cfg", "pretrained")  # the weights are in the file
DEPTH = 40  # levels of a description; MMDetection's deepest have 12


class DescriptionError(ValueError):
    """A description holds what it may not; the text follows the word "found"."""


def checked_model(description: Any) -> dict[str, Any]:
    """Return a copy of a model's description without `init_cfg` and `pretrained`, which name other files' weights.

    Raises:
        DescriptionError: it holds something that is not allowed.
    """
    if not isinstance(description, dict) or "type" not in description:
        raise DescriptionError(f"{_short(description)} as the description of the network")
    return _Copy(MODEL_WORDS, _require_part).of(description, "model", 0)


def checked_pipeline(description: Any) -> list[dict[str, Any]]:
    """Return a copy of a test pipeline.

    Raises:
        DescriptionError: it holds something that is not allowed.
    """
    if not isinstance(description, list) or not all(isinstance(step, dict) and "type" in step for step in description):
        raise DescriptionError(f"{_short(description)} as the list of transforms")
    return _Copy(TRANSFORM_WORDS, _require_transform).of(description, "pipeline", 0)


@dataclass(frozen=True)
class _Copy:
    """Copies what is allowed.

    Attributes:
        words: keys whose values may be text.
        require_type: raises a DescriptionError unless a `type` under a key at a place is allowed.
    """

    words: frozenset[str]
    require_type: Callable[[str, str, str], None]

    def of(self, value: Any, where: str, depth: int) -> Any:
        """A copy of the value at a dotted place, whose last part is the key."""
        if depth > DEPTH:
            raise DescriptionError(f"more than {DEPTH} levels at {where[:60]}...")
        if type(value) is dict:
            return self.settings(value, where, depth)
        if type(value) in (list, tuple):
            return type(value)(self.of(inner, where, depth + 1) for inner in value)
        if type(value) is str:
            return self.word(value, where)
        if value is None or type(value) in (bool, int, float):
            return value
        raise DescriptionError(f"a {type(value).__name__} at {where}")

    def settings(self, value: dict[Any, Any], where: str, depth: int) -> dict[str, Any]:
        """A copy of a part's settings."""
        copy = {}
        for name, inner in value.items():
            if type(name) is not str or not KEY.fullmatch(name):
                raise DescriptionError(f"the key {_short(name)} in {where}")
            if name in DROPPED:
                continue
            if name == "type":
                if type(inner) is not str:
                    raise DescriptionError(f"a type that is no name, but {_short(inner)}, in {where}")
                self.require_type(inner, where.rpartition(".")[2], where)
                copy[name] = inner
            else:
                copy[name] = self.of(inner, f"{where}.{name}", depth + 1)
        return copy

    def word(self, value: str, where: str) -> str:
        """The name of a variant, where one may stand."""
        if where.rpartition(".")[2] not in self.words:
            raise DescriptionError(f"the text {_short(value)} at {where}, which may be no text")
        if not WORD.fullmatch(value):
            raise DescriptionError(f"{_short(value)} at {where}, which is not the name of a variant")
        return value


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _require_part(name: str, key: str, where: str) -> None:
    """Raise a DescriptionError unless a model's `type` is one of MMDetection's or ours."""
    if key == "nms" and name not in SUPPRESSIONS:
        raise DescriptionError(f"type {_short(name)} in {where}; it may be {' or '.join(SUPPRESSIONS)}")
    if name not in UNREGISTERED and not registered(name):
        raise DescriptionError(
            f"type {_short(name)} in {where}, which is no part of an instance segmenter of MMDetection"
        )


def _require_transform(name: str, key: str, where: str) -> None:
    """Raise a DescriptionError unless a pipeline's `type` is one that prediction needs."""
    if name.removeprefix("mmdet.").removeprefix("mmcv.") not in TRANSFORMS:
        raise DescriptionError(f"type {_short(name)} in {where}; it may be {', '.join(sorted(TRANSFORMS))}")


def registered(name: str) -> bool:
    """Whether a name is in the registries of models or of task utilities, and is a part of an instance segmenter.

    Nothing is imported by the name.
    """
    import mmdet.registry
    import mmengine.registry

    from stc_train import registry

    match = NAME.fullmatch(name)
    if not match or match[2] not in (None, *SCOPES):
        return False
    for kind in ("MODELS", "TASK_UTILS"):
        of_scope = {
            scope: getattr(package, kind)
            for scope, package in zip(SCOPES, (mmdet.registry, mmengine.registry, registry), strict=True)
        }
        searched = [of_scope[match[2]]] if match[2] else [of_scope["mmdet"], of_scope["mmengine"]]
        for place in searched:
            place.import_from_location()
            if entry := place.module_dict.get(match[3]):
                suitable = isinstance(entry, type) and (kind == "TASK_UTILS" or issubclass(entry, nn.Module))
                return suitable and f"{entry.__module__}.".startswith(MODEL_MODULES)
    return False


@contextmanager
def registries_only() -> Iterator[None]:
    """Within it, MMEngine builds by names in its registries alone: a name's own module is not imported."""
    from mmengine.registry import registry

    fallback, import_module = registry.get_object_from_string, registry.import_module

    def import_known(name: str, *arguments: Any) -> ModuleType:
        if name.partition(".")[0] not in SCOPES:
            raise ImportError(name)
        return import_module(name, *arguments)

    registry.get_object_from_string, registry.import_module = lambda name: None, import_known
    try:
        yield
    finally:
        registry.get_object_from_string, registry.import_module = fallback, import_module
