"""Training Monodepth2 on video, without depth truth: one camera in motion, a stereo pair, or both.

A stereo pair fixes the scale: the checkpoint records the network's unit of length (`cameras`) as `metres_per_unit`, and
predictions come out in metres.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.checkpoint import describe
from stc_pseudo.depth.monodepth2 import ENCODERS, Monodepth2, PoseNetwork
from stc_pseudo.depth.training.cameras import network_intrinsics, stereo_baselines
from stc_pseudo.depth.training.geometry import cropped_intrinsics, flipped_intrinsics, invert_rigid, rigid_transform
from stc_pseudo.depth.training.initial_weights import start_networks
from stc_pseudo.depth.training.losses import View, depth_loss
from stc_pseudo.depth.training.static_frames import moving_clips
from stc_pseudo.depth.training.validation import DepthTruth, draw_depth
from stc_pseudo.nn.precision import autocast
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.loop import fit, require_sides
from stc_pseudo.training.settings import OptimiserSettings, ValidationShare, recorded
from stc_pseudo.training.validation import Validation, split_clips
from stc_track.io.errors import SettingError
from stc_track.io.field_checks import Between, Count, Positive, PositiveCount, check


@dataclass(frozen=True)
class DepthTraining:
    """Settings of a training; a flag of `stc-pseudo train-depth` each.

    Attributes:
        mode: `mono` (neighbouring frames), `stereo` (the right frame), or `mono+stereo`.
        height, width: of the network's input, pixels, divisible by 32, at least `loop.MIN_INPUT_SIDE`.
        encoder: `resnet18` or `resnet50`.
        channel_width: factor on every channel count; 1.0 is Monodepth2's.
        encoder_weights: a torchvision ResNet's state dict to start from, or None for a random start.
        init: weights of the same encoder and width to start from, at any resolution, as `start_networks` takes them.
        pose_steps: the first steps, in which the pose network alone learns: with a depth network from `init`, a pose
            network from random weights would only pull it away. More of them cost half a step each.
        min_crop: random crops of the network's proportions, as in `Clips`; None takes whole frames, squeezed.
        optimiser: how it learns; `half` keeps only what prediction needs, in half precision.
        validation_share: of each video's clips, its last, that are held out.
        truth: depth maps of held-out frames, to measure only; or None.
    """

    mode: Literal["mono", "stereo", "mono+stereo"] = "mono"
    height: PositiveCount = 192
    width: PositiveCount = 640
    encoder: str = "resnet18"
    channel_width: Positive = 1.0
    encoder_weights: Path | None = None
    init: Path | None = None
    pose_steps: Count = 0
    min_crop: Annotated[float, Between(0, 1, above=True)] | None = None
    optimiser: OptimiserSettings = field(default_factory=partial(OptimiserSettings, batch_size=12))
    validation_share: ValidationShare = 0.0
    truth: Path | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.encoder not in ENCODERS:
            raise SettingError("encoder", f"one of {', '.join(ENCODERS)}", repr(self.encoder))
        require_sides(self.height, self.width)
        if round(64 * self.channel_width) < 1:
            raise SettingError("channel_width", "at least one channel", str(self.channel_width))
        if self.pose_steps and self.mode == "stereo":
            raise SettingError("pose_steps", "0 in a stereo training, which has no pose network", str(self.pose_steps))
        if self.init and self.encoder_weights:
            raise SettingError("init", "no `encoder_weights=` beside it", str(self.encoder_weights))


class DepthTrainer(nn.Module):
    """The networks of a training, and the loss of a batch of clips.

    Args:
        settings: the training's.
        intrinsics: (V, 3, 3) float32, each video's camera in pixels of the network's input.
        baselines: (V,) float32, each video's stereo baseline in the network's unit; zero without stereo.
    """

    def __init__(self, settings: DepthTraining, intrinsics: Tensor, baselines: Tensor) -> None:
        super().__init__()
        self.network = Monodepth2(settings.encoder, settings.channel_width)
        self.precision, self.pose_steps = settings.optimiser.precision, settings.pose_steps
        self.pose_network = PoseNetwork(settings.channel_width) if "mono" in settings.mode else None
        self.register_buffer("intrinsics", intrinsics, persistent=False)
        self.register_buffer("baselines", baselines, persistent=False)

    def loss(self, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch of `Clips`, and figures to show."""
        frames, augmented = batch["frames"], batch["augmented"]
        video, flipped = batch["video"], batch["flipped"]
        middle = frames.shape[1] // 2
        intrinsics = cropped_intrinsics(self.intrinsics[video], batch["window"], frames.shape[-2:])
        mirrored = flipped_intrinsics(intrinsics, frames.shape[-1])
        intrinsics = torch.where(flipped[:, None, None], mirrored, intrinsics)
        views = []
        if self.pose_network is not None:
            views += self._neighbours(frames, augmented)
        if "right" in batch:
            # The right camera sees the scene moved left by the baseline; in a mirrored picture, right.
            shift = torch.where(flipped, 1.0, -1.0) * self.baselines[video]
            transform = torch.eye(4, device=frames.device).repeat(len(frames), 1, 1)
            transform[:, 0, 3] = shift
            views.append(View(batch["right"], transform, self.baselines[video] > 0))
        learns = torch.is_grad_enabled() and step >= self.pose_steps
        with autocast(frames.device, self.precision), torch.set_grad_enabled(learns):
            inverse_depths = self.network(augmented[:, middle])
        return depth_loss(inverse_depths, frames[:, middle], views, intrinsics)

    def _neighbours(self, frames: Tensor, augmented: Tensor) -> list[View]:
        """The frames before and after the middle one of (B, 3, 3, H, W) clips, with the motion to them."""
        before, now, after = augmented.unbind(1)
        # Always from the earlier to the later frame, so that the network sees one kind of motion.
        with autocast(frames.device, self.precision):
            axis_angle, translation = self.pose_network(torch.cat([before, now]), torch.cat([now, after]))
        to_now, to_after = rigid_transform(axis_angle.float(), translation.float()).chunk(2)
        return [View(frames[:, 0], invert_rigid(to_now)), View(frames[:, 2], to_after)]


def train_depth(
    sequences: Sequence[VideoSequence],
    settings: DepthTraining,
    out: Path,
    listed: tuple[Sequence[Collection[int]], Sequence[Collection[int]]] | None = None,
) -> None:
    """Train on videos, and write the checkpoint `out`, which `Monodepth2Depth` reads.

    Args:
        sequences: frames, size, and as the mode needs: right frames, and a calibration with a baseline. Without any
            calibration a monocular training takes KITTI's normalised camera, and says so.
        settings: the training's.
        out: a `.pth` file.
        listed: for each video, positions of the middle frames to train on and of those that are held out; None takes
            every frame that moves, and holds out the last of them.

    Raises:
        InputError: a video is too short, or lacks what the mode needs; the encoder's weights do not fit.
    """
    stereo = "stereo" in settings.mode
    size = settings.height, settings.width
    intrinsics = torch.stack([network_intrinsics(sequence, size) for sequence in sequences])
    baselines, metres_per_unit = torch.zeros(len(sequences)), None
    if stereo:
        baselines, metres_per_unit = stereo_baselines(sequences, settings.mode)
    clips = Clips(
        [sequence.frames for sequence in sequences],
        3 if "mono" in settings.mode else 1,
        size,
        right_videos=[sequence.right for sequence in sequences] if stereo else None,
        min_crop=settings.min_crop,
    )
    if listed is not None:
        train, held_out = (listed_clips(clips, frames) for frames in listed)
    else:
        alone = [index for index, baseline in enumerate(baselines) if not baseline]
        used = moving_clips(clips, alone, out.with_name(f"{out.name}.motion.json")) if alone else range(len(clips))
        train, held_out = split_clips(clips, used, settings.validation_share)
    torch.manual_seed(settings.optimiser.seed)
    trainer = DepthTrainer(settings, intrinsics, baselines)
    start_networks(trainer.network, trainer.pose_network, settings.encoder, settings.init, settings.encoder_weights)
    # Convolutions are faster on channels_last, on a CPU as on a GPU.
    device = settings.optimiser.device
    trainer.to(device).to(memory_format=torch.channels_last)
    truth = settings.truth and DepthTruth(settings.truth, sequences, clips, held_out, trainer.network, device)
    validation = Validation(
        trainer, trainer.loss, clips, held_out, train, partial(draw_depth, trainer.network), device, truth
    )
    fit(
        trainer,
        trainer.loss,
        Subset(clips, train),
        out=out,
        describe=describe(settings.encoder, settings.channel_width, size, settings.mode, metres_per_unit),
        optimiser=settings.optimiser,
        settings=recorded(settings),
        validation=validation,
        kept=partial(_for_prediction, trainer) if settings.optimiser.half else None,
    )


def listed_clips(clips: Clips, listed: Sequence[Collection[int]]) -> list[int]:
    """Positions of the clips of which a list names the middle frame.

    Args:
        clips: of some videos.
        listed: positions of frames, for each video.
    """
    middle = clips.length // 2
    return [index for index, (video, start) in enumerate(clips.starts) if start + middle in listed[video]]


def _for_prediction(trainer: DepthTrainer) -> dict[str, Tensor]:
    """The depth network's weights alone, in half precision."""
    return {
        f"network.{key}": value.half() if value.is_floating_point() else value
        for key, value in trainer.network.state_dict().items()
    }
