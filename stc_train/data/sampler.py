"""Sampler of training frames that numbers its samples, so that randomness needs no saved state.

A frame's augmentation depends on the training's seed and the sample's number alone: not on the number of loading
processes, nor on where a training was interrupted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import InfiniteSampler

from stc_train.registry import DATA_SAMPLERS


class Sample(NamedTuple):
    """One sample of a frame.

    Attributes:
        index: position in the data set.
        seed: the training's.
        number: counts the samples of all processes from 0.
    """

    index: int
    seed: int
    number: int


@DATA_SAMPLERS.register_module()
class NumberedSampler(InfiniteSampler):
    """MMEngine's infinite sampler (reshuffled each round, split over the processes), giving `Sample`s."""

    def _indices_of_rank(self) -> Iterator[Sample]:
        for number, index in enumerate(self._infinite_indices()):
            if number % self.world_size == self.rank:
                yield Sample(index, self.seed, number)

    def __len__(self) -> int:
        """The most draws that a round over the data set takes of this process; MMEngine's says those of all.

        Schedules by epochs are converted with it.
        """
        return -(-self.size // self.world_size)


def seed_everything(*key: int) -> None:
    """Start Python's, NumPy's and torch's generators from a key of non-negative numbers."""
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)  # noqa: NPY002 (MMDetection's transforms draw from it)
    torch.manual_seed(int.from_bytes(words[:2].tobytes(), "little"))
