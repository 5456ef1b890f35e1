"""Fill infinite-depth artefacts: a monocular depth network sees objects that move with the camera as far as the sky.

Monodepth2 (Godard et al., ICCV 2019, section 3.2) leaves such pixels out of its training by auto-masking, which removes
most artefacts and not all. In a driving scene the ground shows them: below the horizon nothing can be farther than the
ground plane. A region that is, and whose lower edge drops at once from the ground's depth, is an object that stands
where its lower edge is; it gets the ground's depth there. A road that falls away leaves the plane gradually, and stays.
Parts of the object above the horizon stay as well: nothing distinguishes them from the far background.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.estimators import DepthEstimator
from stc_pseudo.geometry.ground_plane import ground_plane, plane_values

STRIDE = 4  # the plane is fitted to every fourth pixel of every fourth row
DEEPEST = 0.5  # of the ground's inverse depth: what is farther than that is below the ground
ON_GROUND = 0.75  # of the ground's inverse depth: what is nearer than that stands on it, or is it
FARTHEST = 0.1  # of the ground's inverse depth at the lowest row: beyond, the plane is not known well enough
MIN_AREA = 2e-4  # of the frame
FOOT = 0.03  # of the frame's height: within this, an object's lower edge is on the ground
RIM = 0.01  # of the frame's height: how soft an artefact's edge is
SMOOTHED = 5  # a foot is smoothed over this part of its width
MIN_FOOT = 0.5  # of a region's columns whose lower edge must be on the ground
SETTINGS = (STRIDE, DEEPEST, ON_GROUND, FARTHEST, MIN_AREA, FOOT, RIM, SMOOTHED, MIN_FOOT)


def fill_infinite_depth(inverse_depth: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Give every artefact the ground's inverse depth at its foot.

    Args:
        inverse_depth: (H, W) float, in any scale, without NaN.
        seed: of the ground plane's sampling.

    Returns:
        inverse depth, the same shape and type; and (H, W) bool, where it was changed. Unchanged where no ground plane
        is found.
    """
    unchanged = inverse_depth, np.zeros(inverse_depth.shape, bool)
    coarse = inverse_depth[::STRIDE, ::STRIDE]
    plane = ground_plane(coarse, seed)
    if plane is None or not _below(coarse, plane_values(plane, coarse.shape))[0].any():
        return unchanged  # most frames
    height, width = inverse_depth.shape
    ground = plane_values(plane / [STRIDE, STRIDE, 1], inverse_depth.shape)
    surely_below, below_horizon = _below(inverse_depth, ground)
    labels, _ = ndimage.label(surely_below)
    filled, changed = unchanged[0].copy(), unchanged[1]
    reach = max(round(FOOT * height), 1)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        component = labels[rows, columns] == label
        if component.sum() < MIN_AREA * height * width:
            continue
        # Each column's lowest pixel of the region, and the pixels below it that should be ground.
        across = np.flatnonzero(component.any(0))
        foot = rows.stop - 1 - component[::-1, across].argmax(0)
        across = across + columns.start
        below = np.minimum(foot[:, None] + np.arange(1, reach + 1), height - 1)
        on_ground = inverse_depth[below, across[:, None]] > ON_GROUND * ground[below, across[:, None]]
        on_ground |= below == height - 1  # cut off by the frame's border: its foot is not higher than that
        stands = on_ground.any(1)
        if stands.mean() < MIN_FOOT:
            continue
        contact = below[stands, on_ground[stands].argmax(1)]
        # An object seen from its side is nearer at one end: the depth follows the foot, its wheels' gaps smoothed out.
        depth_of_foot = ndimage.median_filter(
            ground[contact, across[stands]], size=max(len(contact) // SMOOTHED, 1), mode="nearest"
        )
        value = np.interp(np.arange(width), across[stands], depth_of_foot)
        # Between the farthest known ground and the horizon, the object goes on.
        hole = np.zeros(inverse_depth.shape, bool)
        hole[rows, columns] = component
        hole[: rows.stop, columns] |= (below_horizon & ~surely_below)[: rows.stop, columns] & component.any(0)
        # An artefact has a soft rim, half object and half infinity.
        hole = ndimage.binary_dilation(
            hole, iterations=max(round(RIM * height), 1), mask=inverse_depth < ON_GROUND * value
        )
        filled[hole] = np.broadcast_to(value, filled.shape)[hole]
        changed |= hole
    return filled, changed


def _below(inverse_depth: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels are below the ground: where the plane is known well, and also beyond, up to the horizon."""
    deep = inverse_depth < DEEPEST * ground
    return deep & (ground > FARTHEST * ground[-1].max()), deep


class GroundFilledDepth:
    """A `DepthEstimator` that fills the infinite-depth artefacts of another's dense maps.

    Args:
        estimator: the other.
    """

    def __init__(self, estimator: DepthEstimator) -> None:
        self.estimator = estimator

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        settings = "-".join(f"{value:g}" for value in SETTINGS)
        return f"{self.estimator.fingerprint(sequence)}-holes-{settings}"

    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        return np.stack(
            [fill_infinite_depth(inverse)[0] for inverse in self.estimator.inverse_depth(sequence, start, frames)]
        )
