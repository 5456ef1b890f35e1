"""One shard of one video: from frames, or from stored maps, to the arrays of the store (design, section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stc_pseudo.building.stages import fill_holes, mask_arrays
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.images import read_frames
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_pseudo.settings import LabelSettings
from stc_pseudo.signal.similarity import pool
from stc_pseudo.signal.stored import stored_similarity
from stc_pseudo.store.schema import ARRAYS, FINE_ARRAYS, SIMILARITY_ARRAYS
from stc_pseudo.store.versions import PartialSequence
from stc_track.formats.store import CELL, StoredSequence

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class ShardTask:
    """Makes one shard and writes it. Pickled, it carries the shard's frames and their neighbours alone.

    Attributes:
        sequence: frames `start - 1 .. stop + 1` as far as the video has them, with their boxes.
        start, stop: the shard's frames, positions in the whole video.
        offset: position of the frame `start` in `sequence`.
        partial: where the shard goes.
        settings: of the later stages.
        old: the complete version whose arrays `kept` are taken over, or None.
        kept: names of those arrays.
    """

    sequence: VideoSequence
    start: int
    stop: int
    offset: int
    partial: PartialSequence
    settings: LabelSettings
    old: StoredSequence | None = None
    kept: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        sequence: VideoSequence,
        start: int,
        stop: int,
        partial: PartialSequence,
        settings: LabelSettings,
        old: StoredSequence | None = None,
        kept: tuple[str, ...] = (),
    ) -> ShardTask:
        """The task of the frames start..stop of a whole video; arguments as the attributes."""
        first = max(start - 1, 0)
        part = sequence.part(first, min(stop + 1, len(sequence)))
        old = old and old.part(start, kept)
        return cls(part, start, stop, start - first, partial, settings, old, kept)

    @property
    def count(self) -> int:
        """Frames of the shard."""
        return self.stop - self.start

    def run(self, depth: DepthEstimator, flow: FlowEstimator) -> dict[str, Any]:
        """Make the shard, write it, and return its mark."""
        frames = self.read(self.offset, min(self.offset + self.count + 1, len(self.sequence)))
        return self.finish(self.maps(depth, flow, frames), frames)

    def maps(self, depth: DepthEstimator, flow: FlowEstimator, frames: np.ndarray | None = None) -> Arrays:
        """Depth and flow as the store keeps them: estimated, or out of the old version with what else is kept.

        Args:
            depth, flow: the estimators; unused where maps are kept.
            frames: the shard's and, where there is one, the next; None reads them.
        """
        if self.old is not None:
            return {name: self.old.read(name, slice(self.start, self.stop)) for name in self.kept}
        if frames is None:
            frames = self.read(self.offset, min(self.offset + self.count + 1, len(self.sequence)))
        return self.estimate(depth, flow, frames)

    def finish(self, arrays: Arrays, frames: np.ndarray | None = None) -> dict[str, Any]:
        """From depth and flow on: similarities, masks, and the written shard; returns its mark."""
        last = self.offset + self.count
        frames = self.read(self.offset, last) if frames is None else frames[: self.count]
        depth, flow = arrays["inverse_depth"], arrays["flow"]
        arrays = arrays | {
            name: stored_similarity(name, depth, flow, self.sequence.size, self.settings.similarity)
            for name in SIMILARITY_ARRAYS
            if name not in arrays
        }
        boxes = [self.sequence.boxes_at(t) for t in range(self.offset, last)]
        made, tables = mask_arrays(arrays, frames, boxes, self.settings, self.sequence.calibration)
        return self.partial.write(self.start, arrays | made, tables)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Decode frames of `sequence`: (n, H, W, 3) uint8 RGB."""
        return read_frames(self.sequence.frames[start:stop], self.sequence.size)

    def estimate(self, depth: DepthEstimator, flow: FlowEstimator, frames: np.ndarray) -> Arrays:
        """Inverse depth and flow, pooled, holes filled, as the store keeps them.

        Args:
            depth, flow: the estimators.
            frames: the shard's and, where there is one, the next.
        """
        sequence, start, stop = self.sequence, self.offset, self.offset + self.count
        inverse_depth = depth.inverse_depth(sequence, start, frames[: self.count])
        fields = [flow.flow(sequence, start, frames)] if len(frames) > 1 else []
        if stop == len(sequence) > 1:
            fields.append(flow.last_flow(sequence, self.read(stop - 2, stop))[None])
        elif stop == len(sequence):
            fields.append(np.full((1, 2, *sequence.size), np.nan, np.float32))  # a single frame shows no motion
        flows = np.concatenate(fields)
        maps = {"inverse_depth": inverse_depth[:, None], "flow": flows}
        detail = self.settings.detail
        cells = {"": CELL} | ({"fine_": detail} if detail < CELL else {})
        return {
            prefix + name: fill_holes(pool(values, cell))
            .astype(np.float16)
            .reshape(self.count, *ARRAYS[name][0], *(side // cell for side in sequence.size))
            for prefix, cell in cells.items()
            for name, values in maps.items()
        }


def kept_arrays(level: str, settings: LabelSettings, stored: frozenset[str]) -> tuple[str, ...]:
    """Names of the arrays that are taken over when the stages from `level` on are redone.

    Args:
        level: `all`, `similarity` or `masks`.
        settings: of the stages.
        stored: names of the arrays that the old version keeps.
    """
    if level == "all":
        return ()
    fine = tuple(FINE_ARRAYS) if settings.detail < CELL else ()
    similarity = tuple(name for name in SIMILARITY_ARRAYS if level == "masks" and name in stored)
    return ("inverse_depth", "flow", *fine, *similarity)
