"""Building a store: which shards are missing, and one task that makes each whole (design, section 4).

Three stages, each redone only when something it depends on changed and `--overwrite` allows it:
`all` (depth and flow, from frames), `similarity` (the mini network, from stored depth and flow), `masks` (fusion and
puzzle pieces, from stored similarity and the boxes).
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

import dask.local
import dask.threaded
import numpy as np
import torch
from dask.callbacks import Callback
from tqdm import tqdm

from stc_pseudo.datasets.base import Sequence
from stc_pseudo.datasets.digests import files_digest
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_pseudo.settings import LabelSettings
from stc_pseudo.signal.similarity import pool
from stc_pseudo.stages import fill_holes, mask_arrays, similarity_arrays
from stc_pseudo.store.store import ARRAYS, CELL, FINE_ARRAYS, PartialSequence, SequenceReader, StoreWriter, box_tables
from stc_track.io.errors import InputError

log = logging.getLogger(__name__)

MIN_SIDE = 3 * CELL  # pixels of a frame: a cell with neighbours; OpenCV's flow refuses less as well
LEVELS = ("none", "masks", "similarity", "all")
# What a sequence is made from, by the level that redoes the stages which depend on it.
INPUTS = {"all": ("depth", "flow", "frames", "detail"), "similarity": ("similarity",), "masks": ("masks", "boxes")}
KEPT = {
    "all": (),
    "similarity": ("inverse_depth", "flow"),
    "masks": ("inverse_depth", "flow", "similarity_depth", "similarity_flow"),
}


@dataclass(frozen=True)
class ShardTask:
    """Makes one shard of one sequence, and writes it.

    Attributes:
        sequence: frames and boxes.
        partial: where the shard goes.
        depth, flow: estimators; unused where `kept` holds their maps.
        settings: of the later stages.
        old: the complete sequence whose arrays `kept` are taken over, or None.
        kept: names of those arrays.
    """

    sequence: Sequence
    partial: PartialSequence
    depth: DepthEstimator
    flow: FlowEstimator
    settings: LabelSettings
    old: SequenceReader | None = None
    kept: tuple[str, ...] = ()

    def __call__(self, start: int, stop: int) -> int:
        """Make frames start..stop, write them, and return how many they were."""
        if self.old is None:
            frames = self.read(start, min(stop + 1, len(self.sequence)))
            arrays = self.estimate(start, stop, frames)
            frames = frames[: stop - start]
        else:
            frames = self.read(start, stop)
            arrays = {name: self.old.read(name, slice(start, stop)) for name in self.kept}
        if "similarity_depth" not in arrays:
            arrays |= similarity_arrays(
                arrays["inverse_depth"], arrays["flow"], self.sequence.size, self.settings.similarity
            )
        boxes = [self.sequence.boxes_at(t) for t in range(start, stop)]
        arrays |= mask_arrays(arrays, frames, boxes, self.settings, self.sequence.calibration)
        self.partial.write(start, arrays)
        return stop - start

    def read(self, start: int, stop: int) -> np.ndarray:
        """Decode frames start..stop: (n, H, W, 3) uint8 RGB."""
        return np.stack([read_frame(self.sequence.frames[t], self.sequence.size) for t in range(start, stop)])

    def estimate(self, start: int, stop: int, frames: np.ndarray) -> dict[str, np.ndarray]:
        """Inverse depth and flow of frames start..stop, pooled, holes filled, as the store keeps them.

        Args:
            start, stop: frame positions.
            frames: these frames and, where there is one, the next.
        """
        sequence = self.sequence
        depth = self.depth.inverse_depth(sequence, start, frames[: stop - start])
        fields = [self.flow.flow(sequence, start, frames)] if len(frames) > 1 else []
        if stop == len(sequence) > 1:
            fields.append(self.flow.last_flow(sequence, self.read(stop - 2, stop))[None])
        elif stop == len(sequence):
            fields.append(np.full((1, 2, *sequence.size), np.nan, np.float32))  # a single frame shows no motion
        fields = np.concatenate(fields)
        maps = {"inverse_depth": torch.from_numpy(depth)[:, None], "flow": torch.from_numpy(fields)}
        cells = {"": CELL} | ({"fine_": self.settings.detail} if self.settings.detail < CELL else {})
        return {
            prefix + name: fill_holes(pool(values, cell).numpy())
            .astype(np.float16)
            .reshape(len(frames[: stop - start]), *ARRAYS[name][0], *(side // cell for side in sequence.size))
            for prefix, cell in cells.items()
            for name, values in maps.items()
        }


def kept_arrays(level: str, detail: int) -> tuple[str, ...]:
    """Names of the arrays that are taken over when the stages from `level` on are redone."""
    fine = tuple(FINE_ARRAYS) if KEPT[level] and detail < CELL else ()
    return (*KEPT[level], *fine)


class FrameProgress(Callback):
    """Counts a progress bar on by the frames that each finished task made."""

    def __init__(self, bar: tqdm) -> None:
        super().__init__()
        self.bar = bar

    def _posttask(self, key: Any, result: Any, dsk: Any, state: Any, worker_id: Any) -> None:
        if isinstance(result, int):
            self.bar.update(result)


def build(
    sequences: list[Sequence],
    depth: DepthEstimator,
    flow: FlowEstimator,
    writer: StoreWriter,
    settings: LabelSettings,
    overwrite: str = "none",
    workers: int = 1,
) -> None:
    """Write every sequence's pseudo-labels that the store does not hold yet.

    Args:
        sequences: what to build.
        depth, flow: where inverse depth and flow come from.
        writer: the store.
        settings: of the later stages.
        overwrite: one of `LEVELS`: the earliest stage that may be redone where a complete sequence was made from
            something else, or, but for `none`, is to be made anew.
        workers: shards at a time, in threads.

    Raises:
        InputError: a frame or map is bad, or a complete sequence was made from something else and `overwrite` does
            not allow to redo it. Complete sequences stay; the shards done so far serve the next run.
    """
    plans = [(sequence, *plan(sequence, depth, flow, writer, settings, overwrite)) for sequence in sequences]
    frames = sum(len(sequence) for sequence, _, level in plans if level != "none")
    with tqdm(total=frames, desc="build", unit="frame", mininterval=0.5) as bar, FrameProgress(bar):
        for sequence, made_from, level in plans:
            if level == "none":
                log.info("%s: complete", sequence.name)
                continue
            partial = writer.begin(sequence, made_from)
            redone = level != "all"
            task = ShardTask(
                sequence,
                partial,
                depth,
                flow,
                settings,
                SequenceReader(f"{writer.url}/{sequence.name}", writer.root) if redone else None,
                kept_arrays(level, settings.detail),
            )
            missing = partial.missing()
            bar.update(len(sequence) - sum(stop - start for start, stop in missing))
            # The schedulers themselves: for their names dask would import `distributed`, a second's work.
            dask.compute(
                [dask.delayed(task)(start, stop) for start, stop in missing],
                scheduler=dask.threaded.get if workers > 1 else dask.local.get_sync,
                num_workers=workers,
            )
            writer.finish(sequence.name, made_from)


def plan(
    sequence: Sequence,
    depth: DepthEstimator,
    flow: FlowEstimator,
    writer: StoreWriter,
    settings: LabelSettings,
    overwrite: str,
) -> tuple[dict[str, Any], str]:
    """Return what a sequence will be made from, and the earliest stage to redo (`none` if it is up to date)."""
    if min(sequence.size) < MIN_SIDE:
        raise InputError(
            sequence.frames[0],
            expected=f"frames of at least {MIN_SIDE}x{MIN_SIDE} pixels",
            found="{1}x{0}".format(*sequence.size),
        )
    made_from = {
        "depth": depth.fingerprint(sequence),
        "flow": flow.fingerprint(sequence),
        "frames": files_digest(sequence.frames),
        "boxes": boxes_hash(sequence),
        **settings.as_json(),
    }
    recorded = writer.recorded(sequence.name)
    if recorded is None:
        return made_from, "all"
    changed = [level for level, keys in INPUTS.items() if any(recorded.get(k) != made_from[k] for k in keys)]
    # The earliest stage that something changed for, or the one that is asked for, whichever is earlier.
    needed = max([*changed, overwrite], key=LEVELS.index)
    if LEVELS.index(needed) > LEVELS.index(overwrite):
        key = next(k for k in INPUTS[needed] if recorded.get(k) != made_from[k])
        raise InputError(
            f"{writer.url}/{sequence.name}",
            expected=f"{key} {made_from[key]}",
            found=f"a complete sequence made from {key} {recorded.get(key)}",
            hint=f"--overwrite {needed} redoes it, another --out keeps it",
        )
    return made_from, needed


def boxes_hash(sequence: Sequence) -> str:
    """Hash the sequence's boxes and frame numbers."""
    digest = hashlib.sha256(json.dumps([sequence.size, sequence.numbers]).encode())
    for column in box_tables(sequence).values():
        digest.update(column.tobytes())
    return digest.hexdigest()[:16]
