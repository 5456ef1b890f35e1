"""Video files: unpacked once into a folder of pictures, because everything after reads frames in any order.

Each coded frame is taken once, in the order in which they are shown, whatever the time between them; so a variable
frame rate neither repeats nor skips any, and the k-th frame is the k-th that an annotation tool showed. OpenCV's reader
is not used: it squeezes frames of another size into the first one's buffer without a word.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stc_pseudo.datasets.digests import files_digest
from stc_pseudo.datasets.images import list_frames, require_pixels
from stc_track.io.errors import InputError, require_file
from stc_track.io.progress import Bar

if TYPE_CHECKING:
    import av.container

log = logging.getLogger(__name__)

JPEG_QUALITY = 95  # beside a video's own compression, what this loses is small
RECORD = "video.json"
UNEVEN = 1.5  # longest step between frames to the median one, from which on the rate is called variable
MISSING_SECONDS = 0.5  # by which a container may say that it is longer than its frames


@dataclass(frozen=True)
class UnpackedVideo:
    """The pictures of a video: their paths in temporal order, and (height, width) of each."""

    frames: tuple[Path, ...]
    size: tuple[int, int]


def unpack(path: Path, folder: Path) -> UnpackedVideo:
    """Write a video's frames to `folder` as `000000.jpg`, ...; frames that are there already stay.

    Args:
        path: the video file.
        folder: appears when it is whole.

    Raises:
        InputError: no video, a damaged or truncated one, frames of several sizes, or `folder` holds something else.
    """
    digest = files_digest([require_file(path, "a video file", "`frames=`")])
    if folder.exists():
        return _unpacked_before(path, folder, digest)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        size, times = _write_frames(path, partial)
        record = {"video": path.name, "digest": digest, "frames": len(times), "size": size, "seconds": times}
        (partial / RECORD).write_text(json.dumps(record))
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return UnpackedVideo(tuple(list_frames(folder)), size)


def _unpacked_before(path: Path, folder: Path, digest: str) -> UnpackedVideo:
    try:
        record = json.loads((folder / RECORD).read_text())
        recorded, count, size = record["digest"], record["frames"], tuple(record["size"])
    except (OSError, ValueError, KeyError, TypeError):
        recorded = count = size = None
    frames = tuple(list_frames(folder)) if recorded == digest else ()
    if recorded != digest or len(frames) != count:
        raise InputError(
            folder,
            expected=f"the frames of {path}, unpacked",
            found="something else",
            hint="`root=` names another folder to unpack to",
        )
    return UnpackedVideo(frames, size)


def _write_frames(path: Path, folder: Path) -> tuple[tuple[int, int], list[float | None]]:
    """Write every frame; return their (height, width) and times in seconds."""
    import cv2

    size, times = None, []
    for picture, time in Bar(_decode(path), desc=f"unpack {path.name}", unit="frame"):
        if size is None:
            size = picture.shape[:2]
            require_pixels(size, path)
        if picture.shape[:2] != size:
            raise InputError(
                f"{path}: frame {len(times)}",
                expected=f"{size[1]}x{size[0]} pixels as its first frame",
                found="{1}x{0}".format(*picture.shape[:2]),
                hint="cut the video where its size changes, or scale it to one size",
            )
        encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        (folder / f"{len(times):06d}.jpg").write_bytes(encoded.tobytes())
        times.append(time)
    if size is None:
        raise InputError(path, expected="a video", found="no frame in it", hint="`frames=`")
    steps = np.diff([time for time in times if time is not None])
    if len(steps) and (steps.max() > UNEVEN * np.median(steps) or steps.min() <= 0):
        log.warning(
            "%s: the time between frames varies from %.3g to %.3g s; frames are numbered in order",
            path,
            steps.min(),
            steps.max(),
        )
    return size, times


def _decode(path: Path) -> Iterator[tuple[np.ndarray, float | None]]:
    """Every frame of a video, (H, W, 3) uint8 RGB upright, and its time in seconds, one in memory at a time."""
    import av

    count, end = 0, 0.0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise InputError(path, expected="a video file", found="one without pictures", hint="`frames=`")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                count, end = count + 1, max(end, frame.time or 0.0)
                picture = frame.to_ndarray(format="rgb24")
                yield np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90))), frame.time
            _require_whole(path, container, count, end)
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: frame {count}" if count else path,
            expected="a video file that decodes",
            found=str(error)[:120],
            hint="`frames=`",
        ) from error


def _require_whole(path: Path, container: av.container.InputContainer, count: int, end: float) -> None:
    """Raise an InputError if the file says that there are more frames than came out of it."""
    stream = container.streams.video[0]
    if stream.frames:
        if stream.frames > 1.02 * count + 2:  # an edit list may leave some out
            raise InputError(
                path, expected=f"{stream.frames} frames, as the file says", found=f"{count}: it is cut short"
            )
        return
    stated = stream.duration and float(stream.duration * stream.time_base)
    if stated is None and len(container.streams) == 1 and container.duration:  # beside sound, it may be the sound's
        stated = container.duration / 1e6
    start = float((stream.start_time or 0) * stream.time_base)
    step = 1 / float(stream.average_rate or 25)
    if stated and stated - (end - start + step) > max(MISSING_SECONDS, 2 * step, 0.02 * stated):
        raise InputError(
            path,
            expected=f"{stated:.1f} s of video, as the file says",
            found=f"{end - start + step:.1f} s: it is cut short",
        )
