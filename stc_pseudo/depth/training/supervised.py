"""Training depth on pictures with true depth: the paper's pre-training on NYU Depth v2 for YouTube-VIS (IV-D1).

The paper does not say by which loss. NYU's labelled pictures are single ones, from which Monodepth2's own loss learns
nothing; taken is the scale-invariant error of Eigen et al. (NeurIPS 2014, Eq. 4), which was proposed on this data set.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset

from stc_pseudo.datasets.nyu import NyuDepth
from stc_pseudo.depth.checkpoint import describe
from stc_pseudo.depth.monodepth2 import MAX_DEPTH, MIN_DEPTH, Monodepth2
from stc_pseudo.depth.training.accuracy import absolute_relative
from stc_pseudo.depth.training.initial_weights import start_networks
from stc_pseudo.depth.training.trainer import DepthTraining
from stc_pseudo.depth.training.validation import draw_depth
from stc_pseudo.nn.precision import autocast
from stc_pseudo.training.clips import cut, draw_window, jitter_colour
from stc_pseudo.training.loop import fit
from stc_pseudo.training.settings import recorded
from stc_pseudo.training.validation import Validation

SCALE_WEIGHT = 0.5  # Eigen et al.'s lambda: 0 judges metres, 1 only relative depth
MODE = "supervised"


class DepthPictures(Dataset):
    """Pictures with their depth, resized and augmented as `Clips` are.

    Args:
        source: gives ((H, W, 3) uint8 RGB, (H, W) metres, NaN unknown) by position.
        size: (height, width) of the items.
        min_crop: as in `Clips`.
        augment: flip, crop and change colours at random.

    An item is a dictionary: `frames` (1, 3, height, width) float32 in 0..1; `augmented`, the same with colours changed;
    `depth` (1, height, width) float32 metres, NaN where unknown.
    """

    def __init__(
        self, source: NyuDepth, size: tuple[int, int], min_crop: float | None = None, augment: bool = True
    ) -> None:
        self.source, self.size, self.min_crop, self.augment = source, size, min_crop, augment

    def __len__(self) -> int:
        return len(self.source)

    def plain(self) -> DepthPictures:
        """The same pictures without augmentation."""
        other = copy.copy(self)
        other.augment = False
        return other

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        import cv2

        image, depth = self.source[index]
        window = draw_window(image.shape[:2], self.size, self.min_crop if self.augment else None)
        left, top, width, height = window
        # Depth is never averaged: between near and far there is nothing.
        small = cv2.resize(
            depth[top : top + height, left : left + width], self.size[::-1], interpolation=cv2.INTER_NEAREST
        )
        item = {"frames": cut(image, window, self.size)[None], "depth": torch.from_numpy(small)[None]}
        if self.augment and torch.rand(()) < 0.5:
            item = {key: value.flip(-1) for key, value in item.items()}
        return item | {"augmented": jitter_colour(item["frames"]) if self.augment else item["frames"]}


class SupervisedTrainer(nn.Module):
    """The depth network, and its loss on a batch of `DepthPictures`."""

    def __init__(self, settings: DepthTraining) -> None:
        super().__init__()
        self.network = Monodepth2(settings.encoder, settings.channel_width)
        self.precision = settings.optimiser.precision

    def loss(self, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean of `scale_invariant_error` over the four scales, and the finest scale's to show."""
        with autocast(batch["frames"].device, self.precision):
            inverse_depths = self.network(batch["augmented"][:, 0])
        size = batch["depth"].shape[-2:]
        errors = torch.stack(
            [
                scale_invariant_error(
                    F.interpolate(inverse, size, mode="bilinear", align_corners=False), batch["depth"]
                )
                for inverse in inverse_depths
            ]
        )
        return errors.mean(), {"scale_invariant": errors[0]}


def scale_invariant_error(inverse_depth: Tensor, truth: Tensor) -> Tensor:
    """Mean squared logarithm of the ratio, less `SCALE_WEIGHT` times the squared mean; averaged over the pictures.

    Args:
        inverse_depth: (B, 1, H, W), positive.
        truth: (B, 1, H, W) metres, NaN where unknown; what lies outside the network's range does not count.

    Returns:
        a scalar; pictures without any truth count zero.
    """
    valid = (truth > MIN_DEPTH) & (truth < MAX_DEPTH)
    ratio = torch.where(valid, -inverse_depth.log() - torch.where(valid, truth, 1.0).log(), 0.0).flatten(1)
    count = valid.flatten(1).sum(1).clamp(min=1)
    return ((ratio**2).sum(1) / count - SCALE_WEIGHT * (ratio.sum(1) / count) ** 2).mean()


def train_supervised(source: NyuDepth, settings: DepthTraining, out: Path) -> None:
    """Train on NYU's labelled pictures, a tenth of the scenes held out, and write the checkpoint `out`.

    Args:
        source: the pictures.
        settings: the training's; `mode`, `validation_share` and `truth` mean nothing here.
        out: a `.pth` file, which `Monodepth2Depth` and `train-depth --init` read; its depth is in metres.

    Raises:
        InputError: the pictures are all of one scene, or the weights to start from do not fit.
    """
    size = settings.height, settings.width
    pictures = DepthPictures(source, size, settings.min_crop)
    train, held_out = source.split()
    torch.manual_seed(settings.optimiser.seed)
    trainer = SupervisedTrainer(settings)
    start_networks(trainer.network, None, settings.encoder, settings.init, settings.encoder_weights)
    trainer.to(settings.optimiser.device).to(memory_format=torch.channels_last)
    validation = Validation(
        trainer,
        trainer.loss,
        pictures,
        held_out,
        train,
        partial(draw_depth, trainer.network),
        settings.optimiser.device,
        partial(_measure, trainer.network, pictures.plain(), settings.optimiser.device),
    )
    fit(
        trainer,
        trainer.loss,
        Subset(pictures, train),
        out=out,
        describe=describe(settings.encoder, settings.channel_width, size, MODE, metres_per_unit=1.0),
        optimiser=settings.optimiser,
        settings=recorded(settings),
        validation=validation,
    )


def _measure(network: nn.Module, pictures: Sequence[dict[str, Any]], device: str, index: int) -> dict[str, float]:
    item = pictures[index]
    truth = item["depth"][0].numpy()
    if not np.isfinite(truth).any():
        return {}
    inverse = network(item["frames"].to(device), scales=1)[0][0, 0].float().cpu().numpy()
    return {"abs_rel": absolute_relative(inverse, truth)[0]}
