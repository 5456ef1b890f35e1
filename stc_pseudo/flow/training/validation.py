"""Flow of held-out frames: end-point error where truth is given, and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.flow_maps import READERS
from stc_pseudo.flow.precomputed import PrecomputedFlow
from stc_pseudo.flow.training.accuracy import end_point_error
from stc_pseudo.flow.upflow import upsample_flow
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.validation import beside, require_truth
from stc_pseudo.training.visualisation import colour_flow

TRUTH = "`truth=`"
Predict = Callable[[Tensor, Tensor], Tensor]


class FlowTruth:
    """End-point error and F1 of held-out clips.

    Args:
        folder: `{sequence}/{frame}.png`, `.npy` or `.flo`, as `--flow precomputed` takes them; a video's frames lie in
            a folder of the sequence's name. Not every frame needs a map.
        clips: of two frames.
        held: positions of the clips to measure.
        predict: from two (1, 3, H, W) frames in 0..1 to (1, 2, h, w) flow in pixels of its own size.
        device: where the frames go.

    Raises:
        InputError: no such folder, or no map of any held-out frame.
    """

    def __init__(self, folder: Path, clips: Clips, held_out: list[int], predict: Predict, device: str) -> None:
        self.maps, self.clips, self.predict, self.device = (
            PrecomputedFlow(folder, TRUTH),
            clips.plain(),
            predict,
            device,
        )
        videos = [
            VideoSequence(video[0].parent.name, (0, 0), tuple(video), tuple(range(len(video))))
            for video in clips.videos
        ]
        self.paths = {
            index: path
            for index in held_out
            if (path := self.maps.find(videos[clips.starts[index][0]], clips.starts[index][1]))
        }
        require_truth(folder, self.paths, held_out, "{sequence}/{frame}.png, .npy or .flo")

    def __call__(self, index: int) -> dict[str, float]:
        """Return the clip's `epe` (pixels of the truth's size) and `f1`; nothing where its frame has no truth."""
        if index not in self.paths:
            return {}
        path = self.paths[index]
        truth = READERS[path.suffix](path)
        first, second = self.clips[index]["frames"][:, None].to(self.device)
        flow = upsample_flow(self.predict(first, second), truth.shape[1:])[0].cpu().numpy()
        return dict(zip(("epe", "f1"), end_point_error(flow, truth), strict=True))


def draw_flow(predict: Predict, batch: dict[str, Any]) -> np.ndarray:
    """Draw a batch of one clip: its first frame, and the predicted flow to the second, side by side.

    Returns:
        (H, 2W, 3) uint8 RGB.
    """
    first, second = batch["frames"].unbind(1)
    coloured = colour_flow(upsample_flow(predict(first, second), first.shape[-2:])[0].cpu().numpy())
    return beside(first[0], coloured)
