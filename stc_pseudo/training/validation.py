"""Held-out clips of a self-supervised training: its own loss on frames that it does not learn from, and pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from stc_pseudo.training.clips import Clips
from stc_track.io.errors import InputError, SettingError

MOST_CLIPS = 64  # evenly spread over the held-out ones: more would cost time and change no figure much
PICTURED = 4
SEED = 0  # the loss's random part (crops, ties) is the same at every epoch


def split_clips(clips: Clips, indices: Iterable[int], share: float) -> tuple[list[int], list[int]]:
    """Hold out the last clips of every video; no frame of theirs is in a clip that stays.

    Args:
        clips: of some videos.
        indices: positions of the clips that are used at all, ascending.
        share: of each video's clips to hold out, rounded down; 0 holds out none.

    Returns:
        positions to train on, and to hold out.

    Raises:
        SettingError: none is left to train on.
    """
    by_video = defaultdict(list)
    for index in indices:
        by_video[clips.starts[index][0]].append(index)
    train, held_out = [], []
    for of_video in by_video.values():
        count = int(share * len(of_video))
        held_out += of_video[len(of_video) - count :]
        last = clips.starts[of_video[-count]][1] - clips.length if count else np.inf
        train += [index for index in of_video if clips.starts[index][1] <= last]
    if not train:
        expected = "a share that leaves clips to train on"
        raise SettingError("validation_share", expected, f"{share:g}", "smaller, or longer videos")
    return train, held_out


def require_truth(folder: Path, paths: Mapping[int, Path], held_out: list[int], files: str) -> None:
    """Raise an InputError where no held-out clip has truth.

    Args:
        folder: of the maps.
        paths: of the clips that have one, by position.
        held: positions of the held-out clips.
        files: what is looked for.
    """
    if not paths:
        expected, found = f"{files} of held-out frames", f"none of {len(held_out)} held-out frames"
        raise InputError(folder, expected=expected, found=found, hint="`truth=`, or `validation_share=`")


def beside(frame: Tensor, coloured: np.ndarray) -> np.ndarray:
    """A frame (3, H, W), RGB in 0..1, and to its right (H, W, 3) uint8 RGB: (H, 2W, 3)."""
    picture = (frame.permute(1, 2, 0) * 255).round().to(torch.uint8).cpu().numpy()
    return np.concatenate([picture, coloured], axis=1)


class Validation:
    """A training's figures and picture on held-out clips.

    Args:
        network: what is trained; it is put into evaluation mode meanwhile.
        loss: as in `stc_pseudo.training.loop.fit`.
        clips: the training's, unaugmented here.
        held: positions of the held-out clips; without any, there are no figures.
        shown: positions of clips to draw, where none is held out.
        draw: from a batch (of one clip) to its (H, W, 3) uint8 RGB picture.
        measure: from a clip's position to figures against truth; empty where the clip has none.
        device: where the network is.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[[dict[str, Any], int], tuple[Tensor, dict[str, Tensor]]],
        clips: Clips,
        held_out: list[int],
        shown: list[int],
        draw: Callable[[dict[str, Any]], np.ndarray],
        device: str,
        measure: Callable[[int], dict[str, float]] | None = None,
    ) -> None:
        self.network, self.loss, self.clips = network, loss, clips.plain()
        self.held = (
            [held_out[i] for i in np.unique(np.linspace(0, len(held_out) - 1, MOST_CLIPS).astype(int))]
            if held_out
            else []
        )
        pictured = self.held or shown
        self.pictured = [pictured[i] for i in np.unique(np.linspace(0, len(pictured) - 1, PICTURED).astype(int))]
        self.draw, self.measure, self.device = draw, measure, device

    def run(self, step: int) -> tuple[dict[str, float], np.ndarray]:
        """Return the mean of each figure over the held-out clips, and the pictures below one another."""
        training = self.network.training
        self.network.eval()
        devices = [self.device] if self.device.startswith("cuda") else []
        try:
            with torch.no_grad(), torch.random.fork_rng(devices):
                torch.manual_seed(SEED)
                sums: dict[str, list[float]] = defaultdict(list)
                for index in self.held:
                    value, figures = self.loss(self._batch(index), step)
                    truth = self.measure(index) if self.measure else {}
                    for name, figure in ({"loss": value} | figures | truth).items():
                        sums[name].append(float(figure))
                picture = np.concatenate([self.draw(self._batch(index)) for index in self.pictured])
        finally:
            self.network.train(training)
        return {name: float(np.mean(values)) for name, values in sums.items()}, picture

    def _batch(self, index: int) -> dict[str, Any]:
        return {key: value.to(self.device) for key, value in default_collate([self.clips[index]]).items()}
