"""Bidirectional flow: a pixel that is occluded in the next frame takes its motion from the previous one.

Where an object moves over its background, it occludes background pixels in the next frame, and their flow is a guess;
in the previous frame they were visible. Over three frames motion is nearly steady, so the flow to the previous frame,
negated, replaces the flow to the next one wherever it explains the picture clearly better.
"""

from __future__ import annotations

import cv2
import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.estimators import FlowEstimator

WINDOW = 7  # pixels, side of the square that differences are averaged over
CLEARLY = 0.8  # of the next frame's difference, that the previous frame's must stay below
NOISE = 2.0  # grey values: smaller differences are noise


class BidirectionalFlow:
    """A `FlowEstimator` that takes each pixel's motion from the neighbouring frame that explains it better.

    Args:
        estimator: the flow in either direction.
    """

    def __init__(self, estimator: FlowEstimator) -> None:
        self.estimator = estimator

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `FlowEstimator.fingerprint`."""
        return f"two-sided-{WINDOW}-{CLEARLY}-{NOISE}-{self.estimator.fingerprint(sequence)}"

    def flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.flow`; the first frame of the sequence has its forward flow alone."""
        forward = self.estimator.flow(sequence, start, frames)
        first = 1 if start == 0 else 0
        if start > 0:
            frames = np.concatenate([read_frame(sequence.frames[start - 1], sequence.size)[None], frames])
        if len(frames) < 3:
            return forward
        backward = self.estimator.backward_flow(sequence, max(start - 1, 0), frames[:-1])
        both = [better_explained(*frames[t : t + 3], forward[first + t], -backward[t]) for t in range(len(backward))]
        return np.concatenate([forward[:first], np.stack(both)])

    def backward_flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.backward_flow`."""
        return self.estimator.backward_flow(sequence, start, frames)

    def last_flow(self, sequence: VideoSequence, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.last_flow`."""
        return self.estimator.last_flow(sequence, frames)


def better_explained(
    previous: np.ndarray, frame: np.ndarray, following: np.ndarray, flow: np.ndarray, steady: np.ndarray
) -> np.ndarray:
    """Replace the flow by the steady one wherever that explains the frame clearly better.

    Args:
        previous, frame, following: (H, W, 3) uint8, three frames.
        flow: (2, H, W) float32, of `frame` to the following one; NaN where unknown.
        steady: (2, H, W) float32, of `frame` to the previous one, negated.

    Returns:
        (2, H, W) float32.
    """
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (previous, frame, following)]
    after, before = difference(grey[1], grey[2], flow), difference(grey[1], grey[0], -steady)
    return np.where(before + NOISE < CLEARLY * (after + NOISE), steady, flow)


def difference(frame: np.ndarray, other: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Mean absolute difference of a frame and the other moved back along the flow, infinite where that leaves it.

    Args:
        frame, other: (H, W) float32, grey values.
        flow: (2, H, W) float32, from the frame to the other.

    Returns:
        (H, W) float32.
    """
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    x, y = x + flow[0], y + flow[1]
    moved = cv2.remap(other, np.nan_to_num(x), np.nan_to_num(y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mean_difference = cv2.blur(np.abs(frame - moved), (WINDOW, WINDOW))
    inside = (x >= 0) & (x <= frame.shape[1] - 1) & (y >= 0) & (y <= frame.shape[0] - 1)  # False where flow is NaN
    return np.where(inside, mean_difference, np.inf)
