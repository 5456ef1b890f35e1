"""Training UPFlow on video, without flow truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from stc_pseudo.clips import Clips
from stc_pseudo.devices import require_device
from stc_pseudo.fitting import SIDE_MULTIPLE, fit, require_sides
from stc_pseudo.flow.checkpoint import describe, load_network
from stc_pseudo.flow.losses import LossWeights, crop, unsupervised_loss
from stc_pseudo.flow.upflow import UPFlow
from stc_pseudo.flow.warm_up import known_flow_loss

CROP_SHARE = 7 / 8
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class FlowTraining:
    """Settings of a training; a flag of `stc-pseudo train-flow` each.

    Attributes:
        height, width: what frames are resized to, pixels, divisible by 32; the network sees random crops of about 7/8
            of each side, and predicts later on whole frames of this size.
        smoothness_order: 1 or 2, as in `LossWeights`.
        precision: of the network's arithmetic, a key of `PRECISIONS`; the loss is always float32.
        init: weights to start from, or None for a random start.
        warm_up_steps: the first of the steps learn from frames moved by known flow (`warm_up`).
        steps, batch_size, learning_rate, seed, device, workers, half: as in `stc_pseudo.fitting.fit`.
    """

    height: int = 256
    width: int = 832
    smoothness_order: int = 2
    precision: str = "float32"
    init: Path | None = None
    warm_up_steps: int = 0
    steps: int = 20_000
    batch_size: int = 4
    learning_rate: float = 1e-4
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    half: bool = False

    def __post_init__(self) -> None:
        require_device(self.device)
        require_sides(self.height, self.width)


class FlowTrainer:
    """The loss of a batch of clips of two frames.

    Args:
        network: what is trained.
        settings: the training's.
    """

    def __init__(self, network: UPFlow, settings: FlowTraining) -> None:
        self.network = network
        self.dtype = PRECISIONS[settings.precision]
        self.warm_up_steps = settings.warm_up_steps
        self.terms = LossWeights.of_order(settings.smoothness_order)
        self.crop_size = tuple(int(side * CROP_SHARE) // SIDE_MULTIPLE * SIDE_MULTIPLE
                               for side in (settings.height, settings.width))

    def loss(self, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a batch of `Clips`, both directions, and figures to show."""
        frames = batch["frames"]
        room = torch.tensor([frames.shape[-1] - self.crop_size[1], frames.shape[-2] - self.crop_size[0]])
        origin = (torch.rand(len(frames), 2) * (room + 1)).long()
        first, second = (crop(view, origin, self.crop_size) for view in batch["augmented"].unbind(1))
        with torch.autocast(frames.device.type, self.dtype, enabled=self.dtype != torch.float32):
            if step < self.warm_up_steps:
                return known_flow_loss(self.network, first)
            flows = self.network(first, second, both=True)
        return unsupervised_loss(flows, frames, origin.to(frames.device), self.terms)


def train_flow(videos: Iterable[Iterable[Path]], settings: FlowTraining, out: Path) -> None:
    """Train on videos, and write the checkpoint `out`, which `UpflowFlow` reads.

    Args:
        videos: for each video, its frame paths in temporal order.
        settings: the training's.
        out: a `.pth` file.

    Raises:
        InputError: every video is shorter than two frames, a frame cannot be read, or `init` is not UPFlow's weights.
    """
    clips = Clips(videos, 2, (settings.height, settings.width))
    torch.manual_seed(settings.seed)
    network = load_network(settings.init, "--init")[0] if settings.init else UPFlow()
    network.to(settings.device)
    fit(network, FlowTrainer(network, settings).loss, clips, out=out,
        describe=describe((settings.height, settings.width)), steps=settings.steps, batch_size=settings.batch_size,
        learning_rate=settings.learning_rate, seed=settings.seed, device=settings.device, workers=settings.workers,
        half=settings.half)
