"""Batches in pinned memory: a GPU fetches them by itself, while the program goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.structures.bbox import BaseBoxes
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.structures import BaseDataElement
from torch import Tensor

from stc_train.registry import FUNCTIONS


class Batch(dict[str, Any]):
    """A batch as MMEngine's `pseudo_collate` gives it; torch's loader pins what has a `pin_memory`."""

    def pin_memory(self) -> Batch:
        """The same, with every tensor in pinned memory."""
        return Batch({name: pinned(value) for name, value in self.items()})


@FUNCTIONS.register_module()
def collate(samples: Sequence[Any]) -> Batch:
    """A batch of samples, which stay lists."""
    return Batch(pseudo_collate(samples))


def pinned(value: Any) -> Any:
    """A value with all tensors in it in pinned memory, in MMEngine's structures as well, which torch does not know."""
    if isinstance(value, BaseDataElement):
        copy = value.new()
        copy.set_data({name: pinned(part) for name, part in value.items()})
        return copy
    if isinstance(value, BaseBoxes):
        return type(value)(value.tensor.pin_memory(), clone=False)
    if isinstance(value, Tensor) or hasattr(value, "pin_memory"):
        return value.pin_memory()
    if isinstance(value, Mapping):
        return {name: pinned(part) for name, part in value.items()}
    return [pinned(part) for part in value] if isinstance(value, list | tuple) else value


def pin_batches(config: Config) -> None:
    """Let a training's loader pin its batches, and its model fetch them without waiting, where the config says nothing.

    Args:
        config: changed in place.
    """
    loader = config.train_dataloader
    loader.setdefault("pin_memory", True)
    loader.setdefault("collate_fn", ConfigDict(type="stc_train.collate"))
    if config.model.get("data_preprocessor"):
        config.model.data_preprocessor.setdefault("non_blocking", True)
