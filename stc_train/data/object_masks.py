"""Masks of one frame's objects as one map of their numbers: no pixel is two objects', so one map holds them all.

MMDetection keeps a map an object, which at 1080 x 1920 pixels and 500 objects is a gigabyte in each loading process.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from mmdet.structures.mask import BitmapMasks
from torch import Tensor


class ObjectMasks(BitmapMasks):
    """MMDetection's masks of objects that do not overlap; expanded to a map an object only where somebody asks.

    Args:
        objects: (H, W) uint16, each pixel's object.
        numbers: (N,) uint16, of the objects that these are the masks of; an object may stand for several.
        placed: the map on devices, by name; one dictionary for all selections from the same masks.
    """

    def __init__(self, objects: np.ndarray, numbers: np.ndarray, placed: dict[str, Tensor] | None = None) -> None:
        self.objects, self.numbers = objects, numbers
        self.height, self.width = objects.shape
        self._placed = {} if placed is None else placed

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_placed": {}}

    def pin_memory(self) -> Self:
        """The same, with the map where a GPU fetches it by itself; torch's loader calls it."""
        self._placed["pinned"] = torch.from_numpy(self.objects.astype(np.int32)).pin_memory()
        return self

    @property
    def masks(self) -> np.ndarray:
        """(N, H, W) uint8."""
        return (self.objects == self.numbers[:, None, None]).view(np.uint8)

    def present(self) -> np.ndarray:
        """Which objects have a pixel: (N,) bool."""
        return np.isin(self.numbers, self.objects)

    def to_tensor(self, dtype: torch.dtype, device: torch.device | str) -> Tensor:
        """(N, H, W) on a device, to which one map goes, once however many selections ask."""
        numbers = torch.from_numpy(self.numbers.astype(np.int32)).to(device, non_blocking=True)
        return (self._on(str(device)) == numbers[:, None, None]).to(dtype)

    def _on(self, device: str) -> Tensor:
        if device not in self._placed:
            # torch compares no unsigned numbers of 16 bits
            objects = self._placed.get("pinned")
            objects = torch.from_numpy(self.objects.astype(np.int32)) if objects is None else objects
            self._placed[device] = objects.to(device, non_blocking=True)
        return self._placed[device]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Self:
        return type(self)(self.objects, np.atleast_1d(self.numbers[index]), self._placed)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_masks={len(self)}, height={self.height}, width={self.width})"

    def rescale(self, *arguments: Any, **settings: Any) -> Self:
        """See MMDetection's `BaseInstanceMasks.rescale`, and so on."""
        return self._moved("rescale", *arguments, **settings)

    def resize(self, *arguments: Any, **settings: Any) -> Self:
        """See `rescale`."""
        return self._moved("resize", *arguments, **settings)

    def flip(self, *arguments: Any, **settings: Any) -> Self:
        """See `rescale`."""
        return self._moved("flip", *arguments, **settings)

    def crop(self, *arguments: Any, **settings: Any) -> Self:
        """See `rescale`."""
        return self._moved("crop", *arguments, **settings)

    def pad(self, out_shape: tuple[int, int], pad_val: int = 0) -> BitmapMasks:
        """See `rescale`."""
        return super().pad(out_shape, pad_val) if pad_val else self._moved("pad", out_shape)

    def _moved(self, method: str, *arguments: Any, **settings: Any) -> Self:
        """What each mask becomes, from what the map of all becomes: each pixel is that of one source pixel."""
        if settings.get("interpolation", "nearest") != "nearest":
            raise ValueError(f"interpolation: expected nearest, found {settings['interpolation']}")
        moved = getattr(BitmapMasks(self.objects[None], self.height, self.width), method)(*arguments, **settings)
        return type(self)(moved.masks[0], self.numbers)
