"""MOT-Challenge boxes: `frame,id,x,y,width,height,score,...`, frames and pixels counted from 1.

Detections have the id -1; results and truth have the track's. Truth (`gt.txt`, nine columns) has in column 7 whether
the benchmark counts the box, in column 8 the class: 1 pedestrian, 3 car, -1 none. Elsewhere there is no class.

`iter_mot` makes objects of boxes: those that are not counted and the benchmark's other classes (up to 13), which it
does not measure either, are left out; without a class everything is a pedestrian. A number that is none of the
benchmark's (0, 14) is a class of the file's own, and stays. A box has no mask: it becomes the filled rectangle, cut off
at the frame's border.
"""

from __future__ import annotations

import configparser
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.text import plain_lines, read_text
from stc_track.io.values import LARGEST_ID, real, whole
from stc_track.masks import rle

LINE = "'frame,id,x,y,width,height,score'"
UNTRACKED = -1
_CLASSES = {1: 2, 3: 1}  # MOT's to KITTI MOTS': pedestrian, car
_PEDESTRIAN = 2
BENCHMARK_CLASSES = range(1, 14)
_CLASS_COLUMNS = 8, 9  # how many there are where the eighth is a class; in ten it is a place in the world
_NAMES = ("x", "y", "a width", "a height")


_REAL = rb" *([+-]?[0-9]{1,8}(?:\.[0-9]{0,20})?) *"
# a line as trackers and detectors write it, of numbers that need no further check
_USUAL = re.compile(rb"([1-9][0-9]{0,8}), *(-1|[0-9]{1,18})" + 5 * (b"," + _REAL) + rb"((?:,[^,]*){3,})?")


class MotLine(NamedTuple):
    """One line of a file.

    Attributes:
        where: file and line, for messages.
        frame: from 1.
        track_id: of the object, or `UNTRACKED`.
        box: x1 y1 x2 y2, pixels from 0, x2 and y2 exclusive, of positive area; may reach out of the frame.
        score: confidence, in truth whether the box counts (0: it does not); None without one.
        class_id: the file's number of the class, at least 0; None without one.
    """

    where: str
    frame: int
    track_id: int
    box: tuple[float, float, float, float]
    score: float | None
    class_id: int | None


def iter_lines(path: Path) -> Iterator[MotLine]:
    """Lines of a file in its order, one in memory at a time; columns may be separated by blanks instead of commas.

    Raises:
        InputError: naming file and line: a missing column, a number that is not finite, a box of no area.
    """
    for number, line in plain_lines(path, f"a text file of lines {LINE}"):
        usual = _USUAL.fullmatch(line)
        if usual and (read := _usual_line(usual, f"{path}:{number}")):
            yield read
            continue
        # a comma at the end begins no column
        fields = line.rstrip(b", \t").split(b",") if b"," in line else line.split()
        yield _line([field.strip() for field in fields], f"{path}:{number}")


def _usual_line(usual: re.Match[bytes], where: str) -> MotLine | None:
    """A line without a class; None where its box has no area."""
    frame, track_id, *reals, _ = usual.groups()
    x, y, width, height, score = map(float, reals)
    if width <= 0 or height <= 0:
        return None
    return MotLine(where, int(frame), int(track_id), (x - 1, y - 1, x - 1 + width, y - 1 + height), score, None)


def _line(fields: list[bytes], where: str) -> MotLine:
    if len(fields) < 6:
        raise InputError(where, expected=f"at least 6 columns, {LINE}", found=f"{len(fields)}")
    frame = whole(fields[0], "a frame", where, 1)
    track_id = whole(fields[1], "an id", where, UNTRACKED, LARGEST_ID)
    x, y, width, height = (real(*pair, where) for pair in zip(fields[2:6], _NAMES, strict=True))
    if width <= 0 or height <= 0:
        raise InputError(where, expected="a box of positive width and height", found=f"{width:g} {height:g}")
    score = real(fields[6], "a score", where) if len(fields) > 6 else None
    class_id = whole(fields[7], "a class", where, -1) if len(fields) in _CLASS_COLUMNS else -1
    box = x - 1, y - 1, x - 1 + width, y - 1 + height
    return MotLine(where, frame, track_id, box, score, None if class_id < 0 else class_id)


def is_mot(path: Path) -> bool:
    """Whether a text file's first line with anything on it has commas, as MOT-Challenge boxes have."""
    return b"," in next((line for _, line in plain_lines(path, f"a text file of lines {LINE}")), b"")[:200]


def frame_rate(folder: Path) -> float | None:
    """Frames a second from a sequence's `seqinfo.ini`; None where it does not say."""
    path = folder / "seqinfo.ini"
    if not path.is_file():
        return None
    rate = _value(path, "frameRate")
    return None if rate is None else real(rate, "frameRate", path)


def frame_size(folder: Path) -> tuple[int, int] | None:
    """(height, width) from a sequence's `seqinfo.ini`; None where there is none."""
    path = folder / "seqinfo.ini"
    if not path.is_file():
        return None
    height, width = (_info(path, name) for name in ("imHeight", "imWidth"))
    if height is None or width is None:
        missing = "imHeight" if height is None else "imWidth"
        raise InputError(path, expected="imHeight and imWidth under [Sequence]", found=f"no {missing}")
    return height, width


def sequence_length(folder: Path) -> int | None:
    """The number of a sequence's frames from its `seqinfo.ini`; None where that is missing or does not say it."""
    path = folder / "seqinfo.ini"
    return _info(path, "seqLength") if path.is_file() else None


def _info(path: Path, name: str) -> int | None:
    """A whole number of at least 1 under [Sequence]; None where it is missing."""
    value = _value(path, name)
    return None if value is None else whole(value, name, path, 1)


def _value(path: Path, name: str) -> str | None:
    """What stands under [Sequence]; None where it is missing."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(path, "a text file", errors="replace"))
    except configparser.Error as error:
        found = str(error).splitlines()[0][:80]
        raise InputError(path, expected="imHeight and imWidth under [Sequence]", found=found) from error
    return parser.get("Sequence", name, fallback=None)


def iter_mot(path: Path, size: tuple[int, int], *, masks: bool = True) -> Iterator[MotsObject]:
    """Boxes in file order, one line in memory at a time; a detection has the track_id -1.

    Args:
        path: the file.
        size: (height, width) of the frames, pixels.
        masks: whether objects get masks; without, their `counts` are empty.

    Yields:
        objects whose `box` is the file's, 0-based, and whose mask is that box's part of the frame; boxes wholly outside
        the frame have an empty mask.

    Raises:
        InputError: naming file and line: a missing column, a number that is not finite, a box of no area.
    """
    height, width = size
    if height * width > rle.LARGEST_AREA:
        raise InputError(path, expected=f"a frame of at most {rle.LARGEST_AREA} pixels", found=f"{height} x {width}")
    for line in iter_lines(path):
        is_custom = line.class_id is not None and line.class_id not in BENCHMARK_CLASSES
        if line.class_id is None or (line.score != 0 and (is_custom or line.class_id in _CLASSES)):
            yield MotsObject(
                line.frame,
                line.track_id,
                _PEDESTRIAN if line.class_id is None else line.class_id if is_custom else _CLASSES[line.class_id],
                *size,
                filled(line.box, *size) if masks else b"",
                1.0 if line.score is None else line.score,
                line.box,
                # as `write_mot` marks it
                detected=line.score != 0 or line.track_id == UNTRACKED or line.class_id is not None,
            )


def filled(box: tuple[float, float, float, float], height: int, width: int) -> bytes:
    """RLE of the pixels whose centre lies in a box x1 y1 x2 y2; at least one where the box touches the frame.

    Examples:
        >>> rle.decode(filled((1, 0, 3, 1), 2, 4), 2, 4).astype(int)
        array([[0, 1, 1, 0],
               [0, 0, 0, 0]])
    """
    x1, y1, x2, y2 = box
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        return rle.from_spans(np.zeros((0, 2), np.int64), height, width)
    left, right = _centres(x1, x2, width)
    top, bottom = _centres(y1, y2, height)
    columns = np.arange(left, right) * height
    return rle.from_spans(np.column_stack((columns + top, columns + bottom)), height, width)


def _centres(low: float, high: float, limit: int) -> tuple[int, int]:
    """First pixel whose centre lies at or after `low`, and the first at or after `high`, at least one apart."""
    first = min(max(math.ceil(low - 0.5), 0), limit - 1)
    return first, max(min(math.ceil(high - 0.5), limit), first + 1)


def write_mot(path: Path, objects: Iterable[MotsObject]) -> None:
    """Write MOT-Challenge results, `frame,id,x,y,width,height,score,-1,-1,-1`; the file appears when it is whole.

    Frames must count from 1; the box is the object's own, or else the mask's. What nobody detected, but a tracker
    filled in, has the score 0.
    """
    with replacing(path) as file:
        for obj in objects:
            if obj.frame < 1:
                raise InputError(
                    path,
                    expected="frames that count from 1, as MOT-Challenge has them",
                    found=f"frame {obj.frame}",
                    hint="`stc-convert --shift 1` adds 1 to every frame",
                )
            x1, y1, x2, y2 = obj.box or rle.tight_box(obj.counts, obj.height, obj.width).tolist()
            box = f"{x1 + 1:.9g},{y1 + 1:.9g},{x2 - x1:.9g},{y2 - y1:.9g}"
            score = obj.score if obj.detected else 0
            file.write(f"{obj.frame},{obj.track_id},{box},{score:.9g},-1,-1,-1\n".encode())
