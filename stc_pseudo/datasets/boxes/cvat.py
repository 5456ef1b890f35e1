"""Boxes in CVAT's XML, version 1.1: tracks (CVAT for video) or single boxes on pictures (CVAT for images).

A track gives its box at some frames, counted from 0 in the whole video; between two of them it moves linearly, it stays
where it is before one that says `outside`, is not there from such a one on, and stays after its last one to the task's
end. `<meta>` says which frames are the task's (`start_frame`, `stop_frame`, `frame_filter` as `step=5`); others have no
box. A project's file holds several tasks: its tracks and pictures name theirs.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.frame_names import VIDEO_HINT, FrameNames, OnePicture, of_video
from stc_pseudo.datasets.boxes.rows import BoxRow
from stc_track.io import values
from stc_track.io.errors import InputError, require_file

if TYPE_CHECKING:
    from stc_pseudo.datasets.boxes.source import BoxSource

log = logging.getLogger(__name__)

WHAT = "CVAT's XML, version 1.1"
OTHER_SHAPES = ("polygon", "polyline", "points", "mask", "ellipse", "cuboid", "skeleton")
STEP = re.compile(r"step\s*=\s*([1-9][0-9]{0,8})")


def read_cvat(path: Path, video: VideoSequence, source: BoxSource) -> tuple[list[BoxRow], dict[int, str]]:
    """Read one video's boxes from a file of one task, or of a project.

    Shapes other than boxes are left out, and the log says how many.

    Args:
        path: the file. A document type declaration, and so any entity, is refused.
        video: its frames.
        source: what the file calls the video, and how its names count.

    Returns:
        the rows, and class number to name, from 1 in the order of the file's labels.

    Raises:
        InputError: no such XML, a value that is missing or foreign, a label that the file does not list, frames of
            another size than the video's, or several tasks of which none is the video's.
    """
    require_file(path, WHAT)
    reader = _Reader(path, video, source)
    try:
        for _, element in iterparse(str(path), forbid_dtd=True):
            reader.take(element)
    except DefusedXmlException as error:
        expected = f"{WHAT}, without a document type declaration"
        raise InputError(path, expected=expected, found=str(error)[:80]) from error
    except (ParseError, LookupError, UnicodeError) as error:  # the last two: of an encoding
        raise InputError(path, expected=WHAT, found=str(error)[:80]) from error
    if not reader.is_cvat:
        raise InputError(path, expected=f"{WHAT}, <annotations> with tracks or images", found="neither")
    if reader.others:
        log.info("%s: %d shapes that are no boxes are left out", path, reader.others)
    return [*reader.rows, *reader.on_pictures()], {number: name for name, number in reader.labels.items()}


@dataclass(frozen=True, slots=True)
class _Task:
    """A task or job of `<meta>`.

    Attributes:
        number: its id, as text; empty without one.
        names: what it is called: its name, and its video file's with and without ending.
        start, stop: its first and last frame of the video; `stop` is None where nobody says it.
        step: frames of the video from one of its frames to the next.
        count: of its frames; None where nobody says it.
        subset: of the project, or None.
        size: its pictures' width and height as text, or None.
    """

    number: str
    names: tuple[str, ...]
    start: int
    stop: int | None
    step: int
    count: int | None
    subset: str | None
    size: tuple[str | None, str | None]


def _task(element: Element, where: str) -> _Task:
    def text(tag: str) -> str:
        return (element.findtext(tag) or "").strip()

    def number(tag: str) -> int | None:
        return values.whole(text(tag), tag, where) if text(tag) else None

    step = STEP.search(text("frame_filter"))
    if text("frame_filter") and step is None:
        raise InputError(where, expected="frame_filter, as step=5", found=ascii(text("frame_filter"))[:40])
    file = PurePosixPath(text("source").replace("\\", "/"))
    size = element.find("original_size")
    return _Task(
        text("id"),
        tuple(name for name in (text("name"), file.name, file.stem) if name),
        number("start_frame") or 0,
        number("stop_frame"),
        int(step[1]) if step else 1,
        number("size"),
        text("subset") or None,
        (None, None) if size is None else (size.findtext("width"), size.findtext("height")),
    )


class _Reader:
    """Takes each element when it ends, and drops what has been read."""

    def __init__(self, path: Path, video: VideoSequence, source: BoxSource) -> None:
        self.path, self.video, self.source = path, video, source
        self.rows: list[BoxRow] = []
        self.labels: dict[str, int] = {}
        self.listed = self.is_cvat = False
        self.others = self.tracks = 0
        self.tasks: list[_Task] = []
        self.task: _Task | None = None
        self.seen_tasks: dict[str, None] = {}  # in the order of the file
        self.pictures: list[tuple[Element, str]] = []

    def take(self, element: Element) -> None:
        """Read an element whose children have been read."""
        if element.tag == "labels":
            self.listed = True
            for label in element.iter("label"):
                self._number((label.findtext("name") or "").strip())
        elif element.tag == "meta":
            self._meta(element)
        elif element.tag in ("track", "image"):
            self.is_cvat = True
            if self._is_ours(element):
                self.others += sum(child.tag in OTHER_SHAPES for child in element)
                if element.tag == "track":
                    self.rows += self._track(element)
                else:
                    self._image(element)
            element.clear()
        elif element.tag == "annotations":
            self.is_cvat = True

    def _meta(self, element: Element) -> None:
        elements = [entry for tag in ("task", "job") for entry in element.iter(tag)]
        self.tasks = [
            _task(entry, f"{self.path}: {entry.tag} {entry.findtext('id') or ''}".rstrip()) for entry in elements
        ]
        self.task = self._chosen()
        if self.task is not None:
            self._require_size(*self.task.size, f"{self.path}: original_size")

    def _chosen(self) -> _Task | None:
        """The video's task; None where the file lists none."""
        name = self.source.video_name
        if not self.tasks or (len(self.tasks) == 1 and name is None):
            return self.tasks[0] if self.tasks else None
        wanted = self.video.name if name is None else name
        matching = [task for task in self.tasks if wanted in task.names or (name is not None and wanted == task.number)]
        if len(matching) != 1:
            listed = ", ".join(f"{task.number} '{task.names[0] if task.names else ''}'" for task in self.tasks)
            raise InputError(
                self.path,
                expected=f"one task '{wanted}', by its name or its video file's",
                found=(f"{len(matching)} of it among " if matching else "") + listed[:80],
                hint=f"{VIDEO_HINT}: a task's name or id",
            )
        return matching[0]

    def _is_ours(self, element: Element) -> bool:
        """Whether a track or picture is the video's task's."""
        number = (element.get("task_id") or "").strip()
        self.seen_tasks.setdefault(number)
        where = f"{self.path}: {element.tag} {element.get('id', '')}".rstrip()
        if len(self.tasks) > 1:
            if number not in {task.number for task in self.tasks}:
                expected = "task_id, that of one of the project's tasks"
                raise InputError(where, expected=expected, found=ascii(number or "none")[:40])
            return number == self.task.number
        if len(self.seen_tasks) > 1:
            found = f"'{number}' after '{next(iter(self.seen_tasks))}'"
            hint = "export the video's task by itself"
            raise InputError(where, expected="one task_id, as no tasks are listed", found=found, hint=hint)
        return True

    def _frames(self, subset: str | None, where: str) -> tuple[range, int]:
        """The task's frames in the video, and what its tracks' numbers are ahead of these.

        A project's file counts on from one task to the next of the same subset.
        """
        task, count = self.task, len(self.video)
        if task is None:
            return range(count), 0
        wanted = self.source.frame_range
        if task.stop is not None and task.stop >= count and (wanted is None or task.stop in wanted):
            raise InputError(
                self.path,
                expected=f"a task of the video's {count} frames",
                found=f"one up to frame {task.stop}, from 0",
                hint="`frames_range=` takes a part of the video",
            )
        frames = range(task.start, count if task.stop is None else min(task.stop + 1, count), task.step)
        offset, before = 0, self.tasks[: self.tasks.index(task)]
        for other in before:
            if other.subset is None or (task.subset or subset) is None:
                raise InputError(
                    where,
                    expected="the subset of each task, to know where its frames begin",
                    found="none",
                    hint="export the video's task by itself",
                )
            if other.subset != (task.subset or subset):
                offset = 0
            elif other.count is None:
                raise InputError(where, expected=f"size of task {other.number}", found="none")
            else:
                offset += other.start + other.step * other.count
        return frames, offset

    def _track(self, element: Element) -> Iterator[BoxRow]:
        self.tracks += 1
        where = f"{self.path}: track {element.get('id', self.tracks)}"
        class_id = self._class(element.get("label"), where)
        frames, offset = self._frames(element.get("subset"), where)
        end = frames[-1] + 1 if frames else 0
        wanted = self.source.frame_range
        corners: dict[int, tuple[float, ...] | None] = {}
        for box in element.findall("box"):
            number = values.whole(box.get("frame"), "frame", where)
            frame, here = number - offset, f"{where}, frame {number}"
            if frame in corners:
                raise InputError(here, expected="a box once on a frame", found="a second one")
            outside = values.flag(box.get("outside"), "outside", here)
            # one that only ends the track may lie past the task's end
            if not outside and frame not in frames and (wanted is None or frame in wanted):
                expected = f"frames {frames.start} to {end - 1}" + (
                    f", every {frames.step}." if frames.step > 1 else ""
                )
                raise InputError(here, expected=expected, found=str(frame))
            corners[frame] = None if outside else self._corners(box, here)
        keys = sorted(corners)
        for frame, following in zip(keys, [*keys[1:], max(end, keys[-1] + 1) if keys else 0], strict=False):
            first, last = corners[frame], corners.get(following)
            if first is None:
                continue
            for position in range(frame, min(following, end)):
                if position not in frames:
                    continue
                share = (position - frame) / (following - frame) if last is not None else 0
                box = tuple(a + share * (b - a) for a, b in zip(first, last or first, strict=True))
                yield BoxRow(position, box, class_id, self.tracks, f"{where}, frame {position}")

    def _image(self, element: Element) -> None:
        where = f"{self.path}: image {element.get('name', '')!r}"
        kept = Element("image", element.attrib)
        for box in element.findall("box"):  # read once it is known whether the picture is the video's
            kept.append(Element("box", box.attrib))
        self.pictures.append((kept, where))

    def on_pictures(self) -> Iterator[BoxRow]:
        """The boxes of single pictures that are the video's."""
        files = [PurePosixPath((element.get("name") or "").replace("\\", "/")) for element, _ in self.pictures]
        name = None if self.task is not None else self.source.video_name
        of_this_video = of_video([file.parts[:-1] for file in files], self.video, name, True, self.path)
        names = FrameNames(self.video, self.source.first_frame or 0, self.source.frame_step, self.source.frame_range)
        once = OnePicture(self.video)
        for (element, where), file, counts in zip(self.pictures, files, of_this_video, strict=True):
            if not counts:
                continue
            self._require_size(element.get("width"), element.get("height"), where)
            boxes = element.findall("box")
            try:
                position = names.position(file, where)
            except InputError:
                if boxes:
                    raise
                continue  # nothing is lost with it
            if position is None:
                continue
            once.take(position, f"{where}, id {element.get('id', '')}")
            for box in boxes:
                yield BoxRow(position, self._corners(box, where), self._class(box.get("label"), where), None, where)

    def _corners(self, box: Element, where: str) -> tuple[float, ...]:
        """x1 y1 x2 y2 of a box; around it, if it is turned (degrees about its centre)."""
        x1, y1, x2, y2 = (values.real(box.get(name), name, where) for name in ("xtl", "ytl", "xbr", "ybr"))
        if not (x2 > x1 and y2 > y1):
            raise InputError(where, expected="a box with xtl < xbr and ytl < ybr", found=f"{x1:g} {y1:g} {x2:g} {y2:g}")
        angle = math.radians(values.real(box.get("rotation", "0"), "rotation", where))
        if not angle:
            return x1, y1, x2, y2
        cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
        half_x = ((x2 - x1) * cosine + (y2 - y1) * sine) / 2
        half_y = ((x2 - x1) * sine + (y2 - y1) * cosine) / 2
        centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
        return centre_x - half_x, centre_y - half_y, centre_x + half_x, centre_y + half_y

    def _class(self, label: str | None, where: str) -> int:
        if not label or (self.listed and label not in self.labels):
            raise InputError(
                where,
                expected=f"a label of {', '.join(self.labels) or 'any name'}",
                found=ascii((label or "none")[:40]),
            )
        return self._number(label)

    def _number(self, label: str) -> int:
        return self.labels.setdefault(label, len(self.labels) + 1)

    def _require_size(self, width: str | None, height: str | None, where: str) -> None:
        expected = self.video.size[::-1]
        if not width or not height:
            return
        if (values.whole(width, "width", where), values.whole(height, "height", where)) != expected:
            raise InputError(
                where,
                expected=f"pictures of the frames' {expected[0]}x{expected[1]} pixels",
                found=f"{width.strip()}x{height.strip()}"[:40],
            )
