"""What every network that estimates flow of pairs of frames gives as a source of flow."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from stc_pseudo.datasets.base import VideoSequence


class NetworkPairs(ABC):
    """A `FlowEstimator` by a network that takes pairs of frames; each pair is estimated in one direction only."""

    _fingerprint: str

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `FlowEstimator.fingerprint`."""
        return self._fingerprint

    def flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.flow`."""
        return self._pairs(frames[:-1], frames[1:])

    def last_flow(self, sequence: VideoSequence, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.last_flow`."""
        return -self.backward_flow(sequence, len(sequence) - 2, frames)[0]

    def backward_flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.backward_flow`."""
        return self._pairs(frames[1:], frames[:-1])

    @abstractmethod
    def _pairs(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow from each of `first` to its partner in `second`, both (n, H, W, 3) uint8: (n, 2, H, W) float32."""
