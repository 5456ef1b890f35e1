"""The boxes of a store, and what is read of their frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from stc_pseudo.datasets.images import read_frame
from stc_pseudo.refine.crops import REFERENCE_GROWTH, FrameData, region_around
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.formats.store import CELL

LEAST_INVERSE_DEPTH = 1e-4  # float16 holds no smaller one well; its logarithm must be finite


@dataclass(frozen=True, eq=False)
class Instance:
    """A box of a store.

    Attributes:
        sequence: its name.
        frame: position in the sequence.
        row: of the frame's boxes; its pixels have the value row + 1 in the array `objects`.
        track: id, unique in the sequence.
        box: (4,) x1 y1 x2 y2, pixels of the frame.
    """

    sequence: str
    frame: int
    row: int
    track: int
    box: np.ndarray

    @property
    def region(self) -> np.ndarray:
        """Rectangle of the reference crop, in which labels are kept."""
        return region_around(self.box, REFERENCE_GROWTH)


def list_instances(reader: StoreReader, sequences: Iterable[str]) -> list[Instance]:
    """Every box of the sequences, frame by frame."""
    instances = []
    for name in sequences:
        sequence = reader.sequence(name)
        for t in range(len(sequence)):
            boxes = sequence.boxes_at(t)
            instances += [Instance(name, t, k, int(boxes.track_ids[k]), boxes.xyxy[k]) for k in range(len(boxes))]
    return instances


def by_frame(reader: StoreReader, instances: list[Instance]) -> Iterator[tuple[SequenceReader, int, list[Instance]]]:
    """Sequence, frame position and boxes of each frame that has any of them; `instances` are sorted by frame."""
    for name, of_sequence in groupby(instances, key=lambda instance: instance.sequence):
        sequence = reader.sequence(name)
        for t, of_frame in groupby(of_sequence, key=lambda instance: instance.frame):
            yield sequence, t, list(of_frame)


def read_frame_data(sequence: SequenceReader, t: int) -> FrameData:
    """Read the frame at position `t`, with depth and flow as fine as the store has them."""
    cell = sequence.provenance.get("detail", CELL)
    fine = "fine_" if cell < CELL else ""
    # NaN where a whole map is unknown
    flow = np.nan_to_num(sequence.read(f"{fine}flow", t).astype(np.float32))
    depth = np.nan_to_num(sequence.read(f"{fine}inverse_depth", t).astype(np.float32))
    depth = np.log(depth.clip(LEAST_INVERSE_DEPTH))
    rgb = read_frame(sequence.frame_path(t), sequence.size)
    return FrameData(rgb, np.concatenate([depth[None], flow]), cell, sequence.boxes_at(t))
