"""KITTI tracking labels, `label_02/{sequence}.txt`: human boxes with track ids (Geiger et al., CVPR 2012)."""

from __future__ import annotations

from dataclasses import dataclass

from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath
from stc_track.io.text import lines
from stc_track.io.values import real, shown, whole

LABEL_LINE = "'frame id kind truncated occluded alpha x1 y1 x2 y2' and 7 columns in 3-D"
_COLUMNS = 17


@dataclass(frozen=True, slots=True)
class KittiLabel:
    """One labelled box.

    Attributes:
        frame: number of the frame, 0 or more.
        track_id: of the object over the sequence; -1 for DontCare.
        kind: KITTI's name of the class (Car, Van, Pedestrian, ..., DontCare).
        box: x1 y1 x2 y2, pixels, as KITTI writes them: 0-based, continuous.
        truncated: KITTI's level, 0 to 2; -1 unknown.
        occluded: KITTI's level, 0 to 3; -1 unknown.
        line: line number in the file, from 1.
    """

    frame: int
    track_id: int
    kind: str
    box: tuple[float, float, float, float]
    truncated: float
    occluded: int
    line: int


def read_labels(path: AnyPath) -> list[KittiLabel]:
    """Labels of one sequence in file order, DontCare among them.

    Raises:
        InputError: naming file and line: a missing column, a foreign number, a box of no area.
    """
    labels = []
    for number, fields in lines(path, f"a text file of lines {LABEL_LINE}"):
        where = f"{path}:{number}"
        if len(fields) < _COLUMNS:
            raise InputError(where, expected=f"{_COLUMNS} columns, {LABEL_LINE}", found=f"{len(fields)}")
        kind = fields[2]
        if not kind.replace(b"_", b"").isalpha():
            raise InputError(where, expected="a class name such as Car", found=shown(kind))
        x1, y1, x2, y2 = (
            real(text, name, where) for text, name in zip(fields[6:10], ("x1", "y1", "x2", "y2"), strict=True)
        )
        if x2 <= x1 or y2 <= y1:
            raise InputError(where, expected="a box with x1 < x2 and y1 < y2", found=f"{x1:g} {y1:g} {x2:g} {y2:g}")
        labels.append(
            KittiLabel(
                frame=whole(fields[0], "a frame", where),
                track_id=whole(fields[1], "an id", where, low=-1),
                kind=kind.decode(),
                box=(x1, y1, x2, y2),
                truncated=real(fields[3], "a truncation", where),
                occluded=whole(fields[4], "an occlusion", where, low=-1),
                line=number,
            )
        )
    return labels
