"""Which frame of a video a picture's name in somebody's file means, and which pictures of a file are a video's."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from stc_pseudo.datasets.base import FrameRange, VideoSequence
from stc_track.io.errors import InputError

# A number that stands alone, or after nothing but letters (`frame12`): one in a hash means nothing.
TRAILING_NUMBER = re.compile(r"(?:^|[^0-9A-Za-z])[A-Za-z]*([0-9]{1,9})$")
# Roboflow: `NAME_jpg.rf.HASH.jpg`; of a video file NAME is `VIDEO_mp4-K`, where K counts the pictures that were taken.
ROBOFLOW = re.compile(r"(.+)_([A-Za-z0-9]{3,4})\.rf\.[0-9A-Za-z_-]+$")
# Label Studio puts eight digits of an id in front of the name that a file had.
LABEL_STUDIO = re.compile(r"[0-9a-f]{8}-(.+)")
VIDEO_HINT = "`boxes_video=` names the video that is meant, as the file calls it"


class FrameNames:
    """Finds frames of one video by the name of a picture.

    A frame of a folder has its file's name, or the same name with another ending. A frame of a video file, which had no
    name, is the number at the end of the picture's (CVAT: `frame_000012.PNG`).

    Args:
        video: the frames.
        first: number of a video file's first frame.
        step: frames of a video file from one number to the next; None where nobody said so.
        frame_range: of which the numbers count; None for all.
    """

    def __init__(
        self, video: VideoSequence, first: int = 0, step: int | None = None, frame_range: FrameRange | None = None
    ) -> None:
        self.video, self.first, self.step, self.range = video, first, step, frame_range
        self.by_name = {path.name: t for t, path in enumerate(video.frames)}
        stems = [path.stem for path in video.frames]
        self.by_stem = {stem: t for t, stem in enumerate(stems)} if len(set(stems)) == len(stems) else {}

    def position(self, name: PurePosixPath, where: str) -> int | None:
        """Position of the frame that a picture's name means, whatever folder it is in; None outside the range.

        Raises:
            InputError: there is no such frame, or the name does not tell which.
        """
        exported = ROBOFLOW.fullmatch(name.stem)
        original = PurePosixPath(f"{exported[1]}.{exported[2]}") if exported else name
        if not self.video.from_file:
            return self._in_folder(original, where)
        if exported and self.step is None:
            raise InputError(
                where,
                expected="to know how many frames lie between two pictures, which Roboflow's names do not tell",
                found=ascii(name.name[:80]),
                hint="`boxes_frame_step=1` where every frame was taken",
            )
        number = TRAILING_NUMBER.search(original.stem)
        if number is None:
            raise InputError(where, expected="a name that ends with a frame's number", found=ascii(name.name[:80]))
        position = (int(number[1]) - self.first) * (self.step or 1)
        if self.range is not None and position not in self.range:
            return None
        if not 0 <= position < len(self.video):
            raise InputError(
                where,
                expected=f"a picture of frames 0 to {len(self.video) - 1}",
                found=f"{name.name[:80]!a}, that of frame {position}",
                hint=f"its names count from {self.first}; `boxes_first_frame=` says otherwise",
            )
        return position

    def _in_folder(self, name: PurePosixPath, where: str) -> int | None:
        uploaded = LABEL_STUDIO.fullmatch(name.name)
        for candidate in (name, PurePosixPath(uploaded[1]) if uploaded else name):
            position = self.by_name.get(candidate.name, self.by_stem.get(candidate.stem))
            if position is not None:
                return position
        number = TRAILING_NUMBER.search(name.stem)
        if self.range is not None and number is not None and int(number[1]) not in self.range:
            return None
        folder = self.video.frames[0].parent
        raise InputError(where, expected=f"a frame of {folder}", found=ascii(name.name[:80]))


def of_video(
    labels: list[tuple[str, ...]], video: VideoSequence, name: str | None, alone: bool, path: Path
) -> list[bool]:
    """Which entries of a file are a video's.

    Args:
        labels: of each entry what may name its video: folders, the video's name; all together tell videos apart.
        video: whose entries are looked for.
        name: that the file has for it; None where it is the video's own.
        alone: no other video takes entries from the file: then all of one unknown name are its own.
        path: the file.

    Raises:
        InputError: there is none of the name, or there are several other names, none of which may be meant.
    """
    wanted = name or video.name
    of_this_video = [wanted in label for label in labels]
    if any(of_this_video) or not of_this_video:
        return of_this_video
    others = sorted(set(labels))
    if name is not None or not alone or len(others) > 1:
        raise InputError(
            path,
            expected=f"pictures in a folder '{wanted}', as '{wanted}/000000.jpg', or of a video of this name",
            found=", ".join("/".join(label) or "no folder" for label in others)[:80],
            hint=f"{VIDEO_HINT}; `sequences=` leaves videos out",
        )
    return [True] * len(of_this_video)


class OnePicture:
    """Refuses a second picture of one frame, of which one must be another video's.

    Args:
        video: the frames.
    """

    def __init__(self, video: VideoSequence) -> None:
        self._video = video
        self._seen: dict[int, str] = {}

    def take(self, position: int, where: str) -> None:
        """Raise an InputError where the frame has had a picture."""
        if (before := self._seen.get(position)) is not None:
            raise InputError(
                where,
                expected=f"one picture of frame {position} of '{self._video.name}'",
                found=f"a second one, beside {before}",
                hint="of files of several videos with equal names nobody can tell which is meant: export them one by "
                "one, or with folders or videos that name them, and see `boxes_video=`",
            )
        self._seen[position] = where
