"""Boxes in the text that `stc-predict` and `stc-track` write: detections, or tracks with masks.

Frames are called by the pictures' numbers, or counted from 0 where pictures have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.formats.mots import CLASS_NAMES, IGNORE_CLASS, iter_detections, read_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

if TYPE_CHECKING:
    from stc_pseudo.datasets.boxes.source import BoxSource

TRACK_COLUMNS = 6  # `frame id class height width rle`; detections have ten


def read_detection_rows(path: Path, video: VideoSequence, source: BoxSource) -> tuple[list[BoxRow], dict[int, str]]:
    """Read a file of one video's detections, or of its tracks, whose boxes are tight around their masks.

    Args:
        path: the file.
        video: its frames.
        source: `class_names` for other classes than KITTI MOTS's.

    Returns:
        the rows, and class number to name: all of `class_names`, or those that there is an object of. Class 10 of
        tracks is an ignore region.

    Raises:
        InputError: naming file and line: a malformed one, masks of another size than the frames, or a frame that is not
            there.
    """
    position_of, wanted, rows = {number: t for t, number in enumerate(video.numbers)}, source.frame_range, []
    for frame, size, class_id, track, box, score in _objects(path):
        where = f"{path}: frame {frame}"
        if size != video.size:
            expected, found = ("{1}x{0}".format(*shape) for shape in (video.size, size))
            raise InputError(where, expected=f"objects of the frames' {expected} pixels", found=found)
        if wanted is not None and frame not in wanted:
            continue
        if frame not in position_of:
            raise InputError(where, expected=f"the number of a picture of '{video.name}'", found=str(frame))
        ignore = track is not None and class_id == IGNORE_CLASS
        rows.append(BoxRow(position_of[frame], box, class_id, None if ignore else track, where, ignore, score))
    if source.wanted is not None:
        return rows, source.wanted
    numbers = sorted({row.class_id for row in rows if not row.ignore})
    return rows, {number: CLASS_NAMES.get(number, f"class {number}") for number in numbers}


Box = tuple[float, float, float, float]


def _objects(path: Path) -> Iterable[tuple[int, tuple[int, int], int, int | None, Box, float | None]]:
    """Frame, (height, width), class, track or None, box and score or None of each object that has an extent."""
    with path.open("rb") as file:
        columns = len(next((line for line in file if line.strip()), b"").split())
    if columns != TRACK_COLUMNS:
        for row in iter_detections(path):
            yield row.frame, (row.height, row.width), row.class_id, None, row.box, row.score
        return
    for objects in read_mots(path).values():
        for o in objects:
            x1, y1, x2, y2 = (float(side) for side in rle.tight_box(o.counts, o.height, o.width))
            if x2 > x1:
                yield o.frame, (o.height, o.width), o.class_id, o.track_id, (x1, y1, x2, y2), None
