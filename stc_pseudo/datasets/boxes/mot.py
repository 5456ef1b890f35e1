"""Boxes in MOT-Challenge text (Milan et al., MOT16): `frame,id,x,y,width,height[,confidence[,class[,visibility]]]`.

Frames count from 1 in temporal order, and the upper left pixel is (1, 1). Files of 8 or 9 columns name a class
(truth, and CVAT's export); those of 7 or 10 do not (detections, whose columns 8 to 10 are a place in the world).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.formats.mot_boxes import BENCHMARK_CLASSES, UNTRACKED, iter_lines
from stc_track.io.errors import InputError
from stc_track.io.text import read_text

if TYPE_CHECKING:
    from stc_pseudo.datasets.boxes.source import BoxSource

# The benchmark's own classes.
CLASS_NAMES = {
    1: "pedestrian",
    2: "person on vehicle",
    3: "car",
    4: "bicycle",
    5: "motorbike",
    6: "non motorized vehicle",
    7: "static person",
}
# The rest of its numbers mark what is no object, or nobody can tell.
NO_OBJECTS = frozenset(BENCHMARK_CLASSES) - frozenset(CLASS_NAMES)


def read_mot(path: Path, video: VideoSequence, source: BoxSource) -> tuple[list[BoxRow], dict[int, str]]:
    """Read a file of one video's boxes.

    In truth a confidence of 0 says that the box does not count: it becomes an ignore region. So do, where the classes
    are the benchmark's own, those that are no objects (distractor, occluder, reflection, crowd). A number that is none
    of the benchmark's is a class of the file's own, called by its number.

    Args:
        path: the file.
        video: its frames.
        source: `class_names` for files of other classes than the benchmark's; None looks for CVAT's `labels.txt` beside
            the file (a name a line, counted from 1), and else takes the benchmark's.

    Returns:
        the rows, and class number to name: all of `class_names`, or those that there is an object of.

    Raises:
        InputError: naming file and line: a missing column, a number that is not finite, a box of no area; or frames
            that may be meant in two ways.
    """
    names = source.wanted
    labels = _labels(path) if names is None else None
    class_names = names if names is not None else labels
    rows = []
    lines = list(iter_lines(path))
    position_of = _positions({line.frame for line in lines}, path, video, source)
    for line in lines:
        position = position_of(line.frame, line.where)
        if position is None:
            continue
        class_id = 1 if line.class_id is None else line.class_id
        if labels is not None and class_id not in labels:
            raise InputError(line.where, expected=f"a class of the {len(labels)} in labels.txt", found=str(class_id))
        ignore = line.class_id is not None and (line.score == 0 or (class_names is None and class_id in NO_OBJECTS))
        rows.append(
            BoxRow(
                position,
                line.box,
                class_id,
                None if line.track_id == UNTRACKED else line.track_id,
                line.where,
                ignore,
                line.score,
            )
        )
    if class_names is not None:
        return rows, class_names
    numbers = sorted({row.class_id for row in rows if not row.ignore})
    return rows, {number: CLASS_NAMES.get(number, f"class {number}") for number in numbers}


def _positions(
    frames: set[int], path: Path, video: VideoSequence, source: BoxSource
) -> Callable[[int, str], int | None]:
    """Position in the video by the file's number of a frame and the place that has it; None outside the range.

    The benchmark's frame k is the k-th picture, and its name is k. Where pictures have other numbers, one of both must
    be meant.
    """
    first, step = 1 if source.first_frame is None else source.first_frame, source.frame_step or 1
    numbers, wanted = video.numbers, source.frame_range
    by_number = {number: t for t, number in enumerate(numbers)}

    def counted(frame: int, where: str) -> int | None:
        position = (frame - first) * step
        # past the last one, as those that are there count on
        return position if wanted is None or 0 <= position < len(video) or numbers[0] + position in wanted else None

    def named(frame: int, where: str) -> int | None:
        if frame not in by_number and (wanted is None or frame in wanted):
            raise InputError(where, expected=f"the number of a picture of '{video.name}'", found=str(frame))
        return by_number.get(frame)

    from_0 = numbers[0] == 0 and numbers[-1] == len(video) - 1  # files count from 1 all the same
    inside = [frame for frame in frames if wanted is None or frame in wanted]
    if source.first_frame is not None or from_0 or not inside or not all(frame in by_number for frame in inside):
        return counted
    if max(frames) * step > len(video):
        return named
    if any(by_number[frame] != (frame - 1) * step for frame in inside):
        raise InputError(
            path,
            expected="numbers of frames that can be meant in one way only",
            found=f"those of pictures {numbers[0]} to {numbers[-1]} that count the {len(video)} pictures as well",
            hint="`boxes_first_frame=1` counts the pictures that are there",
        )
    return counted


def _labels(path: Path) -> dict[int, str] | None:
    labels = path.with_name("labels.txt")
    if not labels.is_file():
        return None
    names = read_text(labels, "names of classes").splitlines()
    return {number: name.strip() for number, name in enumerate(names, 1) if name.strip()}
