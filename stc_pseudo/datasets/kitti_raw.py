"""KITTI's raw recordings by lists of frames, such as Eigen's and Zhou's splits (IV-D1).

    ROOT/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000000.png or .jpg    left, image_03: right
    ROOT/2011_09_26/calib_cam_to_cam.txt

A line of a list is `2011_09_26/2011_09_26_drive_0001_sync 42 l`: a drive, the middle frame of a triplet, and a camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.images import list_frames, read_frame
from stc_pseudo.datasets.kitti import read_calibration
from stc_track.io.errors import InputError, require_folder
from stc_track.io.text import plain_lines

CAMERAS = {b"l": "image_02", b"r": "image_03"}
LIST = "a list of frames, lines `date/drive frame l`"
HINT = "`kitti_raw=` names the folder of the recordings"


@dataclass(frozen=True, eq=False)
class ListedVideos:
    """Videos, and the frames of each that lists name.

    Attributes:
        videos: every frame of a drive and camera; left ones with their right frames.
        train, held: for each video, the positions of the middle frames to train on, and of those that are held out.
    """

    videos: list[VideoSequence]
    train: list[set[int]]
    held: list[set[int]]


def read_listed(root: Path, split: Path, held_split: Path | None = None) -> ListedVideos:
    """Read the drives that lists of frames name; pictures stay on disk.

    Args:
        root: the folder of the dates.
        split: list of the frames to train on.
        held_split: list of those to validate on, of any drives.

    Raises:
        InputError: a line that is none, a drive or a frame that is not there, or a frame at the end of its drive, which
            has no neighbour.
    """
    places: dict[tuple[str, bytes], int] = {}
    listing = ListedVideos([], [], [])
    for path, listed in ((split, listing.train), (held_split, listing.held)):
        for number, line in () if path is None else plain_lines(path, LIST):
            where, fields = f"{path}:{number}", line.split()
            if len(fields) != 3 or not fields[1].isdigit() or fields[2] not in CAMERAS:
                raise InputError(
                    where, expected="`date/drive frame l` or `r`", found=ascii(line.decode("latin-1"))[:60]
                )
            key = (fields[0].decode("latin-1"), fields[2])
            if key not in places:
                places[key] = len(listing.videos)
                listing.videos.append(_read_drive(root, *key, where))
                listing.train.append(set())
                listing.held.append(set())
            video, frame = listing.videos[places[key]], int(fields[1])
            position = frame - video.numbers[0]
            if not 0 < position < len(video) - 1 or video.numbers[position] != frame:
                expected = f"a frame between {video.numbers[0]} and {video.numbers[-1]}, with both neighbours"
                raise InputError(where, expected=expected, found=str(frame))
            listed[places[key]].add(position)
    return listing


def _read_drive(root: Path, drive: str, camera: bytes, where: str) -> VideoSequence:
    """All frames of one camera of a drive; those of the left one with the right ones beside."""
    if ".." in Path(drive).parts or Path(drive).is_absolute():
        raise InputError(where, expected="a drive below the root", found=ascii(drive))
    folder = require_folder(root / drive / CAMERAS[camera] / "data", "frames", HINT)
    frames = tuple(list_frames(folder))
    for path in frames:
        if not path.stem.isdecimal():
            raise InputError(path, expected="a frame named by its number", found=f"'{path.stem}'")
    numbers = tuple(int(path.stem) for path in frames)
    rights: tuple[Path, ...] = ()
    other = root / drive / CAMERAS[b"r"] / "data"
    if camera == b"l" and other.is_dir():
        by_name = {path.stem: path for path in list_frames(other)}
        rights = (
            tuple(by_name[path.stem] for path in frames) if by_name.keys() >= {path.stem for path in frames} else ()
        )
    calibration = read_calibration(root / Path(drive).parts[0] / "calib_cam_to_cam.txt")
    return VideoSequence(
        f"{Path(drive).name}_{camera.decode()}",
        read_frame(frames[0]).shape[:2],
        frames,
        numbers,
        rights,
        calibration if rights else replace(calibration, baseline=None),
    )
