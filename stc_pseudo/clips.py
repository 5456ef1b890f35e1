"""Short runs of consecutive frames, as the self-supervised trainings of depth and flow take them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from stc_pseudo.images import list_frames, read_frame
from stc_track.formats.errors import InputError


class Clips(Dataset):
    """Every run of `length` consecutive frames of some videos, resized; optionally with the right stereo frames.

    Args:
        videos: for each video, its frame paths in temporal order.
        length: frames in a clip; 1, 2 or 3.
        size: (height, width) of the clips.
        right_videos: for each video its right frames, or None without stereo.
        augment: flip and change colours at random (drawn from torch's generator); the flip is reported, because it
            swaps the roles of the stereo cameras.

    An item is a dictionary: `frames` (length, 3, height, width) float32 in 0..1 as the photometric losses see them;
    `augmented`, the same with colours changed, as the networks see them; `right` (3, height, width), the right frame of
    the clip's middle one, if there are right videos; `flipped`, a bool; `video`, the video's position in `videos`.
    """

    def __init__(self, videos: Iterable[Iterable[Path]], length: int, size: tuple[int, int],
                 right_videos: Iterable[Iterable[Path]] | None = None, augment: bool = True) -> None:
        self.videos = [list(video) for video in videos]
        self.right_videos = None if right_videos is None else [list(video) for video in right_videos]
        self.length, self.size, self.augment = length, size, augment
        self.starts = [(v, t) for v, video in enumerate(self.videos) for t in range(len(video) - length + 1)]
        if not self.starts:
            raise InputError(self.videos[0][0].parent if self.videos and self.videos[0] else "frames",
                             expected=f"videos of at least {length} frames", found="only shorter ones")
        for video, right in zip(self.videos, self.right_videos or self.videos, strict=True):
            if len(video) != len(right):
                raise InputError(right[0].parent if right else "right frames", expected=f"{len(video)} right frames",
                                 found=str(len(right)), mend="one for each left frame")

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> dict[str, Tensor | bool | int]:
        video, start = self.starts[index]
        frames = [self._read(path) for path in self.videos[video][start:start + self.length]]
        right = self.right_videos and self._read(self.right_videos[video][start + self.length // 2])
        flipped = self.augment and bool(torch.rand(()) < 0.5)
        stack = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255
        item = {"frames": stack, "flipped": flipped, "video": video}
        if right is not None:
            item["right"] = torch.from_numpy(right).permute(2, 0, 1).float() / 255
        if flipped:
            item |= {key: item[key].flip(-1) for key in ("frames", "right") if key in item}
        item["augmented"] = jitter_colour(item["frames"]) if self.augment else item["frames"]
        return item

    def _read(self, path: Path) -> np.ndarray:
        import cv2

        return cv2.resize(read_frame(path), self.size[::-1], interpolation=cv2.INTER_AREA)


def jitter_colour(frames: Tensor) -> Tensor:
    """Change brightness, contrast and saturation by up to 20 % and hue by up to 0.1 on half the clips.

    The same change for all frames of a clip (Monodepth2, section 5): only the networks' input may differ.
    """
    if torch.rand(()) < 0.5:
        return frames
    from torchvision.transforms.v2 import ColorJitter

    return ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)(frames)


def frame_folders(folders: Iterable[Path], mend: str) -> list[list[Path]]:
    """Return the sorted frames of each folder; a folder without frames but with subfolders stands for those."""
    videos = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(folder, expected="a folder of frames", found="nothing there", mend=mend)
        children = sorted(child for child in folder.iterdir() if child.is_dir())
        has_frames = any(path.is_file() for path in folder.iterdir())
        videos += [list_frames(child, mend) for child in children] if children and not has_frames else [
            list_frames(folder, mend)]
    return videos
