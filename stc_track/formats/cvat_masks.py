"""CVAT's XML for video, version 1.1, with masks: `<mask rle>`, as CVAT itself writes them.

CVAT interpolates no masks and knows no tracks of them: of a `<track>` of masks it loads the first one and drops the
rest. So each mask is a `<track>` of its own, of one frame, with an entry behind it that says that it ends there; what
holds an object's masks together is their attribute `track_id`, which is declared with the labels.

`rle` holds lengths of runs, background first, row by row within the box `left`, `top`, `width`, `height`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from stc_track.formats.base import Tracks
from stc_track.formats.cvat import head
from stc_track.formats.mots import IGNORE_NAME, MotsObject
from stc_track.io.files import replacing
from stc_track.io.pictures import Frames
from stc_track.masks import rle

ID_ATTRIBUTE = "track_id"
_SPECIFICATION = (
    f"<attribute><name>{ID_ATTRIBUTE}</name><mutable>False</mutable><input_type>number</input_type>"
    "<default_value>0</default_value><values>0;2147483647;1</values></attribute>"
)


def write_cvat_masks(path: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    """Write one sequence; the file appears when it is whole.

    Args:
        path: the file.
        tracks: CVAT counts frames from 0: those that are listed by their position, else by their number.
        class_names: by number; a class without a name becomes `class N`, ignored regions `ignore`, whatever their
            class.

    Raises:
        InputError: an object that the listed frames have no place for.
    """
    shapes: list[tuple[int, str, MotsObject]] = []
    last, size = -1, (0, 0)
    for obj in tracks.objects:
        size, last = (obj.height, obj.width), obj.frame
        position = tracks.frames.require(obj.frame, size, tracks.name) if tracks.frames else obj.frame
        label = IGNORE_NAME if obj.ignored else class_names.get(obj.class_id, f"class {obj.class_id}")
        shapes.append((position, label, obj))
    frames = tracks.frames or Frames.counted(last + 1, size, tracks.name)
    labels = list(dict.fromkeys(label for _, label, _ in shapes))
    with replacing(path, "w") as file:
        file.write(head(tracks.name, frames, labels, _SPECIFICATION))
        for index, (position, label, obj) in enumerate(shapes):
            file.write(f'  <track id="{index}" label={quoteattr(label)} source="auto">\n')
            file.write(_mask(position, obj))
            if position + 1 < len(frames.numbers):
                file.write(_end(position + 1))
            file.write("  </track>\n")
        file.write("</annotations>\n")


def row_runs(mask: np.ndarray) -> np.ndarray:
    """Lengths of the alternating runs of a mask (h, w) bool, row by row, background first.

    Examples:
        >>> row_runs(np.array([[False, True], [True, True]])).tolist()
        [1, 3]
        >>> row_runs(np.array([[True, False]])).tolist()
        [0, 1, 1]
    """
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(np.concatenate(([0], edges, [flat.size])))


def _mask(frame: int, obj: MotsObject) -> str:
    (x1, y1, x2, y2), mask = rle.decode_box(obj.counts, obj.height, obj.width)
    runs = ", ".join(map(str, row_runs(mask).tolist()))
    return (
        f'    <mask frame="{frame}" keyframe="1" outside="0" occluded="0" rle="{runs}" left="{x1}" top="{y1}" '
        f'width="{x2 - x1}" height="{y2 - y1}" z_order="0">\n'
        f'      <attribute name="{ID_ATTRIBUTE}">{obj.track_id}</attribute>\n    </mask>\n'
    )


def _end(frame: int) -> str:
    """The entry that a mask's track ends before this frame; it holds one pixel of background."""
    return (
        f'    <mask frame="{frame}" keyframe="1" outside="1" occluded="0" rle="1" left="0" top="0" width="1" '
        'height="1" z_order="0"></mask>\n'
    )
