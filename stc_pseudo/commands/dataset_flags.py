"""The flags that name a data set, the same in every command that reads one."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stc_track.io.errors import InputError
from stc_track.io.options import PLACE, NumberRange, NumbersFromTo, local_path, split_names
from stc_track.io.remote_path import AnyPath, RemotePath

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import FrameRange, VideoSequence
    from stc_pseudo.datasets.boxes.source import BoxSource

OWN = "frames"  # video of one's own, which is in no data set's layout
DEFAULT_ROOTS = {
    "kitti": Path("data/kitti_mots"),
    "demo": Path("runs/demo/data"),
    "ytvis": Path("data/youtube_vis"),
    OWN: Path("runs/frames"),
}
KITTI_BOXES = ("instances", "labels")
OWN_BOXES = ("boxes_format", "boxes_video", "boxes_first_frame", "boxes_frame_step", "class_names", "min_score")


@dataclass(frozen=True)
class DatasetFlags:
    """What a user said of the data; an option each.

    Attributes:
        dataset: the layout, a key of `DEFAULT_ROOTS`; None where `frames` says it all.
        root: the data set's folder, or where video files are unpacked; None for the usual place.
        sequences: names, or None for all.
        frames_range: the first number of frames that count, and the first that does not any more; None for all.
        frames: of `--dataset frames`: video files, folders of frames, folders of such.
        boxes: `instances` or `labels` of kitti and demo; ytvis' JSON file, or None for the only one; the file or
            folder of boxes of `--dataset frames`.
        boxes_format, boxes_video, boxes_first_frame, boxes_frame_step, class_names, min_score: as in
            `stc_pseudo.datasets.boxes.source.BoxSource`.
    """

    dataset: str | None = None
    root: AnyPath | None = None
    sequences: list[str] | None = None
    frames_range: tuple[int, int | None] | None = None
    frames: tuple[AnyPath, ...] = ()
    boxes: str | None = None
    boxes_format: str | None = None
    boxes_video: str | None = None
    boxes_first_frame: int | None = None
    boxes_frame_step: int | None = None
    class_names: str | None = None
    min_score: float | None = None

    def __post_init__(self) -> None:
        if self.frames and self.dataset not in (None, OWN):
            raise InputError("--frames", expected=f"--dataset {OWN} or none", found=f"--dataset {self.dataset}")
        if self.dataset == OWN and not self.frames:
            raise InputError(
                f"--dataset {OWN}",
                expected="a video file, or a folder of frames",
                found="none",
                hint="--frames names it",
            )
        if self.frames:
            object.__setattr__(self, "dataset", OWN)
        for flag in OWN_BOXES:
            if getattr(self, flag) is not None and self.dataset != OWN:
                raise InputError(
                    f"--{flag.replace('_', '-')}", expected=f"--dataset {OWN}", found=f"--dataset {self.dataset}"
                )

    @property
    def folder(self) -> AnyPath:
        """The data set's folder."""
        return self.root or DEFAULT_ROOTS[self.dataset]

    def read(self, boxes: bool = True, pictures: bool = False) -> list[VideoSequence]:
        """Read the sequences; frames stay on disk, video files are unpacked.

        Args:
            boxes: read the boxes as well.
            pictures: of `--frames`, take single pictures too.

        Raises:
            InputError: something is missing or malformed.
        """
        names = self.sequences
        if isinstance(self.folder, RemotePath) and self.dataset not in (None, "kitti"):
            hint = "a bucket may hold KITTI's layout, and folders that --frames names"
            raise InputError("--root", expected="a folder on a disk", found=str(self.folder), hint=hint)
        if self.dataset is None:
            raise InputError("--dataset", expected="a data set, or --frames", found="neither")
        if self.dataset == OWN:
            from stc_pseudo.datasets.frames import read_frames

            source = self._box_source() if boxes else None
            return read_frames(self.frames, self.folder, names, source, self._range(), pictures)
        if self.dataset == "ytvis":
            from stc_pseudo.datasets.youtube_vis import read_youtube_vis

            annotations = self.boxes and _path_of_boxes(self.boxes)
            return read_youtube_vis(self.folder, names, annotations, boxes, self._range())
        from stc_pseudo.datasets.kitti import boxes_there, read_kitti

        source = self.boxes or boxes_there(self.folder)
        if source not in KITTI_BOXES:
            raise InputError(
                "--boxes",
                expected=" or ".join(KITTI_BOXES),
                found=f"'{source}'",
                hint=f"--dataset {OWN} takes boxes from a file",
            )
        return read_kitti(self.folder, names, source if boxes else None, self._range())

    def _range(self) -> FrameRange | None:
        from stc_pseudo.datasets.base import FrameRange

        return self.frames_range and FrameRange(*self.frames_range)

    def _box_source(self) -> BoxSource:
        from stc_pseudo.datasets.boxes.source import BoxSource

        if self.boxes is None:
            raise InputError(
                f"--dataset {OWN}",
                expected="a file of boxes, or a folder of a file a video",
                found="none",
                hint="--boxes names it",
            )
        return BoxSource(
            _path_of_boxes(self.boxes),
            self.boxes_format,
            None if self.class_names is None else numbered_names(self.class_names),
            self.min_score,
            self.boxes_video,
            self.boxes_first_frame,
            self.boxes_frame_step,
        )


def numbered_names(text: str) -> dict[int, str]:
    """The names in `a,b` by number from 1, or in `0=a,7=b` by those numbers.

    Raises:
        InputError: a name or number twice, or a number that is missing or foreign.

    Examples:
        >>> numbered_names("car, person"), numbered_names("0=person,2=car")
        ({1: 'car', 2: 'person'}, {0: 'person', 2: 'car'})
    """
    parts = [part.strip() for part in text.rstrip(", ").split(",")]
    numbered = [re.fullmatch(r"([0-9]{1,9})\s*=\s*(.*\S)", part) for part in parts]
    if all(numbered):
        pairs = [(int(match[1]), match[2]) for match in numbered]
    else:
        pairs = [
            (number, "" if match else name) for number, (name, match) in enumerate(zip(parts, numbered, strict=True), 1)
        ]
    if not all(name for _, name in pairs) or any(len(set(values)) < len(pairs) for values in zip(*pairs, strict=True)):
        expected = "different names with commas between, either none or all of them as 0=name"
        raise InputError("--class-names", expected=expected, found=text)
    return dict(pairs)


def _path_of_boxes(text: str) -> Path:
    try:
        return local_path(text)
    except ValueError as error:
        raise InputError("--boxes", expected="a file or folder", found=text, hint=str(error)) from error


def _limit_pixels(ctx: click.Context, option: click.Parameter, value: int | None) -> None:
    if value is not None:
        from stc_pseudo.datasets.images import PIXELS_VARIABLE

        os.environ[PIXELS_VARIABLE] = str(value)


max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    callback=_limit_pixels,
    expose_value=False,
    help="Of a picture: one that says it has more is refused before it is decoded.  [default: 67108864]",
)
OWN_OPTIONS = (
    click.option(
        "--frames",
        type=PLACE,
        multiple=True,
        help="Video of your own: a video file, a folder of frames on a disk or in a bucket, or a folder of such; "
        "repeatable.",
    ),
)
BOX_OPTIONS = (
    click.option(
        "--boxes",
        help="kitti: `instances` (tight around instances_txt's masks; the default where they are there) or "
        "`labels` (label_02); ytvis: the JSON file; of --frames: a file in COCO, MOT-Challenge or CVAT "
        "format, detections of stc-predict or tracks of stc-track, or a folder of a file a video.",
    ),
    click.option(
        "--boxes-format",
        type=click.Choice(["coco", "mot", "cvat", "mots"]),
        help="Of --frames' boxes.  [default: told by the content]",
    ),
    click.option(
        "--boxes-video",
        help="Of --frames' boxes: what a COCO or CVAT file of several videos calls the video: its folder, video or "
        "task.  [default: the video's name]",
    ),
    click.option(
        "--boxes-first-frame",
        type=click.IntRange(0, 10**9 - 1),
        help="Of --frames' boxes: the number of the first frame, the others counted on, in MOT-Challenge text and in "
        "the names of a video file's pictures.  [default: 1 in MOT-Challenge text, else 0]",
    ),
    click.option(
        "--boxes-frame-step",
        type=click.IntRange(1, 10**6),
        help="Of --frames' boxes: frames from one such number to the next, where only every N-th was taken.  "
        "[default: 1]",
    ),
    click.option(
        "--class-names",
        help="Of --frames' boxes: comma-separated names of MOT's classes 1, 2, ..., or 0=name,7=name; of COCO "
        "and CVAT those classes that count.  [default: all of the file]",
    ),
    click.option("--min-score", type=NumberRange(), help="Of --frames' boxes: leave out those of less confidence."),
)


def dataset_options(required: bool = True, own: bool = False, boxes: bool = False) -> Callable[[Callable], Callable]:
    """Give a command the options of `DatasetFlags`; it receives them as the argument `data`.

    Args:
        required: `data` must name a data set; otherwise the command says what else there is.
        own: also `--frames`, and the data set of that name.
        boxes: also those about boxes.
    """
    names = [name for name in DEFAULT_ROOTS if own or name != OWN]
    options = (
        click.option(
            "--dataset",
            type=click.Choice(names),
            help="Layout of the data; `build` renders the demo's where --root has none yet.",
        ),
        *(OWN_OPTIONS if own else ()),
        click.option(
            "--root",
            type=PLACE,
            help="The data set's folder (kitti's may be in a bucket, s3://...), or where video files are unpacked.  "
            f"[default: {', '.join(str(DEFAULT_ROOTS[name]) for name in names)}]",
        ),
        click.option("--sequences", callback=split_names, help="Comma-separated names; all, if not given."),
        click.option(
            "--frames-range",
            type=NumbersFromTo(),
            help="Only frames of these numbers, as 0:90 for 0 to 89; boxes of others are left out.  [default: all]",
        ),
        max_pixels_option,
        *(BOX_OPTIONS if boxes else ()),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathered(**values: Any) -> Any:
            data = DatasetFlags(
                **{field.name: values.pop(field.name) for field in fields(DatasetFlags) if field.name in values}
            )
            if required and data.dataset is None:
                raise InputError("--dataset", expected=" or ".join(names), found="none")
            return command(data=data, **values)

        for option in reversed(options):
            gathered = option(gathered)
        return gathered

    return decorate
