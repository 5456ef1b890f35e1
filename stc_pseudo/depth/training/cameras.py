"""The cameras of a training's videos, as its networks see them.

The network's unit of length is the stereo baseline / 0.1, Monodepth2's own convention (5.4 m for KITTI's 0.54 m), so
that the depth range of 0.1 to 100 units suits the rig.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.training.geometry import resized_intrinsics
from stc_track.io.errors import InputError

log = logging.getLogger(__name__)

# Monodepth2's stereo baseline, in the network's unit of length.
BASELINE_UNITS = 0.1
# KITTI's camera as a share of the frame's width and height, for frames of an unknown camera.
KITTI_FOCAL, KITTI_CENTRE = (0.58, 1.92), (0.5, 0.5)


def network_intrinsics(sequence: VideoSequence, size: tuple[int, int], say: bool = True) -> Tensor:
    """Return a video's (3, 3) camera matrix in pixels of the network's input of `size` (height, width).

    Without a calibration it is KITTI's, as a share of the frame, and that is said where `say` asks for it.
    """
    height, width = sequence.size
    camera = sequence.calibration
    if camera is None:
        log.log(
            logging.WARNING if say else logging.DEBUG,
            "%s: no camera is given; taking KITTI's, scaled to the frame (`calib=` or `intrinsics=` names one)",
            sequence.name,
        )
        focal, centre = (
            (KITTI_FOCAL[0] * width, KITTI_FOCAL[1] * height),
            (KITTI_CENTRE[0] * width, KITTI_CENTRE[1] * height),
        )
    else:
        focal, centre = (camera.focal_x, camera.focal_y), (camera.centre_x, camera.centre_y)
    matrix = torch.tensor([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    return resized_intrinsics(matrix, sequence.size, size)


def stereo_baselines(sequences: Sequence[VideoSequence], mode: str) -> tuple[Tensor, float]:
    """Return the videos' baselines in the network's unit of length, and that unit.

    Args:
        sequences: the videos.
        mode: `stereo`, or `mono+stereo`, which may have videos of one camera among the stereo ones.

    Returns:
        (V,) float32, 0 for a video of one camera; and metres per unit, such that the mean baseline is `BASELINE_UNITS`.

    Raises:
        InputError: a video, or in `mono+stereo` every video, lacks its right frames; or a camera its baseline.
    """
    alone = sum(not sequence.right for sequence in sequences)
    mixed = mode == "mono+stereo" and alone < len(sequences)
    if mixed and alone:
        log.info("%d of %d videos have no right frames: they teach by their motion alone", alone, len(sequences))
    metres = torch.tensor(
        [0.0 if mixed and not sequence.right else _require_baseline(sequence) for sequence in sequences]
    )
    metres_per_unit = metres[metres > 0].mean().item() / BASELINE_UNITS
    return metres / metres_per_unit, metres_per_unit


def _require_baseline(sequence: VideoSequence) -> float:
    if not sequence.right:
        raise InputError(
            sequence.name,
            expected="right frames for a stereo training",
            found="none",
            hint="`right=` names their folder; `mode=mono` needs none",
        )
    if sequence.calibration is None or not sequence.calibration.baseline:
        raise InputError(
            sequence.name,
            expected="a camera with a stereo baseline",
            found="none",
            hint="`calib=`, or `intrinsics=` and `baseline=`; `mode=mono` needs none",
        )
    return sequence.calibration.baseline
