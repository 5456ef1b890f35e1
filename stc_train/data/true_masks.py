"""True masks in place of a store's pseudo-masks: the fully supervised half of Table IX on the same frames and boxes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from stc_pseudo.building.stages import pool_objects
from stc_pseudo.evaluation.ground_truth import require_truth_of, true_masks, truth_file
from stc_pseudo.evaluation.overlap import matched_boxes
from stc_pseudo.store.reader import SequenceReader
from stc_track.formats.mots import MotsObject
from stc_track.masks import rle

FLAG = "`true_masks=`"


class TrueMaskReader:
    """A sequence of a store that gives the true masks of its boxes as `objects`, `instances` and `coverage`.

    A true mask is that of the box of its class that fits it best; a box without one has no mask, as one of which a
    pseudo-mask was not found.

    Args:
        sequence: of the store.
        truth: a data set in the KITTI MOTS layout, a folder of `{sequence}.txt` in MOTS text, or a YouTube-VIS JSON
            file.

    Raises:
        InputError: no such file, or masks of other frames than the sequence's.
    """

    def __init__(self, sequence: SequenceReader, truth: Path) -> None:
        self.sequence, self.truth = sequence, truth
        require_truth_of(sequence, self._frames, str(truth), FLAG)

    @cached_property
    def _frames(self) -> dict[int, list[MotsObject]]:
        return true_masks(self.truth, self.sequence.name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "sequence":
            raise AttributeError(name)
        return getattr(self.sequence, name)

    def __len__(self) -> int:
        return len(self.sequence)

    def read(self, name: str, index: int) -> np.ndarray:
        """As of `SequenceReader`, for one frame."""
        if name == "objects":
            return self._objects(index)
        if name in ("instances", "coverage"):
            return pool_objects(self._objects(index))[name == "coverage"]
        return self.sequence.read(name, index)

    def _objects(self, index: int) -> np.ndarray:
        """(H, W) uint16: k where the true mask of the k-th box is, 0 elsewhere."""
        drawn, boxes = np.zeros(self.sequence.size, np.uint16), self.sequence.boxes_at(index)
        objects = self._frames.get(self.sequence.numbers[index], [])
        for i, k in matched_boxes(objects, boxes.xyxy, boxes.class_ids).items():
            drawn[rle.decode(objects[i].counts, *self.sequence.size)] = k + 1
        return drawn


def truth_digest(truth: Path, sequences: Sequence[str]) -> str:
    """Hash of the files of true masks of some sequences."""
    digest = hashlib.sha256()
    for path in sorted({truth_file(truth, name) for name in sequences}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
