"""The MOTS text formats (Voigtlaender et al., MOTS, CVPR 2019): annotations and results, and public detections.

Annotations and results have one object a line, `frame id class height width rle`; detections
`frame x1 y1 x2 y2 score class height width rle`, further columns ignored. `rle` is compressed COCO RLE.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.remote_path import AnyPath
from stc_track.io.text import lines
from stc_track.io.values import LARGEST_ID, real, whole
from stc_track.masks import rle

CLASS_NAMES = {1: "car", 2: "pedestrian"}  # KITTI MOTS
IGNORE_CLASS = 10  # KITTI MOTS, and no other format: a region where nothing is known
IGNORE_NAME = "ignore"
IGNORE_ID = 10000  # of every such region
IDS_PER_CLASS = 1000  # a file names track k of class c as c * 1000 + k

MOTS_LINE = "'frame id class height width rle'"
DETECTION_LINE = "'frame x1 y1 x2 y2 score class height width rle'"


# Both are read-only; they are made by the hundred thousand, and a frozen data class takes four times as long to make.
@dataclass(slots=True, unsafe_hash=True)
class MotsObject:
    """One object on one frame, with its track.

    Attributes:
        frame: the data set's number of the frame, 0 or more.
        track_id: unique over the sequence per object (KITTI MOTS: `class * 1000 + k`).
        class_id: KITTI MOTS: 1 car, 2 pedestrian, 10 ignore region.
        height, width: of the frame, pixels.
        counts: compressed COCO RLE of the mask; empty where there is a box alone.
        score: confidence, larger is surer; formats without scores leave 1.
        box: x1 y1 x2 y2, pixels, x2 and y2 exclusive, where somebody gave one; None stands for the mask's own.
        ignored: whether it is no object but a region where nothing is known. Readers say so by what their format has
            for it; such regions may share an id.
        detected: False where a tracker filled it in.
    """

    frame: int
    track_id: int
    class_id: int
    height: int
    width: int
    counts: bytes
    score: float = 1.0
    box: tuple[float, float, float, float] | None = None
    ignored: bool = False
    detected: bool = True


@dataclass(slots=True, unsafe_hash=True)
class Detection:
    """One detected object on one frame.

    Attributes:
        frame: the data set's number of the frame, 0 or more.
        box: x1 y1 x2 y2, pixels, x2 and y2 exclusive.
        score: confidence, larger is surer.
        class_id: as in MotsObject.
        height, width: of the frame, pixels.
        counts: compressed COCO RLE of the mask; empty where there is a box alone.
    """

    frame: int
    box: tuple[float, float, float, float]
    score: float
    class_id: int
    height: int
    width: int
    counts: bytes


def iter_mots(path: AnyPath) -> Iterator[MotsObject]:
    """Objects of a KITTI MOTS text file in file order, one line in memory at a time.

    Raises:
        InputError: naming file and line: a missing column, a foreign number, a broken RLE, a second size in one file,
            an object's id for the second time among neighbouring lines of one frame. Ignore regions may share an id
            with each other, not with an object.
    """
    size, current = None, -1
    seen: dict[tuple[int, int], bool] = {}
    for number, fields in lines(path, f"a text file of lines {MOTS_LINE}"):
        where = f"{path}:{number}"
        _require_columns(fields, 6, MOTS_LINE, where, exact=True)
        frame, class_id = whole(fields[0], "a frame", where), whole(fields[2], "a class", where)
        track_id = whole(fields[1], "an id", where, high=LARGEST_ID)
        height, width, counts = _mask(fields[3:6], where, size)
        size = height, width
        if frame != current:
            current, seen = frame, {}
        obj = MotsObject(frame, track_id, class_id, height, width, counts, ignored=class_id == IGNORE_CLASS)
        if _is_repeated(obj, seen):
            raise InputError(where, expected=f"each id once on frame {frame}", found=f"{track_id} a second time")
        yield obj


def read_mots(path: AnyPath) -> dict[int, list[MotsObject]]:
    """Objects of a KITTI MOTS text file by frame number, in file order; ignore regions (class 10) are kept.

    Raises:
        InputError: as `iter_mots`, or where an object's id appears twice on one frame, lines of others between.
    """
    frames: dict[int, list[MotsObject]] = {}
    seen: dict[tuple[int, int], bool] = {}
    for obj in iter_mots(path):
        if _is_repeated(obj, seen):
            nth = 1 + sum(earlier.track_id == obj.track_id for earlier in frames[obj.frame])
            where = f"{path}:{line_of(path, obj.frame, obj.track_id, nth)}"
            expected, twice = f"each id once on frame {obj.frame}", f"{obj.track_id} a second time"
            raise InputError(where, expected=expected, found=twice)
        frames.setdefault(obj.frame, []).append(obj)
    return frames


def line_of(path: AnyPath, frame: int, track_id: int, nth: int = 1) -> int:
    """Number of the line on which a KITTI MOTS text file has an object for the `nth` time; the file must read."""
    matching = (
        number
        for number, fields in lines(path, MOTS_LINE)
        if [whole(text, "a number", path, high=LARGEST_ID) for text in fields[:2]] == [frame, track_id]
    )
    return next(itertools.islice(matching, nth - 1, None))


def write_mots(path: Path, objects: Iterable[MotsObject]) -> None:
    """Write a KITTI MOTS text file, in the order given; the file appears when it is whole."""
    with replacing(path) as file:
        for obj in objects:
            head = f"{obj.frame} {obj.track_id} {obj.class_id} {obj.height} {obj.width} "
            file.write(head.encode() + obj.counts + b"\n")


def iter_detections(path: Path, *, ordered: bool = False) -> Iterator[Detection]:
    """Detections of a public MOTS detection file in file order, one line in memory at a time.

    Args:
        path: the file.
        ordered: whether frames must increase.

    Raises:
        InputError: naming file and line: a missing column, a number that is not finite, a box of no area, a broken RLE,
            a second size in one file, a frame out of order.
    """
    size, last = None, 0
    for number, fields in lines(path, f"a text file of lines {DETECTION_LINE}"):
        where = f"{path}:{number}"
        _require_columns(fields, 10, DETECTION_LINE, where)
        frame = whole(fields[0], "a frame", where)
        if ordered and frame < last:
            hint = f"sort -s -n -k 1,1 {path.name}"
            raise InputError(where, expected=f"frames in increasing order, after {last}", found=f"{frame}", hint=hint)
        last = frame
        x1, y1, x2, y2 = (
            real(text, name, where) for text, name in zip(fields[1:5], ("x1", "y1", "x2", "y2"), strict=True)
        )
        if x2 <= x1 or y2 <= y1:
            raise InputError(where, expected="a box with x1 < x2 and y1 < y2", found=f"{x1:g} {y1:g} {x2:g} {y2:g}")
        score = real(fields[5], "a score", where)
        class_id = whole(fields[6], "a class", where)
        height, width, counts = _mask(fields[7:10], where, size)
        size = height, width
        yield Detection(frame, (x1, y1, x2, y2), score, class_id, height, width, counts)


def read_detections(path: Path) -> dict[int, list[Detection]]:
    """Detections of a public MOTS detection file by frame number, in file order; raises as `iter_detections`."""
    frames: dict[int, list[Detection]] = {}
    for detection in iter_detections(path):
        frames.setdefault(detection.frame, []).append(detection)
    return frames


class DetectionWriter:
    """Writes public MOTS detections; the file appears when the block ends without an exception.

    Examples:
        >>> with DetectionWriter(Path("predictions/0000.txt")) as writer:  # doctest: +SKIP
        ...     writer.write(Detection(0, (3, 4, 10, 20), 0.9, 1, 375, 1242, counts))
    """

    def __init__(self, path: Path) -> None:
        self._replacing = replacing(path)

    def __enter__(self) -> Self:
        self._file = self._replacing.__enter__()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._replacing.__exit__(*error)

    def write(self, detection: Detection) -> None:
        """Write one line; boxes and scores keep nine significant digits, which hold any float32."""
        box = " ".join(f"{value:.9g}" for value in detection.box)
        head = (
            f"{detection.frame} {box} {detection.score:.9g} {detection.class_id} {detection.height} {detection.width} "
        )
        self._file.write(head.encode() + detection.counts + b"\n")


def _is_repeated(obj: MotsObject, seen: dict[tuple[int, int], bool]) -> bool:
    """Whether an id stood on the frame before; two ignore regions may share one.

    Args:
        found: what has the id.
        seen: by frame and id, whether an ignore region has it; `found` is added.
    """
    key = obj.frame, obj.track_id
    repeated = key in seen and not (obj.ignored and seen[key])
    seen[key] = obj.ignored
    return repeated


def _require_columns(fields: list[bytes], count: int, line: str, where: str, *, exact: bool = False) -> None:
    if len(fields) < count or (exact and len(fields) > count):
        raise InputError(where, expected=f"{count} columns, {line}", found=f"{len(fields)}")


def _mask(fields: list[bytes], where: str, size: tuple[int, int] | None) -> tuple[int, int, bytes]:
    """Height, width and checked RLE; `size` is what the file's earlier lines said, None on its first."""
    height, width = whole(fields[0], "a height", where, 1), whole(fields[1], "a width", where, 1)
    if size is not None and (height, width) != size:
        raise InputError(
            where, expected=f"{size[0]} x {size[1]} pixels as in the lines before", found=f"{height} x {width}"
        )
    try:
        rle.validate(fields[2], height, width)
    except rle.RleError as error:
        raise InputError(where, expected=error.expected, found=error.found) from error
    return height, width, fields[2]
