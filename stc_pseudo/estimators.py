"""Interfaces of depth and flow estimators: networks, classical methods, and maps from files."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from stc_pseudo.datasets.base import VideoSequence


class DepthEstimator(Protocol):
    """Interface of depth estimators: inverse depth of consecutive frames."""

    def fingerprint(self, sequence: VideoSequence) -> str:
        """Name the method, its settings and the hashes of what it reads besides the frames (weights, maps).

        The store records it: a sequence with another fingerprint is out of date.
        """
        ...

    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """Inverse depth of frames `start .. start + n` of a sequence.

        Args:
            sequence: the video that the frames come from (paths, numbers, calibration).
            start: position of the first frame in the sequence.
            frames: (n, H, W, 3) uint8 RGB, already decoded.

        Returns:
            (n, H, W) float32, 1/metre or in any one positive scale per frame; larger is nearer; 0 at infinity; NaN
            where unknown.
        """
        ...


class FlowEstimator(Protocol):
    """Interface of flow estimators: optical flow between consecutive frames, in both directions."""

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        ...

    def flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """Flow from each of n - 1 frames to the next: frames `start .. start + n` give n - 1 fields.

        Args:
            sequence: the video that the frames come from.
            start: position of the first frame in the sequence.
            frames: (n, H, W, 3) uint8 RGB, already decoded, n >= 2.

        Returns:
            (n - 1, 2, H, W) float32, (dx, dy) in pixels of the original frame; NaN where unknown.
        """
        ...

    def backward_flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """Flow from each of n - 1 frames to the one before it.

        Args:
            sequence: the video that the frames come from.
            start: position of the first frame in the sequence.
            frames: (n, H, W, 3) uint8 RGB, already decoded, n >= 2.

        Returns:
            (n - 1, 2, H, W) float32, as in `flow`; the first is that of frame `start + 1`.
        """
        ...

    def last_flow(self, sequence: VideoSequence, frames: np.ndarray) -> np.ndarray:
        """Flow of a sequence's last frame, which has no next one: that *to the previous frame*, negated.

        Args:
            sequence: the video that the frames come from.
            frames: (2, H, W, 3) uint8 RGB, the last two frames in temporal order.

        Returns:
            (2, H, W) float32, as in `flow`.
        """
        ...
