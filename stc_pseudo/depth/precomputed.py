"""Depth that somebody else computed or measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.depth_maps import SUFFIXES, read_depth
from stc_pseudo.datasets.digests import folder_digest
from stc_track.io.errors import InputError, require_folder

FOLDER = "`depth_dir=`"


class PrecomputedDepth:
    """A `DepthEstimator` that reads `{folder}/{sequence}/{frame's stem}.npy` or, where there is none, `.png` or `.pfm`.

    Args:
        folder: the folder of the sequences' folders. Its path is no part of a fingerprint, its maps are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = require_folder(folder, "depth maps, {sequence}/{frame}.png or .npy", FOLDER)

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        return f"precomputed-{folder_digest(self.folder / sequence.name, SUFFIXES)}"

    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`; 1/metre.

        Raises:
            InputError: a map is missing, of another size or encoding, or holds no depth at all.
        """
        paths = sequence.frames[start : start + len(frames)]
        return np.stack([self._read(sequence, path.stem) for path in paths])

    def _read(self, sequence: VideoSequence, stem: str) -> np.ndarray:
        candidates = [self.folder / sequence.name / (stem + suffix) for suffix in SUFFIXES]
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise InputError(
                candidates[1], expected="a depth map of every frame (.png, .npy or .pfm)", found="no file", hint=FOLDER
            )
        depth = read_depth(path, FOLDER)
        if depth.shape != sequence.size:
            raise InputError(
                path,
                expected="a depth map of the frames' {1}x{0} pixels".format(*sequence.size),
                found="{1}x{0}".format(*depth.shape),
                hint=FOLDER,
            )
        return 1 / depth
