"""Flow without a network: OpenCV's dense inverse search (Kroeger et al., ECCV 2016), on a CPU."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from stc_pseudo.datasets.base import VideoSequence


class DisFlow:
    """A `FlowEstimator` on grey frames, OpenCV's preset `MEDIUM`."""

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `FlowEstimator.fingerprint`."""
        return f"dis-medium-opencv-{cv2.__version__}"

    def flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.flow`."""
        # Made here, because OpenCV's object can be neither pickled nor shared between threads.
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        return np.stack([dis.calc(*pair, None).transpose(2, 0, 1) for pair in pairwise(greys)])

    def last_flow(self, sequence: VideoSequence, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.last_flow`."""
        return -self.backward_flow(sequence, len(sequence) - 2, frames)[0]

    def backward_flow(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `FlowEstimator.backward_flow`."""
        return self.flow(sequence, start, frames[::-1])[::-1]
