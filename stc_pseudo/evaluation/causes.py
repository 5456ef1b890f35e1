"""The likely cause of a weak pseudo-mask, and what helps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from stc_pseudo.evaluation.quality import Instance
from stc_track.formats.store import CELL

SMALL = 4 * CELL  # pixels of a box's shorter side: four cells of depth and flow, of which the border mixes two
HIDDEN = 0.3  # of the box, that belongs to others
LOOSE = 0.7  # IoU of the mask's tight box with the box
FAINT = 1.0  # difference from the surroundings, in units of both spreads
UNSTEADY = 0.6  # IoU with the neighbouring frames' masks
SMOOTH = 0.5  # of the frame's median gradient


@dataclass(frozen=True)
class Cause:
    """Why a mask may be weak.

    Attributes:
        name: in a word or two.
        reason: in a sentence.
        remedy: what helps; commands and flags between backquotes.
    """

    name: str
    reason: str
    remedy: str


CAUSES = {
    cause.name: cause
    for cause in (
        Cause("truncated", "the frame's border cuts the box", "nothing to set: boxes should end at the border"),
        Cause(
            "too small",
            f"the box is less than {SMALL} pixels across, so depth and flow have few cells in it",
            "`stc-pseudo build --detail 1`; or leave such masks out: `stc-train --min-mask-score`",
        ),
        Cause(
            "hidden",
            "much of the box belongs to other objects",
            "masks.occlusion_margin in the file of `stc-pseudo build --config` decides who is in front",
        ),
        Cause(
            "loose box",
            "the mask ends well inside its box: the box is loose, or a part was missed",
            "tighten the box; `stc-pseudo refine` finds parts that other frames show",
        ),
        Cause(
            "blurred depth",
            "neither depth nor motion differ between the object and what is around it",
            "sharper depth: stereo, or `stc-pseudo build --fit-minutes 60`; `stc-pseudo build --flow-directions both`",
        ),
        Cause(
            "no texture",
            "the object has hardly any texture, so flow and colour say little",
            "`stc-pseudo refine` learns such objects from others; `stc-pseudo build --cues` without colour",
        ),
        Cause(
            "unsteady",
            "the mask changes from frame to frame more than the flow says",
            "`stc-pseudo refine`; `stc-pseudo build --flow-directions both`",
        ),
        Cause("unclear", "none of the known causes", "look at the picture; `stc-pseudo refine`"),
    )
}


def cause_of(instance: Instance, texture: float | None = None) -> str:
    """Name of the likely cause, of `CAUSES`; `texture` as `texture_of` gives it, None where nobody looked."""
    contrasts = [c for c in (instance.depth_contrast, instance.motion_contrast) if not np.isnan(c)]
    if instance.side < SMALL:
        return "too small"
    if instance.hidden > HIDDEN:
        return "hidden"
    if instance.truncated and instance.fit < LOOSE:
        return "truncated"
    if contrasts and max(contrasts) < FAINT:
        return "blurred depth"
    if texture is not None and texture < SMOOTH:
        return "no texture"
    if instance.fit < LOOSE:
        return "loose box"
    if instance.steadiness < UNSTEADY:
        return "unsteady"
    return "truncated" if instance.truncated else "unclear"


def gradient(frame: np.ndarray) -> np.ndarray:
    """Magnitude of the grey gradient, (H, W) float32, of a frame (H, W, 3) uint8 RGB."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def texture_of(gradients: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """Mean gradient in the middle half of a box over the frame's median, as `gradient` gives them."""
    x1, y1, x2, y2 = box
    across, down = (x2 - x1) / 4, (y2 - y1) / 4
    height, width = gradients.shape
    left, right = (int(np.clip(x, 0, width)) for x in (x1 + across, x2 - across + 1))
    top, bottom = (int(np.clip(y, 0, height)) for y in (y1 + down, y2 - down + 1))
    inner = gradients[top:bottom, left:right]
    return float(inner.mean() / max(float(np.median(gradients)), 1e-6)) if inner.size else 0.0
