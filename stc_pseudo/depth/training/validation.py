"""Depth of held-out frames: AbsRel where truth is given, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.depth_maps import SUFFIXES, read_depth
from stc_pseudo.depth.training.accuracy import absolute_relative
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.validation import beside, require_truth
from stc_pseudo.training.visualisation import colour_inverse_depth
from stc_track.io.errors import require_folder

TRUTH = "`truth=`"


class DepthTruth:
    """AbsRel of the middle frames of held-out clips.

    Args:
        folder: `{sequence}/{frame}.npy` or `.png`, as `--depth precomputed` takes them; not every frame needs a map.
        sequences: the videos of `clips`.
        clips: unaugmented.
        held: positions of the clips to measure.
        network: depth of a frame.
        device: where it is.

    Raises:
        InputError: no such folder, or no map of any held-out frame.
    """

    def __init__(
        self,
        folder: Path,
        sequences: Sequence[VideoSequence],
        clips: Clips,
        held_out: list[int],
        network: nn.Module,
        device: str,
    ) -> None:
        require_folder(folder, "depth maps, {sequence}/{frame}.png or .npy", TRUTH)
        self.clips, self.network, self.device = clips.plain(), network, device
        self.paths: dict[int, Path] = {}
        for index in held_out:
            video, start = clips.starts[index]
            stem = clips.videos[video][start + clips.length // 2].stem
            candidates = [folder / sequences[video].name / (stem + suffix) for suffix in SUFFIXES]
            if path := next((path for path in candidates if path.is_file()), None):
                self.paths[index] = path
        require_truth(folder, self.paths, held_out, "{sequence}/{frame}.png or .npy")

    def __call__(self, index: int) -> dict[str, float]:
        """Return the clip's AbsRel, median-scaled, as `abs_rel`; nothing where its frame has no truth."""
        import cv2

        if index not in self.paths:
            return {}
        truth = read_depth(self.paths[index], TRUTH)
        frame = self.clips[index]["frames"][self.clips.length // 2][None].to(self.device)
        inverse = self.network(frame, scales=1)[0][0, 0].float().cpu().numpy()
        inverse = cv2.resize(inverse, truth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return {"abs_rel": absolute_relative(inverse, truth)[0]}


def draw_depth(network: nn.Module, batch: dict[str, Any]) -> np.ndarray:
    """Draw a batch of one clip: its middle frame, and the network's inverse depth of it, side by side.

    Returns:
        (H, 2W, 3) uint8 RGB.
    """
    frames = batch["frames"]
    middle = frames[:, frames.shape[1] // 2]
    inverse = network(middle, scales=1)[0][0, 0].float().cpu().numpy()
    return beside(middle[0], colour_inverse_depth(inverse))
