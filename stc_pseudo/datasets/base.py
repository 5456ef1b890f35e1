"""What every data set gives: sequences of frames, and the boxes on each frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath


@dataclass(frozen=True, eq=False)
class FrameBoxes:
    """The boxes of one frame.

    Attributes:
        xyxy: (N, 4) float32, pixels of the original frame, x1 y1 inclusive, x2 y2 exclusive (a box around pixels
            3..5 is 3..6), inside the frame and of positive area.
        class_ids: (N,) int32, the data set's class number (KITTI MOTS: 1 car, 2 pedestrian).
        track_ids: (N,) int32, unique over the sequence per object (KITTI MOTS: `class * 1000 + k`).
        ignore: (M, 4) float32, regions where nothing is known (KITTI MOTS class 10), same convention.
    """

    xyxy: np.ndarray
    class_ids: np.ndarray
    track_ids: np.ndarray
    ignore: np.ndarray

    def __len__(self) -> int:
        return len(self.xyxy)

    @staticmethod
    def empty() -> FrameBoxes:
        """No boxes."""
        none = np.zeros((0, 4), np.float32)
        return FrameBoxes(none, np.zeros(0, np.int32), np.zeros(0, np.int32), none)


@dataclass(frozen=True)
class Calibration:
    """A rectified pinhole camera, and where there is one, its stereo partner.

    Attributes:
        focal_x, focal_y, centre_x, centre_y: pixels of the original frame.
        baseline: metres between the left and the right camera; None without a stereo partner.
    """

    focal_x: float
    focal_y: float
    centre_x: float
    centre_y: float
    baseline: float | None = None


@dataclass(frozen=True)
class FrameRange:
    """Which frames of every sequence count, by their numbers: from `start` on and below `stop`.

    Attributes:
        start: 0 or more.
        stop: more than `start`; None for no end.

    Examples:
        >>> 89 in FrameRange(0, 90), 90 in FrameRange(0, 90)
        (True, False)
    """

    start: int
    stop: int | None

    def __contains__(self, number: int) -> bool:
        return self.start <= number and (self.stop is None or number < self.stop)

    def __str__(self) -> str:
        return f"{self.start}:{'' if self.stop is None else self.stop}"


@dataclass(frozen=True, eq=False)
class VideoSequence:
    """One video: frames in temporal order, with what is known of them.

    Attributes:
        name: the sequence's name, a plain file name (never a path).
        size: (height, width) in pixels, the same for every frame.
        frames: path of each frame's picture, in temporal order; T of them.
        numbers: the data set's own number of each frame (KITTI: the file name's), strictly increasing; T of them.
        right: path of each frame's right stereo picture, or an empty tuple.
        calibration: the camera, or None.
        boxes: FrameBoxes by frame number; a frame without an entry has none.
        class_names: class number to name.
        from_file: the frames were unpacked from a video file; their names are their positions.
    """

    name: str
    size: tuple[int, int]
    frames: tuple[AnyPath, ...]
    numbers: tuple[int, ...]
    right: tuple[AnyPath, ...] = ()
    calibration: Calibration | None = None
    boxes: dict[int, FrameBoxes] = field(default_factory=dict)
    class_names: dict[int, str] = field(default_factory=dict)
    from_file: bool = False

    def __len__(self) -> int:
        return len(self.frames)

    def within(self, frame_range: FrameRange | None) -> VideoSequence:
        """The same video, of the frames of a range alone; all of it, if None.

        Raises:
            InputError: none of its frames lies in the range.
        """
        kept = [t for t, number in enumerate(self.numbers) if frame_range is None or number in frame_range]
        if len(kept) == len(self):
            return self
        if not kept:
            raise InputError(
                f"sequence {self.name}",
                expected=f"frames of {frame_range}, as `frames_range=` says",
                found=f"{self.numbers[0]} to {self.numbers[-1]}",
            )
        numbers = tuple(self.numbers[t] for t in kept)
        return replace(
            self,
            frames=tuple(self.frames[t] for t in kept),
            numbers=numbers,
            right=tuple(self.right[t] for t in kept) if self.right else (),
            boxes={number: boxes for number, boxes in self.boxes.items() if number in numbers},
        )

    def boxes_at(self, index: int) -> FrameBoxes:
        """The boxes of the frame at position `index` (0..T-1)."""
        return self.boxes.get(self.numbers[index], FrameBoxes.empty())

    def part(self, start: int, stop: int) -> VideoSequence:
        """The frames start..stop with what belongs to them, so that a task need not carry the whole video."""
        numbers = self.numbers[start:stop]
        boxes = {number: self.boxes[number] for number in numbers if number in self.boxes}
        right = self.right[start:stop]
        return replace(self, frames=self.frames[start:stop], numbers=numbers, right=right, boxes=boxes)


Sequence = VideoSequence  # former name, until 0.3
