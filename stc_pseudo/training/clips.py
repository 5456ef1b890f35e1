"""Short runs of consecutive frames, as the self-supervised trainings of depth and flow take them."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from stc_pseudo.datasets.images import read_frame
from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath


class Clips(Dataset):
    """Every run of `length` consecutive frames of some videos, resized; optionally with the right stereo frames.

    Args:
        videos: for each video, its frame paths in temporal order.
        length: frames in a clip; 1, 2 or 3.
        size: (height, width) of the clips.
        right_videos: for each video its right frames, none for a video of one camera; or None without stereo.
        augment: flip and change colours at random (drawn from torch's generator); the flip is reported, because it
            swaps the roles of the stereo cameras.
        min_crop: with `augment`, take a random window of `size`'s proportions out of the clip, whose sides are at least
            this share of the largest such window's; None takes whole frames, squeezed into `size`.

    An item is a dictionary: `frames` (length, 3, height, width) float32 in 0..1 as the photometric losses see them;
    `augmented`, the same with colours changed, as the networks see them; `right` (3, height, width), the right frame of
    the clip's middle one, if there are right videos (black for a video without); `flipped`, a bool; `video`, the
    video's position in `videos`;
    `window`, (4,) float32, left, top, width and height of what was taken, as shares of the unflipped frame.
    """

    def __init__(
        self,
        videos: Iterable[Iterable[AnyPath]],
        length: int,
        size: tuple[int, int],
        right_videos: Iterable[Iterable[AnyPath]] | None = None,
        augment: bool = True,
        min_crop: float | None = None,
    ) -> None:
        self.videos = [list(video) for video in videos]
        self.right_videos = None if right_videos is None else [list(video) for video in right_videos]
        self.length, self.size, self.augment, self.min_crop = length, size, augment, min_crop
        self.starts = [(v, t) for v, video in enumerate(self.videos) for t in range(len(video) - length + 1)]
        if not self.starts:
            raise InputError(
                self.videos[0][0].parent if self.videos and self.videos[0] else "frames",
                expected=f"videos of at least {length} frames",
                found="only shorter ones",
            )
        for video, right in zip(self.videos, self.right_videos or self.videos, strict=True):
            if right and len(video) != len(right):
                raise InputError(
                    right[0].parent,
                    expected=f"{len(video)} right frames",
                    found=str(len(right)),
                    hint="one for each left frame",
                )

    def __len__(self) -> int:
        return len(self.starts)

    def plain(self) -> Clips:
        """The same clips without augmentation."""
        other = copy.copy(self)
        other.augment = False
        return other

    def __getitem__(self, index: int) -> dict[str, Tensor | bool | int]:
        video, start = self.starts[index]
        frames = [read_frame(path) for path in self.videos[video][start : start + self.length]]
        flipped = self.augment and bool(torch.rand(()) < 0.5)
        whole = frames[0].shape[:2]
        window = draw_window(whole, self.size, self.min_crop if self.augment else None)
        item = {
            "frames": torch.stack([cut(frame, window, self.size) for frame in frames]),
            "flipped": flipped,
            "video": video,
            "window": window_shares(window, whole),
        }
        if self.right_videos is not None:
            rights = self.right_videos[video]
            item["right"] = (
                cut(read_frame(rights[start + self.length // 2]), window, self.size)
                if rights
                else torch.zeros(3, *self.size)
            )
        if flipped:
            item |= {key: item[key].flip(-1) for key in ("frames", "right") if key in item}
        item["augmented"] = jitter_colour(item["frames"]) if self.augment else item["frames"]
        return item


Window = tuple[int, int, int, int]


def draw_window(frame: tuple[int, int], size: tuple[int, int], min_crop: float | None) -> Window:
    """Draw a window of the proportions of `size` in a frame, from torch's generator.

    Args:
        frame, size: (height, width).
        min_crop: least share of the largest such window's sides; None takes the whole frame.

    Returns:
        left, top, width and height, whole pixels of the frame.
    """
    if min_crop is None:
        return 0, 0, frame[1], frame[0]
    fit = min(frame[0] / size[0], frame[1] / size[1])
    scale, across, down = torch.rand(3).tolist()
    scale = fit * (min_crop + (1 - min_crop) * scale)
    height, width = (min(math.ceil(scale * side), whole) for side, whole in zip(size, frame, strict=True))
    return round(across * (frame[1] - width)), round(down * (frame[0] - height)), width, height


def window_shares(window: Window, frame: tuple[int, int]) -> Tensor:
    """A window as shares of a frame's (height, width): (4,) float32, left, top, width, height."""
    return torch.tensor(window) / torch.tensor([frame[1], frame[0], frame[1], frame[0]])


def cut(frame: np.ndarray, window: Window, size: tuple[int, int]) -> Tensor:
    """The window of an (H, W, 3) uint8 frame, resized: (3, height, width) float32 in 0..1."""
    import cv2

    left, top, width, height = window
    small = cv2.resize(frame[top : top + height, left : left + width], size[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1).float() / 255


def jitter_colour(frames: Tensor) -> Tensor:
    """Change brightness, contrast and saturation by up to 20 % and hue by up to 0.1 on half the clips.

    The same change for all frames of a clip (Monodepth2, section 5): only the networks' input may differ.
    """
    if torch.rand(()) < 0.5:
        return frames
    from torchvision.transforms.v2 import ColorJitter

    return ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)(frames)
