"""Video of one's own: video files, and folders of frames."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from stc_pseudo.datasets.base import FrameRange, VideoSequence
from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes
from stc_pseudo.datasets.images import FRAME_SUFFIXES, list_frames, read_frame, require_unique
from stc_track.io.errors import InputError, SettingError
from stc_track.io.pictures import picture_size
from stc_track.io.remote_path import AnyPath, RemotePath

VIDEO_SUFFIXES = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".wmv",
    ".flv",
    ".mjpeg",
    ".ogv",
    ".3gp",
)
# MOT-Challenge and others keep a sequence's frames in a folder of this name in the sequence's.
INNER = ("img1", "images", "frames")
NUMBER = re.compile(r"[0-9]{1,9}")  # the files of results have no longer ones
UNSAFE = re.compile(r"[^\w .()+-]|\.(?=\.)")


def read_frames(
    paths: Iterable[AnyPath],
    root: Path,
    sequences: Iterable[str] | None = None,
    boxes: BoxSource | None = None,
    frame_range: FrameRange | None = None,
    pictures: bool = False,
) -> list[VideoSequence]:
    """Read videos; their frames stay on disk.

    Args:
        paths: video files, folders of frames, or folders of such.
        root: where video files are unpacked, a folder each.
        sequences: names, or None for all: a video is named as its file without ending, or as its folder.
        boxes: where their boxes are, or None for frames only.
        frame_range: of the frames that count; boxes of others are left out. None for all.
        pictures: take single pictures as well, each a sequence of one frame, and so the pictures of a folder that are
            of several sizes.

    Raises:
        InputError: nothing there, two videos of one name, a name that is not there, frames of several sizes, or bad
            boxes.
    """
    folders: dict[str, AnyPath] = {}
    for path in paths:
        for video in find_pictures(path) if pictures else find_videos(path):
            name = video_name(video)
            if name in folders:
                raise InputError(
                    video,
                    expected="videos of different names",
                    found=f"'{name}' as {folders[name]}",
                    hint="rename one, or take them one at a time to one store",
                )
            folders[name] = video
    names = list(folders) if sequences is None else list(sequences)
    for name in names:
        if name not in folders:
            raise SettingError("frames", f"video '{name}'", ", ".join(folders), "see `sequences=`")
    videos = [read_video(folders[name], name, root) for name in names]
    if boxes is not None:
        videos = with_boxes(videos, replace(boxes, frame_range=frame_range))
    videos = [video.within(frame_range) for video in videos]
    for video in videos:
        if boxes is not None and not any(len(boxes_of_frame) for boxes_of_frame in video.boxes.values()):
            raise InputError(
                boxes.path,
                expected=f"a box of '{video.name}' inside its frames" + (f" {frame_range}" if frame_range else ""),
                found="none",
                hint="`sequences=` leaves a video out",
            )
    return videos


def find_pictures(path: AnyPath) -> list[AnyPath]:
    """As `find_videos`, with a picture for itself, and for a folder of pictures of several sizes each of them."""
    if path.is_file() and path.suffix.lower() in FRAME_SUFFIXES:
        return [path]
    return [picture for video in find_videos(path) for picture in ([video] if _is_video(video) else list_frames(video))]


def _is_video(path: AnyPath) -> bool:
    """Whether a video file, or a folder whose pictures are all of one size."""
    return path.is_file() or len({picture_size(frame) for frame in list_frames(path)}) == 1


def read_videos(paths: Iterable[AnyPath], root: Path, hint: str = "`frames=`") -> list[VideoSequence]:
    """Read every video that the paths stand for, as `read_frames`, for a training: names may repeat."""
    return [read_video(video, video_name(video), root) for path in paths for video in find_videos(path, hint)]


def find_videos(path: AnyPath, hint: str = "`frames=`") -> list[AnyPath]:
    """Video files and folders of frames that a path stands for: itself, or those at any depth in it.

    Raises:
        InputError: none; `hint` names what named the path.
    """
    if path.is_file():
        if path.suffix.lower() in FRAME_SUFFIXES:
            raise InputError(
                path,
                expected="a video file or a folder of frames",
                found="a picture",
                hint=f"{hint} takes the folder that it is in",
            )
        return [path]
    if not path.is_dir():
        raise InputError(path, expected="a folder of frames, or a video file", found="nothing there", hint=hint)
    videos = list(_walk(path))
    if not videos:
        raise InputError(path, expected="frames, video files, or folders of frames", found="none", hint=hint)
    return videos


def video_name(path: AnyPath) -> str:
    """The name of a video: the file's without ending, or the folder's, or the one's around `img1`; a plain one."""
    if isinstance(path, Path):
        path = Path(os.path.abspath(path))  # a link keeps its own name
    name = path.stem if path.is_file() else path.parent.name if path.name in INNER else path.name
    return UNSAFE.sub("_", name).lstrip(".") or "video"


def read_video(path: AnyPath, name: str, root: Path) -> VideoSequence:
    """Read one video file, one folder of frames, or one picture.

    A frame's number is its file name's where all names of a folder are numbers, else its position.
    """
    if path.is_file() and path.suffix.lower() in FRAME_SUFFIXES:
        number = int(path.stem) if NUMBER.fullmatch(path.stem) else 0
        return VideoSequence(name, read_frame(path).shape[:2], (path,), (number,))
    if path.is_file():
        if isinstance(path, RemotePath):
            raise InputError(path, expected="a folder of frames", found="a file", hint="copy videos to a disk")
        from stc_pseudo.datasets.video_file import unpack

        video = unpack(path, root / name)
        return VideoSequence(name, video.size, video.frames, tuple(range(len(video.frames))), from_file=True)
    frames = tuple(list_frames(path))
    named = [int(frame.stem) if NUMBER.fullmatch(frame.stem) else -1 for frame in frames]
    numbers = tuple(named) if min(named) >= 0 else tuple(range(len(frames)))
    require_unique(numbers, path)
    return VideoSequence(name, read_frame(frames[0]).shape[:2], frames, numbers)


def _walk(folder: AnyPath) -> Iterator[AnyPath]:
    """Folders of frames, and video files where there are no frames beside them."""
    content = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    if any(path.suffix.lower() in FRAME_SUFFIXES for path in content):
        yield folder
        return
    for path in content:
        if path.is_dir():
            yield from _walk(path)
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            yield path
