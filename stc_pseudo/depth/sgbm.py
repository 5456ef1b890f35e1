"""Semi-global matching of stereo pairs (Hirschmüller, TPAMI 2008; OpenCV) as a source of depth."""

from __future__ import annotations

import math

import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.digests import files_digest
from stc_pseudo.datasets.images import read_frames
from stc_track.io.errors import InputError

BLOCK = 5
# Disparities are searched up to this share of the width: 160 pixels, or 2.4 m of depth, on KITTI.
SEARCH_SHARE = 1 / 8
# OpenCV's disparities are in sixteenths of a pixel, and so is the width that its matcher needs.
STEP = 16


class SgbmDepth:
    """A `DepthEstimator`: OpenCV's matcher on each left frame and its right one. NaN where no match is sure."""

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        return f"sgbm-block{BLOCK}-share{SEARCH_SHARE}-{files_digest(sequence.right)}"

    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`; 1/metre.

        Raises:
            InputError: the sequence has no right frames or no stereo calibration.
        """
        camera = sequence.calibration
        if not sequence.right:
            raise InputError(
                sequence.name,
                expected="right frames for `depth=sgbm`",
                found="none",
                hint="`depth=` monodepth2 or precomputed needs none",
            )
        if camera is None or not camera.baseline:
            raise InputError(
                sequence.name,
                expected="a calibration with a stereo baseline for `depth=sgbm`",
                found="none",
                hint="`depth=` monodepth2 or precomputed needs none",
            )
        right = read_frames(sequence.right[start : start + len(frames)], sequence.size)
        disparities = np.stack([match_stereo(*pair) for pair in zip(frames, right, strict=True)])
        return disparities / np.float32(camera.focal_x * camera.baseline)


def match_stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the disparity of a rectified pair.

    Args:
        left, right: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) float32 in pixels, >= 0, NaN where unknown; the left pixel x is seen at x - disparity on the right.
    """
    import cv2

    search = STEP * math.ceil(left.shape[1] * SEARCH_SHARE / STEP)
    matcher = cv2.StereoSGBM_create(
        minDisparity=0,
        numDisparities=search,
        blockSize=BLOCK,
        P1=8 * BLOCK**2,
        P2=32 * BLOCK**2,
        disp12MaxDiff=1,
        preFilterCap=63,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.StereoSGBM_MODE_SGBM_3WAY,
    )
    # The matcher leaves its search range blank at the left border: give it a border to leave blank.
    padded = [
        cv2.copyMakeBorder(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 0, 0, search, 0, cv2.BORDER_REPLICATE)
        for image in (left, right)
    ]
    disparity = matcher.compute(*padded)[:, search:].astype(np.float32) / STEP
    outside = disparity > np.arange(left.shape[1], dtype=np.float32)
    return np.where((disparity < 0) | outside, np.float32(np.nan), disparity)
