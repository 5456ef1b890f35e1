"""Estimators of both kinds that cost nothing, or nothing but time: what is left is the rest of the build."""

from __future__ import annotations

import time

import numpy as np


class Flat:
    """A wall that stands still, without any computation."""

    def fingerprint(self, sequence: object) -> str:
        """See `DepthEstimator`."""
        return "flat"

    def inverse_depth(self, sequence: object, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        return np.ones(frames.shape[:3], np.float32)

    def flow(self, sequence: object, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator`."""
        return np.zeros((len(frames) - 1, 2, *frames.shape[1:3]), np.float32)

    def last_flow(self, sequence: object, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator`."""
        return np.zeros((2, *frames.shape[1:3]), np.float32)


class SimulatedGpu(Flat):
    """The same, after the time that networks on a GPU take, in which this machine's cores are free.

    Args:
        seconds: of a frame, depth and flow together.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def inverse_depth(self, sequence: object, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        time.sleep(self.seconds * len(frames))
        return super().inverse_depth(sequence, start, frames)


def simulated_gpu(seconds: float) -> tuple[SimulatedGpu, Flat]:
    """Depth, which takes the time of both networks, and flow."""
    return SimulatedGpu(seconds), Flat()
