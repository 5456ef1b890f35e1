"""Boxes in MOT-Challenge text (Milan et al., MOT16): `frame,id,x,y,width,height[,confidence[,class[,visibility]]]`.

Frames count from 1 in temporal order, and the upper left pixel is (1, 1). Files of 8 or 9 columns name a class
(truth, and CVAT's export); those of 7 or 10 do not (detections, whose columns 8 to 10 are a place in the world).
"""

from __future__ import annotations

from pathlib import Path

from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.formats.mot_boxes import UNTRACKED, iter_lines
from stc_track.io.errors import InputError

# The benchmark's own classes; the rest of its numbers mark what is no object, or nobody can tell.
CLASS_NAMES = {
    1: "pedestrian",
    2: "person on vehicle",
    3: "car",
    4: "bicycle",
    5: "motorbike",
    6: "non motorized vehicle",
    7: "static person",
}


def read_mot(path: Path, names: dict[int, str] | None = None) -> tuple[list[BoxRow], dict[int, str]]:
    """Read a file of one video's boxes.

    In truth a confidence of 0 says that the box does not count: it becomes an ignore region. So do, where the classes
    are the benchmark's own, those that are no objects (distractor, occluder, reflection, crowd).

    Args:
        path: the file.
        names: class number to name, for files of other classes than the benchmark's; None looks for CVAT's
            `labels.txt` beside the file (a name a line, counted from 1), and else takes the benchmark's.

    Returns:
        the rows, and class number to name: all of `names`, or those of the benchmark's that there is an object of.

    Raises:
        InputError: naming file and line: a missing column, a number that is not finite, a box of no area.
    """
    labels = _labels(path) if names is None else None
    own = names if names is not None else labels
    rows = []
    for line in iter_lines(path):
        class_id = line.class_id or 1
        if labels is not None and class_id not in labels:
            raise InputError(line.where, expected=f"a class of the {len(labels)} in labels.txt", found=str(class_id))
        ignore = line.class_id is not None and (line.score == 0 or (own is None and class_id not in CLASS_NAMES))
        rows.append(
            BoxRow(
                line.frame - 1,
                line.box,
                class_id,
                None if line.track_id == UNTRACKED else line.track_id,
                line.where,
                ignore,
                line.score,
            )
        )
    if own is not None:
        return rows, own
    return rows, {
        number: name
        for number, name in CLASS_NAMES.items()
        if any(row.class_id == number and not row.ignore for row in rows)
    }


def _labels(path: Path) -> dict[int, str] | None:
    labels = path.with_name("labels.txt")
    if not labels.is_file():
        return None
    names = labels.read_text(encoding="utf-8", errors="replace").split("\n")
    return {number: name.strip() for number, name in enumerate(names, 1) if name.strip()}
