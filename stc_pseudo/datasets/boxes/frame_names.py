"""Which frame of a video a picture's name in somebody's file means."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from stc_pseudo.datasets.base import Sequence
from stc_track.io.errors import InputError

TRAILING_NUMBER = re.compile(r"[0-9]{1,9}$")


class PictureNames:
    """Finds frames of one video by the name of a picture.

    A frame of a folder has its file's name. A frame of a video file, which had no name, is the number at the end of
    the picture's, counted from 0 (CVAT: `frame_000012.PNG`).

    Args:
        video: the frames.
    """

    def __init__(self, video: Sequence) -> None:
        self.video = video
        self.by_name = None if video.from_file else {path.name: t for t, path in enumerate(video.frames)}

    def position(self, name: str, where: str) -> int:
        """Position of the frame that `name` means; folders in it do not count.

        Raises:
            InputError: there is no such frame.
        """
        picture = PurePosixPath(name.replace("\\", "/"))
        if self.by_name is not None:
            position, expected = self.by_name.get(picture.name), f"a frame of {self.video.frames[0].parent}"
        else:
            number = TRAILING_NUMBER.search(picture.stem)
            position, expected = number and int(number[0]), "a name that ends with a frame's number"
        if position is None:
            raise InputError(where, expected=expected, found=ascii(name[:80]))
        if position >= len(self.video):
            raise InputError(
                where,
                expected=f"frames 0 to {len(self.video) - 1}",
                found=ascii(name[:80]),
                hint="numbers in the names of a video's pictures count from 0",
            )
        return position
