"""Training Monodepth2 on video, without depth truth: one camera in motion, a stereo pair, or both.

A stereo pair fixes the scale. The unit of length is the baseline / 0.1, Monodepth2's own convention (5.4 m for
KITTI's 0.54 m), so that the depth range of 0.1 to 100 units suits the rig; the checkpoint records it as
`metres_per_unit`, and predictions come out in metres.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Subset
from tqdm import tqdm

from stc_pseudo import weights
from stc_pseudo.clips import Clips
from stc_pseudo.datasets.base import Sequence
from stc_pseudo.depth.geometry import flipped_intrinsics, invert_rigid, resized_intrinsics, rigid_transform
from stc_pseudo.depth.losses import View, depth_loss
from stc_pseudo.depth.monodepth2 import Monodepth2, PoseNetwork
from stc_pseudo.devices import require_device
from stc_pseudo.fitting import fit, require_sides
from stc_track.formats.errors import InputError

log = logging.getLogger(__name__)

MODES = ("mono", "stereo", "mono+stereo")
NETWORK_NAME = "monodepth2"
# Monodepth2's stereo baseline, in the network's unit of length.
BASELINE_UNITS = 0.1
# KITTI's camera as a share of the frame's width and height, for frames of an unknown camera.
KITTI_FOCAL, KITTI_CENTRE = (0.58, 1.92), (0.5, 0.5)
# Zhou et al. (CVPR 2017, section 4) leave out frames whose mean flow is below a pixel, at 416 pixels of width.
STATIC_FLOW, STATIC_WIDTH = 1.0, 416


@dataclass(frozen=True)
class DepthTraining:
    """Settings of a training; a flag of `stc-pseudo train-depth` each.

    Attributes:
        mode: `mono` (neighbouring frames), `stereo` (the right frame), or `mono+stereo`.
        height, width: of the network's input, pixels, divisible by 32, at least `fitting.MIN_SIDE`.
        encoder: `resnet18` or `resnet50`.
        channel_width: factor on every channel count; 1.0 is Monodepth2's.
        encoder_weights: a torchvision ResNet's state dict to start from, or None for a random start.
        init: a checkpoint of the same encoder and width to start from, at any resolution, or None.
        steps, batch_size, learning_rate, seed, device, workers: as in `stc_pseudo.fitting.fit`.
        half: keep only what prediction needs, in half precision.
    """

    mode: str = "mono"
    height: int = 192
    width: int = 640
    encoder: str = "resnet18"
    channel_width: float = 1.0
    encoder_weights: Path | None = None
    init: Path | None = None
    steps: int = 20_000
    batch_size: int = 12
    learning_rate: float = 1e-4
    seed: int = 0
    device: str = "cpu"
    workers: int = 0
    half: bool = False

    def __post_init__(self) -> None:
        require_sides(self.height, self.width)
        if round(64 * self.channel_width) < 1:
            raise InputError("--channel-width", expected="at least one channel", found=str(self.channel_width))
        if self.init and self.encoder_weights:
            raise InputError("--init", expected="no --encoder-weights beside it", found=str(self.encoder_weights))
        require_device(self.device)


class DepthTrainer(nn.Module):
    """The networks of a training, and the loss of a batch of clips.

    Args:
        settings: the training's.
        intrinsics: (V, 3, 3) float32, each video's camera in pixels of the network's input.
        baselines: (V,) float32, each video's stereo baseline in the network's unit; zeros without stereo.
    """

    def __init__(self, settings: DepthTraining, intrinsics: Tensor, baselines: Tensor) -> None:
        super().__init__()
        self.network = Monodepth2(settings.encoder, settings.channel_width)
        self.pose_network = PoseNetwork(settings.channel_width) if "mono" in settings.mode else None
        self.register_buffer("intrinsics", intrinsics, persistent=False)
        self.register_buffer("baselines", baselines, persistent=False)

    def loss(self, batch: dict[str, Tensor], step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a batch of `Clips`, and figures to show."""
        frames, augmented = batch["frames"], batch["augmented"]
        video, flipped = batch["video"], batch["flipped"]
        middle = frames.shape[1] // 2
        mirrored = flipped_intrinsics(self.intrinsics[video], frames.shape[-1])
        intrinsics = torch.where(flipped[:, None, None], mirrored, self.intrinsics[video])
        views = []
        if self.pose_network is not None:
            views += self._neighbours(frames, augmented)
        if "right" in batch:
            # The right camera sees the scene moved left by the baseline; in a mirrored picture, right.
            shift = torch.where(flipped, 1.0, -1.0) * self.baselines[video]
            transform = torch.eye(4, device=frames.device).repeat(len(frames), 1, 1)
            transform[:, 0, 3] = shift
            views.append(View(batch["right"], transform))
        return depth_loss(self.network(augmented[:, middle]), frames[:, middle], views, intrinsics)

    def _neighbours(self, frames: Tensor, augmented: Tensor) -> list[View]:
        """The frames before and after the middle one of (B, 3, 3, H, W) clips, with the motion to them."""
        before, now, after = augmented.unbind(1)
        # Always from the earlier to the later frame, so that the network sees one kind of motion.
        motion = rigid_transform(*self.pose_network(torch.cat([before, now]), torch.cat([now, after])))
        to_now, to_after = motion.chunk(2)
        return [View(frames[:, 0], invert_rigid(to_now)), View(frames[:, 2], to_after)]


def train_depth(sequences: Many[Sequence], settings: DepthTraining, out: Path) -> None:
    """Train on videos, and write the checkpoint `out`, which `Monodepth2Depth` reads.

    Args:
        sequences: frames, size, and as the mode needs: right frames, and a calibration with a baseline. Without any
            calibration a monocular training takes KITTI's normalised camera, and says so.
        settings: the training's.
        out: a `.pth` file.

    Raises:
        InputError: a video is too short, or lacks what the mode needs; the encoder's weights do not fit.
    """
    stereo = "stereo" in settings.mode
    size = settings.height, settings.width
    intrinsics = torch.stack([_network_intrinsics(sequence, size) for sequence in sequences])
    baselines, metres_per_unit = torch.zeros(len(sequences)), None
    if stereo:
        baselines = torch.tensor([_require_baseline(sequence) for sequence in sequences])
        metres_per_unit = baselines.mean().item() / BASELINE_UNITS
        baselines /= metres_per_unit
    clips = Clips([sequence.frames for sequence in sequences], 3 if "mono" in settings.mode else 1, size,
                  right_videos=[sequence.right for sequence in sequences] if stereo else None)
    if settings.mode == "mono":
        clips = Subset(clips, moving_clips(clips))
    torch.manual_seed(settings.seed)
    trainer = DepthTrainer(settings, intrinsics, baselines)
    start_networks(trainer, settings)
    describe = {"network": NETWORK_NAME, "encoder": settings.encoder, "channel_width": settings.channel_width,
                "height": settings.height, "width": settings.width, "mode": settings.mode,
                "metres_per_unit": metres_per_unit}
    # Convolutions are faster on channels_last, on a CPU as on a GPU.
    trainer.to(settings.device).to(memory_format=torch.channels_last)
    fit(trainer, trainer.loss, clips, out=out, describe=describe, steps=settings.steps,
        batch_size=settings.batch_size, learning_rate=settings.learning_rate, seed=settings.seed,
        device=settings.device, workers=settings.workers)
    if settings.half:
        weights.save(out, describe | {"state": _for_prediction(trainer), "step": settings.steps})


def moving_clips(clips: Clips) -> list[int]:
    """Positions of the clips in which every frame moves, by Zhou et al.'s rule (mean flow of at least a pixel).

    A camera at rest shows no parallax: such clips teach nothing but that depth is infinite. The flow is OpenCV's DIS
    on grey frames of `STATIC_WIDTH` pixels.

    Raises:
        InputError: none of them moves.
    """
    moves = [[magnitude >= STATIC_FLOW for magnitude in _mean_flows(video)]
             for video in tqdm(clips.videos, desc="find static frames", unit="video", disable=len(clips.videos) < 2)]
    kept = [index for index, (video, start) in enumerate(clips.starts)
            if all(moves[video][start:start + clips.length - 1])]
    log.info("%d of %d clips are static and left out", len(clips) - len(kept), len(clips))
    if not kept:
        raise InputError(clips.videos[0][0].parent, expected="video from a moving camera", found="static frames only",
                         mend="--mode stereo learns from frames at rest")
    return kept


def _mean_flows(video: list[Path]) -> list[float]:
    """Mean flow magnitude between each frame and the next, in pixels at `STATIC_WIDTH`."""
    import cv2

    from stc_pseudo.images import read_frame

    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flows, before = [], None
    for path in video:
        grey = cv2.cvtColor(read_frame(path), cv2.COLOR_RGB2GRAY)
        height = round(grey.shape[0] * STATIC_WIDTH / grey.shape[1])
        grey = cv2.resize(grey, (STATIC_WIDTH, height), interpolation=cv2.INTER_AREA)
        if before is not None:
            flows.append(float(np.linalg.norm(dis.calc(before, grey, None), axis=-1).mean()))
        before = grey
    return flows


def _network_intrinsics(sequence: Sequence, size: tuple[int, int]) -> Tensor:
    height, width = sequence.size
    camera = sequence.calibration
    if camera is None:
        log.warning("%s: no camera is given; taking KITTI's, scaled to the frame (--intrinsics or --calib names one)",
                    sequence.name)
        focal, centre = (KITTI_FOCAL[0] * width, KITTI_FOCAL[1] * height), (KITTI_CENTRE[0] * width,
                                                                            KITTI_CENTRE[1] * height)
    else:
        focal, centre = (camera.focal_x, camera.focal_y), (camera.centre_x, camera.centre_y)
    matrix = torch.tensor([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    return resized_intrinsics(matrix, sequence.size, size)


def _require_baseline(sequence: Sequence) -> float:
    if not sequence.right:
        raise InputError(sequence.name, expected="right frames for a stereo training", found="none",
                         mend="--right names their folder; --mode mono needs none")
    if sequence.calibration is None or not sequence.calibration.baseline:
        raise InputError(sequence.name, expected="a camera with a stereo baseline", found="none",
                         mend="--calib, or --intrinsics and --baseline; --mode mono needs none")
    return sequence.calibration.baseline


def start_networks(trainer: DepthTrainer, settings: DepthTraining) -> None:
    """Copy the weights that a training starts from: a checkpoint's, or a torchvision ResNet's into the encoders.

    The pose encoder takes a ResNet's weights where they fit, and the pose network a checkpoint's where there are any.
    """
    if settings.init is not None:
        state = weights.load(settings.init, "--init").get("state", {})
        for prefix, network in (("network.", trainer.network), ("pose_network.", trainer.pose_network)):
            part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if network is not None and (part or prefix == "network."):
                weights.load_state(network, part, settings.init, "--init",
                                   f"{settings.encoder} of width {settings.channel_width:g}")
        return
    if settings.encoder_weights is None:
        log.warning("the encoder starts from random weights: --encoder-weights names a torchvision %s to start from",
                    settings.encoder)
        return
    path, flag = settings.encoder_weights, "--encoder-weights"
    state = {key: value for key, value in weights.load(path, flag).items() if not key.startswith("fc.")}
    weights.load_state(trainer.network.encoder.encoder, state, path, flag, f"torchvision's {settings.encoder}")
    if trainer.pose_network is not None and settings.encoder == "resnet18":
        # Two equal frames excite the first layer as one frame does in the original.
        first = state["conv1.weight"]
        state["conv1.weight"] = torch.cat([first, first], 1) / 2
        weights.load_state(trainer.pose_network.pose_encoder.encoder, state, path, flag, "the pose encoder")


def _for_prediction(trainer: DepthTrainer) -> dict[str, Any]:
    """The depth network's weights alone, in half precision."""
    return {f"network.{key}": value.half() if value.is_floating_point() else value
            for key, value in trainer.network.state_dict().items()}
