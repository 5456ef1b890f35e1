"""Training UPFlow on video, without flow truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import Subset

from stc_pseudo.flow.checkpoint import describe, load_network
from stc_pseudo.flow.dis_init import make_start
from stc_pseudo.flow.training.clips import FlowClips, find_truth
from stc_pseudo.flow.training.losses import LossWeights, crop, mean_error, true_flow_loss, unsupervised_loss
from stc_pseudo.flow.training.synthetic_warps import known_flow_loss
from stc_pseudo.flow.training.validation import FlowTruth, draw_flow
from stc_pseudo.flow.upflow import FINEST, LEVELS, UPFlow
from stc_pseudo.nn.precision import autocast
from stc_pseudo.training.loop import SIDE_MULTIPLE, fit, require_sides
from stc_pseudo.training.settings import OptimiserSettings, ValidationShare, recorded
from stc_pseudo.training.validation import Validation, split_clips
from stc_track.io.errors import SettingError
from stc_track.io.field_checks import Count, PositiveCount, Share, check

CROP_SHARE = 7 / 8


@dataclass(frozen=True)
class FlowTraining:
    """Settings of a training; a flag of `stc-pseudo train-flow` each.

    Attributes:
        height, width: what frames are resized to, pixels, divisible by 32; the network sees random crops of about 7/8
            of each side, and predicts later on whole frames of this size.
        smoothness_order: 1 or 2, as in `LossWeights`.
        start: initialisation of the network's decoder, a name of `dis_init.STARTS`, recorded in the checkpoint; None is
            that of `init`, or none.
        true_flow: flow maps of the frames to learn from, instead of from the frames alone; or None.
        coarse_share: of the steps that learn from true flow, those that stop before the decoder's finest level: they
            cost a third, and teach the levels' common weights as well.
        robust: whether errors against true flow count robustly (`losses.true_flow_loss`).
        init: weights to start from, or None for a random start.
        warm_up_steps: the first of the steps learn from frames moved by known flow (`warm_up`).
        optimiser: how it learns.
        validation_share: of each video's clips, its last, that are held out.
        truth: flow maps of held-out frames, to measure only; or None.
    """

    height: PositiveCount = 256
    width: PositiveCount = 832
    smoothness_order: Literal[1, 2] = 2
    start: str | None = None
    true_flow: Path | None = None
    coarse_share: Share = 0.0
    robust: bool = False
    init: Path | None = None
    warm_up_steps: Count = 0
    optimiser: OptimiserSettings = field(default_factory=partial(OptimiserSettings, batch_size=4))
    validation_share: ValidationShare = 0.0
    truth: Path | None = None

    def __post_init__(self) -> None:
        check(self)
        require_sides(self.height, self.width)
        if (self.coarse_share or self.robust) and self.true_flow is None:
            raise SettingError("robust" if self.robust else "coarse_share", "`true_flow=` beside it", "none")


class FlowTrainer:
    """The loss of a batch of clips of two frames.

    Args:
        network: what is trained.
        settings: the training's.
    """

    def __init__(self, network: UPFlow, settings: FlowTraining) -> None:
        self.network = network
        self.precision = settings.optimiser.precision
        self.start = make_start(settings.start or "none")
        self.coarse_share, self.robust = settings.coarse_share, settings.robust
        self.warm_up_steps = settings.warm_up_steps
        self.terms = LossWeights.of_order(settings.smoothness_order)
        self.crop_size = tuple(
            int(side * CROP_SHARE) // SIDE_MULTIPLE * SIDE_MULTIPLE for side in (settings.height, settings.width)
        )

    def loss(self, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch of `FlowClips`, both directions, and figures to show."""
        if "truth" in batch and step >= self.warm_up_steps:
            return self._supervised(batch)
        frames = batch["frames"]
        room = torch.tensor([frames.shape[-1] - self.crop_size[1], frames.shape[-2] - self.crop_size[0]])
        # In steps of the start's pixels, of which the crop takes its part.
        origin = (torch.rand(len(frames), 2) * (room // FINEST + 1)).long() * FINEST
        first, second = (crop(view, origin, self.crop_size) for view in batch["augmented"].unbind(1))
        with autocast(frames.device, self.precision):
            if step < self.warm_up_steps:
                return known_flow_loss(self.network, first, self.start)
            size = tuple(side // FINEST for side in self.crop_size)
            start = (
                torch.cat([crop(view, origin // FINEST, size) for view in batch["start"].unbind(1)])
                if self.start
                else None
            )
            flows = self.network(first, second, both=True, start=start)
        return unsupervised_loss(flows, frames, origin, self.terms)

    def _supervised(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Whole frames, because what leaves them is to be learnt, to the second frame alone."""
        first, second = batch["augmented"].unbind(1)
        coarse = self.network.training and self.coarse_share and torch.rand(()) < self.coarse_share
        levels = LEVELS - 1 if coarse else LEVELS
        with autocast(first.device, self.precision):
            flows = self.network(first, second, start=batch["start"][:, 0] if self.start else None, levels=levels)
        truth = batch["truth"]
        return true_flow_loss(flows, truth, self.robust), {"true_epe": mean_error(flows[-1].detach(), truth)}

    def predict(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow between whole frames, (B, 3, H, W) in 0..1, as after the training: (B, 2, h, w)."""
        start = self.start(first, second, False) if self.start else None
        return self.network(first, second, start=start)[-1].float()


def train_flow(videos: Iterable[Iterable[Path]], settings: FlowTraining, out: Path) -> None:
    """Train on videos, and write the checkpoint `out`, which `UpflowFlow` reads.

    Args:
        videos: for each video, its frame paths in temporal order.
        settings: the training's.
        out: a `.pth` file.

    Raises:
        InputError: every video is shorter than two frames, a frame or map cannot be read, no frame has true flow
            though it was asked for, or `init` is not UPFlow's weights.
    """
    videos = [list(video) for video in videos]
    initial = load_network(settings.init, "`init=`") if settings.init else None
    settings = replace(settings, start=settings.start or (initial.start if initial else "none"))
    truth_files = find_truth(videos, settings.true_flow, "`true_flow=`") if settings.true_flow else None
    clips = FlowClips(videos, (settings.height, settings.width), start=make_start(settings.start), truth=truth_files)
    train, held_out = split_clips(
        clips, clips.with_truth() if truth_files else range(len(clips)), settings.validation_share
    )
    torch.manual_seed(settings.optimiser.seed)
    network = initial.network if initial else UPFlow()
    trainer = FlowTrainer(network.to(settings.optimiser.device), settings)
    truth = settings.truth and FlowTruth(settings.truth, clips, held_out, trainer.predict, settings.optimiser.device)
    validation = Validation(
        network,
        trainer.loss,
        clips,
        held_out,
        train,
        partial(draw_flow, trainer.predict),
        settings.optimiser.device,
        truth,
    )
    fit(
        network,
        trainer.loss,
        Subset(clips, train),
        out=out,
        describe=describe((settings.height, settings.width), settings.start),
        optimiser=settings.optimiser,
        settings=recorded(settings),
        validation=validation,
    )
