"""What a file of boxes says, one row a box, and how rows become `FrameBoxes`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stc_pseudo.datasets.base import FrameBoxes, FrameRange
from stc_track.formats.track_ids import number_names
from stc_track.io.errors import InputError

log = logging.getLogger(__name__)

LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class BoxRow:
    """One box of one frame.

    Attributes:
        position: of the frame in its video, from 0.
        box: x1 y1 x2 y2, pixels from 0, x2 and y2 exclusive, of positive area; may reach out of the frame.
        class_id: the file's class number.
        track: whatever names the object in the file, the same on each of its frames; None if the file does not tell.
        ignore: a region where nothing is known, rather than an object.
        score: a detector's confidence, or None.
        where: file and place, for messages.
    """

    position: int
    box: tuple[float, float, float, float]
    class_id: int
    track: int | str | None
    where: str
    ignore: bool = False
    score: float | None = None


def gather(
    rows: Iterable[BoxRow], size: tuple[int, int], numbers: tuple[int, ...], frame_range: FrameRange | None = None
) -> dict[int, FrameBoxes]:
    """Put the rows of one video together.

    Boxes are cut off at the frame's border; what lies outside altogether is left out, and the log says how many did.
    Tracks keep their numbers where all have one; objects without a track get one each.

    Args:
        rows: of the video, in any order.
        size: (height, width) of its frames.
        numbers: of its frames.
        frame_range: numbers that count: rows past the last frame that are none of these are left out.

    Returns:
        boxes by frame number, as `Sequence.boxes`.

    Raises:
        InputError: a frame that is not there, or a track twice on one frame.
    """
    limit = np.array([size[1], size[0]] * 2, np.float32)
    rows, by_frame, seen, outside = list(rows), {}, set(), 0
    track_ids = _track_ids(rows)
    for row, track_id in zip(rows, track_ids, strict=True):
        if not 0 <= row.position < len(numbers):
            # as those that are there count on
            if frame_range is not None and numbers[0] + row.position not in frame_range:
                continue
            raise InputError(
                row.where,
                expected=f"a frame of the {len(numbers)} there are",
                found=f"the one at position {row.position}, from 0",
                hint="`frames_range=` takes a part of the video",
            )
        box = np.clip(np.asarray(row.box, np.float32), 0, limit)
        if not (box[2:] > box[:2]).all():
            outside += 1
            continue
        if not row.ignore:
            if (row.position, track_id) in seen:
                raise InputError(row.where, expected="a track once on a frame", found=f"{row.track} a second time")
            seen.add((row.position, track_id))
        by_frame.setdefault(numbers[row.position], []).append((box, None if row.ignore else row.class_id, track_id))
    if outside:
        log.info("%d boxes lie outside their frames and are left out", outside)
    return {number: frame_boxes(frame_rows) for number, frame_rows in sorted(by_frame.items())}


def frame_boxes(rows: list[tuple[np.ndarray, int | None, int]]) -> FrameBoxes:
    """Gather (box, class, track) rows of one frame; the class None marks ignore regions."""
    objects = [row for row in rows if row[1] is not None]
    ignore = [row[0] for row in rows if row[1] is None]
    return FrameBoxes(
        np.array([row[0] for row in objects], np.float32).reshape(-1, 4),
        np.array([row[1] for row in objects], np.int32),
        np.array([row[2] for row in objects], np.int32),
        np.array(ignore, np.float32).reshape(-1, 4),
    )


def _track_ids(rows: list[BoxRow]) -> list[int]:
    """A number a row: the file's own where all its tracks have one, else counted from 1; new ones without a track."""
    ids = number_names((row.track for row in rows if row.track is not None), LARGEST_ID - len(rows))
    free = max(ids.values(), default=0)
    numbered = []
    for row in rows:
        free += row.track is None and not row.ignore
        numbered.append(free if row.track is None else ids[row.track])
    return numbered
