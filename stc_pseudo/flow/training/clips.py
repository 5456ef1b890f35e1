"""Clips of two frames for UPFlow's training, with DIS initialisation and true flow on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stc_pseudo.datasets.flow_maps import READERS
from stc_pseudo.datasets.flyingthings import true_flow
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.flow.upflow import FINEST, pool_flow
from stc_pseudo.training.clips import Clips
from stc_track.io.errors import InputError, require_folder

KEPT_BYTES = 1 << 30  # of starts and truth in each reading process


class FlowClips(Clips):
    """Pairs of neighbouring frames of some videos, whole and resized.

    The start and the truth are found at the frames' own size and brought to that of the network's finest level and of
    the frames as the network sees them: at 256x832 0.2 MB and 1.3 MB a clip. Those of the first clips that are asked
    for are kept in memory, as far as it reaches; the others' are found again each time.

    Args:
        videos, size, augment: as for `Clips`.
        start: computes an initialisation in both directions (`dis_init.dis_start`); or None.
        truth: for some clips' first frame, the file of its true flow to the second.
        memory: bytes of starts and truth that each reading process keeps; more saves time where the clips are many.

    An item is that of `Clips`, and with a start `start` (2, 3, height / 4, width / 4), to the second frame and back, as
    `UPFlow` takes it; with truth `truth` (3, height, width): (dx, dy) in pixels of this size, and the share of the
    pixel in which it is known.
    """

    def __init__(
        self,
        videos: Iterable[Iterable[Path]],
        size: tuple[int, int],
        augment: bool = True,
        start: Callable[[Tensor, Tensor, bool], Tensor] | None = None,
        truth: dict[Path, Path] | None = None,
        memory: int = KEPT_BYTES,
    ) -> None:
        super().__init__(videos, 2, size, augment=augment)
        self.start, self.truth = start, truth or {}
        self.memory = memory
        self.kept: dict[int, dict[str, Tensor]] = {}

    def with_truth(self) -> list[int]:
        """Positions of the clips whose flow is known."""
        return [index for index in range(len(self)) if self.paths(index)[0] in self.truth]

    def paths(self, index: int) -> list[Path]:
        """The clip's two frames."""
        video, start = self.starts[index]
        return self.videos[video][start : start + 2]

    def __getitem__(self, index: int) -> dict[str, Tensor | bool | int]:
        item = super().__getitem__(index)
        stored = self.kept.get(index)
        if stored is None:
            stored = self._flows(index)
            size = sum(value.nbytes for value in stored.values())
            if size <= self.memory:  # in random order it matters not which clips are kept, and none is found twice
                self.memory -= size
                self.kept[index] = stored
        flows = {key: value.float() for key, value in stored.items()}
        return item | ({key: mirror(value) for key, value in flows.items()} if item["flipped"] else flows)

    def _flows(self, index: int) -> dict[str, Tensor]:
        first, second = self.paths(index)
        flows = {}
        if self.start is not None:
            frames = (torch.from_numpy(read_frame(path)).permute(2, 0, 1)[None] / 255 for path in (first, second))
            flows["start"] = pool_flow(self.start(*frames, True), finest_size(self.size)).half()
        if first in self.truth:
            flows["truth"] = pool_flow(read_truth(first, self.truth[first])[None], self.size)[0].half()
        return flows


def finest_size(size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of UPFlow's finest level, for frames of `size`."""
    return -(-size[0] // FINEST), -(-size[1] // FINEST)


def mirror(flow: Tensor) -> Tensor:
    """Flip (..., C, H, W) left to right, of which channel 0 is dx."""
    flow = flow.flip(-1)
    flow[..., 0, :, :].neg_()
    return flow


def find_truth(videos: Iterable[Iterable[Path]], folder: Path, flag: str) -> dict[Path, Path]:
    """Find the true flow of frames.

    Args:
        videos: for each video, its frame paths; their folder is named as the sequence.
        folder: holds `{sequence}/{frame}.png`, `.flo`, `.npy` or `.pfm`; not every frame needs one. Or FlyingThings3D,
            with its own layout.
        flag: the command's flag that named the folder, for messages.

    Returns:
        frame to file.

    Raises:
        InputError: no such folder, or no frame's flow in it.
    """
    require_folder(folder, "true flow", flag)
    videos = [list(video) for video in videos]
    truth_files = true_flow(folder, videos) if (folder / "optical_flow").is_dir() else {}
    for path in (path for video in videos for path in video):
        stem = folder / path.parent.name / path.stem
        files = (stem.with_name(stem.name + suffix) for suffix in READERS)
        if (file := next((file for file in files if file.is_file()), None)) is not None:
            truth_files[path] = file
    if not truth_files:
        raise InputError(
            folder, expected="{sequence}/{frame}.png, .flo, .npy or .pfm of the frames", found="none", hint=flag
        )
    return truth_files


def read_truth(frame: Path, file: Path) -> Tensor:
    """True flow of a frame: (3, H, W) float32, (dx, dy) in pixels (0 where not known), and 1 where it is known.

    Raises:
        InputError: a bad file, or one of another size than the frame.
    """
    flow, size = READERS[file.suffix](file), read_frame(frame).shape[:2]
    if flow.shape[1:] != size:
        raise InputError(
            file, expected="{1}x{0} pixels as its frame".format(*size), found="{2}x{1}".format(*flow.shape)
        )
    valid = np.isfinite(flow).all(0)
    return torch.from_numpy(np.concatenate([np.where(valid, flow, 0), valid[None]]).astype(np.float32))
