"""Sampler of training clips: order and augmentation depend on the seed and the step's number alone.

So a resumed training sees the same clips as an uninterrupted one, with any number of reading processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

# An epoch's order and a clip's augmentation use separate random streams.
AUGMENTATION_STREAM = 1 << 32


@dataclass(frozen=True)
class BatchSampler:
    """Batches from one step to another, each epoch shuffled; the last incomplete batch of an epoch is dropped.

    Attributes:
        size: clips in the data.
        batch_size: clips in a batch; at most `size`.
        seed: of the order.
        start, stop: first step, and the one after the last.

    Iterating gives lists of (number of the sample, position of the clip).
    """

    size: int
    batch_size: int
    seed: int
    start: int
    stop: int

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        return self.size // self.batch_size

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, order = -1, []
        for step in range(self.start, self.stop):
            if step // self.per_epoch != epoch:
                epoch = step // self.per_epoch
                order = torch.randperm(self.size, generator=_generator(self.seed, epoch)).tolist()
            first = step % self.per_epoch * self.batch_size
            yield [(step * self.batch_size + k, order[first + k]) for k in range(self.batch_size)]


class SeededClips(Dataset):
    """Clips by (number of the sample, position), as `BatchSampler` gives them; the number seeds the augmentation."""

    def __init__(self, clips: Dataset, seed: int) -> None:
        self.clips, self.seed = clips, seed

    def __getitem__(self, sample: tuple[int, int]) -> object:
        number, position = sample
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(_generator(self.seed, AUGMENTATION_STREAM + number).get_state())
            return self.clips[position]


def _generator(seed: int, stream: int) -> torch.Generator:
    # Neighbouring seeds give unrelated sequences only after mixing; Python's hash of integers mixes nothing.
    mixed = (seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03) & (2**63 - 1)
    return torch.Generator().manual_seed(mixed)
