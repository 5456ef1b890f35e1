"""Flow that somebody else computed: ground truth, or any other method's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.digests import folder_digest
from stc_pseudo.datasets.flow_maps import READERS
from stc_track.io.errors import InputError, require_folder

BACKWARD = "backward"  # folder of the flow from a frame to the one before it


class PrecomputedFlow:
    """A `FlowEstimator` that reads files.

    `{folder}/{sequence}/{frame}.png` holds the flow from the frame of that name to the next one, in KITTI's 16-bit
    encoding; `.flo` is Middlebury's, `.npy` (2, H, W) floats, `.pfm` FlyingThings3D's. If a frame has several, the
    first of that order counts.

    A sequence's last frame has no next one. Its file may exist nevertheless (a renderer knows where things would have
    been); without it nothing is known, and `last_flow` is NaN everywhere.

    Args:
        folder: holds a folder for each sequence.
        hint: what the user can do where something is wrong in it, naming the flag.

    Raises:
        InputError: no such folder, or no flow maps in it.
    """

    def __init__(self, folder: Path, hint: str = "") -> None:
        self.hint = hint
        self.folder = require_folder(folder, "flow maps", hint)
        if not any(path.suffix in READERS for path in folder.glob("*/*")):
            raise InputError(folder, expected="{sequence}/{frame}.png, .flo, .npy or .pfm", found="none", hint=hint)

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `FlowEstimator.fingerprint`."""
        digest = folder_digest(self.folder / sequence.name, tuple(READERS))
        backward = self.folder / sequence.name / BACKWARD
        return f"precomputed-{digest}" + (f"-{folder_digest(backward, tuple(READERS))}" if backward.is_dir() else "")

    def flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.flow`."""
        return np.stack([self._read(sequence, index) for index in range(start, start + len(frames) - 1)])

    def last_flow(self, sequence: VideoSequence, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.last_flow`."""
        index = len(sequence) - 1
        if self.find(sequence, index) is None:
            return np.full((2, *sequence.size), np.nan, np.float32)
        return self._read(sequence, index)

    def backward_flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.backward_flow`: `{sequence}/backward/{frame}.png` and so on; NaN for a frame without."""
        reversed_sequence = replace(sequence, name=f"{sequence.name}/{BACKWARD}")
        nothing = np.full((2, *sequence.size), np.nan, np.float32)
        return np.stack(
            [
                nothing if self.find(reversed_sequence, index) is None else self._read(reversed_sequence, index)
                for index in range(start + 1, start + len(frames))
            ]
        )

    def find(self, sequence: VideoSequence, index: int) -> Path | None:
        """Path of the map of the frame at `index`, or None."""
        stem = self.folder / sequence.name / sequence.frames[index].stem
        paths = (stem.with_name(stem.name + suffix) for suffix in READERS)
        return next((path for path in paths if path.is_file()), None)

    def _read(self, sequence: VideoSequence, index: int) -> np.ndarray:
        path = self.find(sequence, index)
        if path is None:
            raise InputError(
                self.folder / sequence.name / f"{sequence.frames[index].stem}.png",
                expected="a flow map of every frame but the last (.png, .flo, .npy or .pfm)",
                found="no file",
                hint=self.hint,
            )
        flow = READERS[path.suffix](path)
        if flow.shape[1:] != sequence.size:
            expected, found = ("{1}x{0}".format(*size) for size in (sequence.size, flow.shape[1:]))
            raise InputError(path, expected=f"{expected} pixels as the frames", found=found, hint=self.hint)
        return flow
