"""Boxes in MOT-Challenge text (Milan et al., MOT16): `frame,id,x,y,width,height[,confidence[,class[,visibility]]]`.

Frames count from 1 in temporal order, and the upper left pixel is (1, 1). Files of 8 or 9 columns name a class
(truth, and CVAT's export); those of 7 or 10 do not (detections, whose columns 8 to 10 are a place in the world).
"""

from __future__ import annotations

from pathlib import Path

from stc_pseudo.datasets.box_rows import BoxRow
from stc_track.formats.errors import InputError, require_file
from stc_track.formats.text import real, whole

LINE = "'frame,id,x,y,width,height' and confidence, class, visibility"
# The benchmark's own classes; the rest of its numbers mark what is no object, or nobody can tell.
CLASS_NAMES = {1: "pedestrian", 2: "person on vehicle", 3: "car", 4: "bicycle", 5: "motorbike",
               6: "non motorized vehicle", 7: "static person"}
UNTRACKED = -1
_NAMES = ("x", "y", "a width", "a height")


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
    with require_file(path, f"a text file of lines {LINE}").open("rb") as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(b"\xef\xbb\xbf").strip()
            if line:
                fields = [field.strip() for field in line.split(b"," if b"," in line else None)]
                rows.append(_row(fields, f"{path}:{number}", own))
                if labels is not None and rows[-1].class_id not in labels:
                    raise InputError(f"{path}:{number}", expected=f"a class of the {len(labels)} in labels.txt",
                                     found=str(rows[-1].class_id))
    if own is not None:
        return rows, own
    return rows, {number: name for number, name in CLASS_NAMES.items()
                  if any(row.class_id == number and not row.ignore for row in rows)}


def _row(fields: list[bytes], where: str, own: dict[int, str] | None) -> BoxRow:
    if len(fields) < 6:
        raise InputError(where, expected=f"at least 6 columns, {LINE}", found=str(len(fields)))
    frame = whole(fields[0], "a frame", where, 1)
    track = int(real(fields[1], "an id", where))  # some write 3.0
    x, y, width, height = (real(field, name, where) for field, name in zip(fields[2:6], _NAMES, strict=True))
    if width <= 0 or height <= 0:
        raise InputError(where, expected="a box of positive width and height", found=f"{width:g} {height:g}")
    score = real(fields[6], "a confidence", where) if len(fields) > 6 else None
    class_id, ignore = 1, False
    if len(fields) in (8, 9) and whole(fields[7], "a class", where, -1) > 0:
        class_id = int(fields[7])
        ignore = score == 0 or (own is None and class_id not in CLASS_NAMES)
    return BoxRow(frame - 1, (x - 1, y - 1, x - 1 + width, y - 1 + height), class_id,
                  None if track == UNTRACKED else track, where, ignore, score)


def _labels(path: Path) -> dict[int, str] | None:
    labels = path.with_name("labels.txt")
    if not labels.is_file():
        return None
    names = labels.read_text(encoding="utf-8", errors="replace").split("\n")
    return {number: name.strip() for number, name in enumerate(names, 1) if name.strip()}
