"""The order of the training frames, with a number for each draw, so that randomness needs no state.

What a frame's augmentation draws depends on the training's seed and the draw's number alone: not on the number of
loading processes, nor on where a training was interrupted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler

from stc_train.registry import DATA_SAMPLERS


class Draw(NamedTuple):
    """One frame's turn.

    Attributes:
        index: position in the data set.
        seed: the training's.
        number: counts the draws of all processes from 0.
    """

    index: int
    seed: int
    number: int


@DATA_SAMPLERS.register_module()
class NumberedSampler(InfiniteSampler):
    """MMEngine's endless sampler (a new order each round, dealt out to the processes), giving `Draw`s."""

    def _indices_of_rank(self) -> Iterator[Draw]:
        for number, index in enumerate(self._infinite_indices()):
            if number % self.world_size == self.rank:
                yield Draw(index, self.seed, number)


def seed_everything(*key: int) -> None:
    """Start Python's, NumPy's and torch's generators from a key of non-negative numbers."""
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)  # noqa: NPY002 (MMDetection's transforms draw from it)
    torch.manual_seed(int.from_bytes(words[:2].tobytes(), "little"))
