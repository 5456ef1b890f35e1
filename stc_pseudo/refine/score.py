"""Whether a mask of the first round is better than a network's, told without a true mask.

A network smooths what many boxes have in common, and cannot be as sharp as depth and flow that are exact: an outline
along their largest steps is best left alone. With estimated maps, whose steps lie beside the objects, outlines are
hardly nearer to steps than chance, and there the network is nearly always better.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.stats import rankdata

from stc_pseudo.refine.crops import FrameData
from stc_pseudo.refine.relabel import Placed

# Mean support on real video with stereo depth and DIS 0.61, with exact maps of rendered scenes 0.85. Raising it takes
# more of the network's masks.
WELL_SUPPORTED = 0.7
SMOOTHING = 0.7  # pixels of the frame, Gaussian
KERNEL = np.ones((3, 3), np.uint8)


def steps(frame: FrameData) -> np.ndarray:
    """Size of the steps of depth and of flow at each pixel: (2, H, W) float32, at least 0."""
    size = frame.rgb.shape[1::-1]
    sizes = []
    for channels in (frame.maps[:1], frame.maps[1:]):
        squared = np.zeros(size[::-1], np.float32)
        for channel in channels:
            smooth = cv2.GaussianBlur(cv2.resize(channel, size, interpolation=cv2.INTER_LINEAR), (0, 0), SMOOTHING)
            squared += cv2.Sobel(smooth, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) ** 2
        sizes.append(np.sqrt(squared))
    return np.stack(sizes)


def support(mask: np.ndarray, sizes: np.ndarray) -> float:
    """How far a mask's outline follows the steps of depth and flow: 0..1, one half by chance.

    The mean rank, among the pixels of the box, of the steps that the outline lies on. What of the outline lies on the
    box's border is left out: there the box decided.

    Args:
        mask: (h, w) bool, the pixels of the box.
        sizes: (C, h, w), the steps there.
    """
    inner = cv2.erode(mask.astype(np.uint8), KERNEL, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)
    outline = mask & ~inner
    outline[[0, -1]] = outline[:, [0, -1]] = False
    if not outline.any():
        return 0.0
    ranks = rankdata(sizes.reshape(len(sizes), -1), axis=1) / mask.size
    return float(ranks.reshape(sizes.shape)[:, outline].mean())


@dataclass(frozen=True, eq=False)
class Choice:
    """The masks that a frame's n boxes get.

    Attributes:
        masks: as `paste` gives them.
        refined: (n,) bool, whether it is the network's.
    """

    masks: list[Placed]
    refined: np.ndarray


def choose(first: np.ndarray, masks: list[Placed], frame: FrameData) -> Choice:
    """Keep each box's mask of the first round where it is well supported, and take the network's elsewhere.

    Args:
        first: (H, W) uint16, the first round's, k + 1 for the box k's pixels.
        masks: the network's for each box, as `paste` gives them.
        frame: of the boxes.
    """
    sizes, chosen, refined = steps(frame), [], []
    for k, (place, share) in enumerate(masks):
        mask = first[place] == k + 1
        keep = support(mask, sizes[:, *place]) > WELL_SUPPORTED
        chosen.append((place, mask.astype(np.float32) if keep else share))
        refined.append(not keep)
    return Choice(chosen, np.array(refined, bool))
