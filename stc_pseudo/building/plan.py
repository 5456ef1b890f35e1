"""What a store lacks: the earliest stage that each video must be redone from.

Three stages, each redone only when something it depends on changed and `--overwrite` allows it:
`all` (depth and flow, from frames), `similarity` (the mini network, from stored depth and flow), `masks` (fusion and
puzzle pieces, from depth, flow, frames and boxes).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.digests import files_digest, known_digests
from stc_pseudo.estimators import DepthEstimator, FlowEstimator
from stc_pseudo.settings import LabelSettings
from stc_pseudo.store.schema import box_tables
from stc_pseudo.store.writer import StoreWriter
from stc_track.formats.store import CELL
from stc_track.io.errors import InputError
from stc_track.io.progress import Bar

MIN_SIDE = 3 * CELL  # pixels of a frame: a cell with neighbours; OpenCV's flow refuses less as well
LEVELS = ("none", "masks", "similarity", "all")
# What a sequence is made from, by the level that redoes the stages which depend on it.
INPUTS = {
    "all": ("depth", "flow", "frames", "detail"),
    "similarity": ("similarity", "keep"),
    "masks": ("masks", "boxes"),
}


@dataclass(frozen=True)
class Plan:
    """What one video needs.

    Attributes:
        sequence: frames and boxes.
        provenance: everything that its arrays will depend on.
        level: the earliest stage to redo, of `LEVELS`.
        frames_seen: digests of the frames' bytes by those of their sizes and times.
    """

    sequence: VideoSequence
    provenance: dict[str, Any]
    level: str
    frames_seen: dict[str, str] = field(default_factory=dict)

    @property
    def cost(self) -> int:
        """How much work it is, in pixels."""
        height, width = self.sequence.size
        return len(self.sequence) * height * width


def make_plans(
    sequences: list[VideoSequence],
    depth: DepthEstimator,
    flow: FlowEstimator,
    writer: StoreWriter,
    settings: LabelSettings,
    overwrite: str = "none",
    keep: tuple[str, ...] = (),
    check_frames: bool = False,
) -> list[Plan]:
    """Plan every video, the most work first.

    The bytes of frames are read where sizes and times are not those of the last run, or where `check_frames` asks for
    it; arguments as of `build`.

    Raises:
        InputError: frames are too small, or a complete sequence was made from something else and `overwrite` does not
            allow to redo it.
    """
    plans, described = [], settings.as_json() | {"keep": sorted(keep)}
    total = sum(len(sequence) for sequence in sequences)
    with Bar(total=total, desc="check inputs", unit="frame", delay=2) as bar:
        for sequence in sequences:
            with known_digests({} if check_frames else writer.frames_seen(sequence.name)) as digests:
                provenance, level = plan(sequence, depth, flow, writer, described, overwrite)
            plans.append(Plan(sequence, provenance, level, digests))
            bar.update(len(sequence))
    return sorted(plans, key=lambda planned: -planned.cost)


def plan(
    sequence: VideoSequence,
    depth: DepthEstimator,
    flow: FlowEstimator,
    writer: StoreWriter,
    described: dict[str, Any],
    overwrite: str,
) -> tuple[dict[str, Any], str]:
    """Return what a sequence will be made from, and the earliest stage to redo (`none` if it is up to date).

    Args:
        sequence: frames and boxes.
        depth, flow, writer, overwrite: as of `build`.
        described: the settings and `keep` as JSON values, one object for all sequences.
    """
    if min(sequence.size) < MIN_SIDE:
        expected = f"frames of at least {MIN_SIDE}x{MIN_SIDE} pixels"
        raise InputError(sequence.frames[0], expected=expected, found="{1}x{0}".format(*sequence.size))
    provenance = {
        "depth": depth.fingerprint(sequence),
        "flow": flow.fingerprint(sequence),
        "frames": files_digest(sequence.frames),
        "boxes": boxes_hash(sequence),
        **described,
    }
    recorded = writer.recorded(sequence.name)
    if recorded is None:
        return provenance, "all"

    def changed(key: str) -> bool:
        if key == "keep":  # more than is asked for does no harm
            return not set(provenance["keep"]) <= set(recorded.get("keep", ()))
        return recorded.get(key) != provenance[key]

    stale = [level for level, keys in INPUTS.items() if any(changed(key) for key in keys)]
    # The earliest stage that something changed for, or the one that is asked for, whichever is earlier.
    needed = max([*stale, overwrite], key=LEVELS.index)
    if LEVELS.index(needed) > LEVELS.index(overwrite):
        key = next(key for key in INPUTS[needed] if changed(key))
        raise InputError(
            f"{writer.url}/{sequence.name}",
            expected=f"{key} {provenance[key]}",
            found=f"a complete sequence made from {key} {recorded.get(key)}",
            hint=f"`overwrite={needed}` redoes it, another `out=` keeps it",
        )
    return provenance, needed


def boxes_hash(sequence: VideoSequence) -> str:
    """Hash the sequence's boxes and frame numbers."""
    digest = hashlib.sha256(json.dumps([sequence.size, sequence.numbers]).encode())
    for column in box_tables(sequence).values():
        digest.update(column.tobytes())
    return digest.hexdigest()[:16]
