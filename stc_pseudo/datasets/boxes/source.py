"""Files of boxes for video of one's own: which format a file has, and what the classes are."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stc_pseudo.datasets.base import FrameRange, VideoSequence
from stc_pseudo.datasets.boxes.rows import BoxRow, gather
from stc_track.io.errors import InputError, SettingError, require_file

log = logging.getLogger(__name__)

ENDINGS = {".json": "coco", ".txt": "mot", ".csv": "mot", ".xml": "cvat"}


@dataclass(frozen=True)
class BoxSource:
    """Where boxes come from, and what of them counts.

    Attributes:
        path: a file, or a folder of a file a video, `{sequence}.json`, `.txt`, `.csv` or `.xml`, or MOT-Challenge's
            `{sequence}/gt/gt.txt`.
        format_name: `coco`, `mot`, `cvat` or `mots`; None tells it by the content.
        class_names: the classes that count, by number, or numbered from 1; None takes the file's own.
        min_score: boxes of less confidence are left out.
        video_name: what the file calls the video (a folder, CVAT's task, MMTracking's video); None for the video's
            own name.
        first_frame: the file's number of a video's first frame, those after it counted on: of MOT-Challenge text, and
            of names of a video file's pictures; None for the format's rule.
        frame_step: frames from one number to the next; None where nobody said so.
        frame_range: of which numbers boxes count; None for all.
    """

    path: Path
    format_name: str | None = None
    class_names: tuple[str, ...] | Mapping[int, str] | None = None
    min_score: float | None = None
    video_name: str | None = None
    first_frame: int | None = None
    frame_step: int | None = None
    frame_range: FrameRange | None = None

    @property
    def wanted(self) -> dict[int, str] | None:
        """Names of the classes that count by number; None where the file says it."""
        if self.class_names is None or isinstance(self.class_names, Mapping):
            return self.class_names and dict(self.class_names)
        return dict(enumerate(self.class_names, 1))


def with_boxes(videos: list[VideoSequence], source: BoxSource) -> list[VideoSequence]:
    """Give videos their boxes; all get the same class names.

    Raises:
        InputError: no file of a video, a malformed one, none of its boxes counts, or two files number classes
            differently.
    """
    if source.video_name is not None and len(videos) > 1:
        raise SettingError("boxes_video", "one video", str(len(videos)), "`sequences=` takes one")
    rows, class_names = {}, source.wanted or {}
    for video in videos:
        path = file_of(video, source.path, alone=len(videos) == 1)
        rows[video.name], names = read_rows(path, video, source, alone=path != source.path or len(videos) == 1)
        for number, name in names.items():
            renamed = next(
                (
                    other
                    for other in class_names.items()
                    if (number, name) != other and (number == other[0] or name == other[1])
                ),
                None,
            )
            if renamed:
                raise InputError(
                    path,
                    expected=f"class {renamed[0]} alone to be '{renamed[1]}', as before",
                    found=f"class {number} as '{name}'",
                    hint="`class_names=` says the names in the order of their numbers",
                )
            class_names[number] = name
        if not any(not row.ignore for row in rows[video.name]):
            raise InputError(
                path,
                expected=f"at least one box of '{video.name}'",
                found="none",
                hint="`sequences=` leaves a video out; `class_names=` and `min_score=` leave boxes out",
            )
    return [
        replace(
            video,
            boxes=gather(rows[video.name], video.size, video.numbers, source.frame_range),
            class_names=class_names,
        )
        for video in videos
    ]


def file_of(video: VideoSequence, path: Path, alone: bool) -> Path:
    """The file of a video's boxes, `path` itself or one in that folder."""
    if not path.is_dir():
        require_file(path, "a file of boxes, or a folder of such", "`boxes=`")
        if not alone and recognise(path) != "coco":
            raise InputError(
                path,
                expected="a folder of a file a video, or a COCO file of all",
                found="one file",
                hint="`boxes=`, or `sequences=` to take one video",
            )
        return path
    candidates = [path / f"{video.name}{ending}" for ending in ENDINGS] + [path / video.name / "gt" / "gt.txt"]
    files = [candidate for candidate in candidates if candidate.is_file()]
    if len(files) != 1:
        names = ", ".join(candidate.relative_to(path).as_posix() for candidate in files or candidates)
        raise InputError(
            path,
            expected=f"one file of boxes of '{video.name}'",
            found=names if files else f"none of {names}",
            hint="`boxes=`",
        )
    return files[0]


def recognise(path: Path) -> str:
    """The format of a file, by its first character: JSON is COCO, XML is CVAT; numbers are MOT with commas, else MOTS.

    Raises:
        InputError: it begins otherwise.
    """
    with path.open("rb") as file:
        content = file.read(1024).removeprefix(b"\xef\xbb\xbf")
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # of which JSON and XML say so themselves
        content = content.decode("utf-16", "replace").encode("ascii", "replace")
    start = content.lstrip()[:1]
    if start in (b"{", b"["):
        return "coco"
    if start == b"<":
        return "cvat"
    if start.isdigit() or not start:
        return "mots" if _ends_in_mask(content.lstrip().partition(b"\n")[0].split()) else "mot"
    raise InputError(
        path,
        expected="boxes in COCO JSON, MOT-Challenge or MOTS text, or CVAT XML",
        found=f"a file of {start!r}",
        hint="`boxes_format=`",
    )


def _ends_in_mask(fields: list[bytes]) -> bool:
    """Whether a line ends in an encoded mask, as those of MOTS do, where MOT-Challenge has a number."""
    return len(fields) > 1 and not re.fullmatch(rb"[-+.,\deE]*", fields[-1])


def read_rows(path: Path, video: VideoSequence, source: BoxSource, alone: bool) -> tuple[list[BoxRow], dict[int, str]]:
    """Read one video's boxes that count, by `source`'s classes; and class number to name.

    Args:
        path: the file.
        video: its frames.
        source: what counts.
        alone: no other video takes boxes from the file.
    """
    format_name = source.format_name or recognise(path)
    wanted = source.wanted
    if format_name == "mot":
        from stc_pseudo.datasets.boxes.mot import read_mot

        rows, names = read_mot(path, video, source)
    elif format_name == "mots":
        from stc_pseudo.datasets.boxes.detections import read_detection_rows

        rows, names = read_detection_rows(path, video, source)
    elif format_name == "coco":
        from stc_pseudo.datasets.boxes.coco import read_coco

        rows, names = read_coco(path, video, source, alone)
    else:
        from stc_pseudo.datasets.boxes.cvat import read_cvat

        rows, names = read_cvat(path, video, source)
    if wanted is not None:
        number_of = {name: number for number, name in wanted.items()}
        new_number = {number: number_of.get(name) for number, name in names.items()}
        rows, names = _renumbered(rows, new_number), wanted
    if source.min_score is not None:
        rows = [row for row in rows if row.ignore or row.score is None or row.score >= source.min_score]
    log.debug(
        "%s: %d boxes of %s for '%s'",
        path,
        sum(not row.ignore for row in rows),
        ", ".join(names.values()) or "no class",
        video.name,
    )
    return rows, names


def _renumbered(rows: Iterable[BoxRow], new_number: dict[int, int | None]) -> list[BoxRow]:
    """Rows of the classes that have a new number, and ignore regions."""
    return [
        row if (number := new_number.get(row.class_id)) is None else replace(row, class_id=number)
        for row in rows
        if row.ignore or new_number.get(row.class_id) is not None
    ]
