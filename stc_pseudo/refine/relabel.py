"""Masks of every box of a frame by trained networks, at the frame's size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from stc_pseudo.refine.crops import FrameData, cut, scale
from stc_pseudo.refine.encoder import Encoder
from stc_pseudo.refine.instances import Instance
from stc_pseudo.refine.network import side_channels
from stc_pseudo.refine.training import Trained
from stc_pseudo.refine.views import encode, flip, in_units, to_lab

# Where in a frame a box's pixels are, and (h, w) float32 for these.
Placed = tuple[tuple[slice, slice], np.ndarray]


@dataclass(frozen=True)
class Refiner:
    """Gives boxes masks: an encoder, the networks that learnt on its features, and where they run.

    Attributes:
        encoder: of the crops.
        heads: the networks, whose masks are averaged.
        crop: pixels a side of a crop.
        device: where they run.
        votes: frames each way whose masks of a track are averaged.
    """

    encoder: Encoder
    heads: list[Trained]
    crop: int
    device: str
    votes: int

    @torch.inference_mode()
    def probabilities(self, frame: FrameData, instances: list[Instance]) -> np.ndarray:
        """Mean over networks and mirror images: (n, S, S) float32 in 0..1, each in its box's reference crop.

        Args:
            frame: of the boxes.
            instances: n boxes of this frame, at least one.
        """
        crops = [cut(frame, instance.row, instance.region, self.crop) for instance in instances]
        total = 0
        for mirrored in (False, True):
            turned = [flip(crop) for crop in crops] if mirrored else crops
            features = [level.to(self.device) for level in encode([c.rgb for c in turned], self.encoder, self.device)]
            box, others, maps, lab = (
                torch.from_numpy(np.stack(column)).to(self.device)
                for column in (
                    [c.box for c in turned],
                    [c.others for c in turned],
                    [c.maps for c in turned],
                    [to_lab(c.rgb) for c in turned],
                )
            )
            side = side_channels(box, others, maps, in_units(lab))
            mean = sum(head.probability(features, side) for head in self.heads) / len(self.heads)
            total = total + (mean.flip(-1) if mirrored else mean)
        return (total / 2).cpu().numpy()


def paste(probability: np.ndarray, instance: Instance, size: tuple[int, int]) -> Placed:
    """Bring a mask from its box's reference crop to the frame, and cut it to the box.

    Args:
        probability: (S, S) float32.
        instance: the box.
        size: (height, width) of the frame.

    Returns:
        where in the frame the box's pixels are, and (h, w) float32 for these, 0 outside the box.
    """
    x1, y1, x2, y2 = instance.region
    whole = scale(probability, (int(y2 - y1), int(x2 - x1)))
    left, top = np.maximum(np.floor(instance.box[:2]).astype(int), 0)
    right, bottom = np.minimum(np.ceil(instance.box[2:]).astype(int), size[::-1])
    share = whole[top - y1 : bottom - y1, left - x1 : right - x1]
    y, x = np.arange(top, bottom) + 0.5, np.arange(left, right) + 0.5
    within = ((y > instance.box[1]) & (y < instance.box[3]))[:, None] & (x > instance.box[0]) & (x < instance.box[2])
    return (slice(top, bottom), slice(left, right)), share * within


def assign(masks: list[Placed], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Give each pixel to the box that it is most probable for, if above one half.

    Args:
        masks: of the frame's boxes, in order, as `paste` gives them.
        size: (height, width) of the frame.

    Returns:
        (H, W) uint16, 0 for none, k + 1 for the box k's; and (H, W) float32, the largest probability of any box.
    """
    objects, best = np.zeros(size, np.uint16), np.zeros(size, np.float32)
    for k, (place, share) in enumerate(masks, 1):
        wins = share > best[place]
        best[place][wins] = share[wins]
        objects[place][wins] = np.where(share[wins] > 0.5, k, 0)
    return objects, best
