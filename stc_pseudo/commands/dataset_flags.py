"""The flags that name a data set, the same in every command that reads one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stc_track.io.errors import InputError

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import Sequence
    from stc_pseudo.datasets.boxes.source import BoxSource

PATH = click.Path(path_type=Path)
OWN = "frames"  # video of one's own, which is in no data set's layout
DEFAULT_ROOTS = {
    "kitti": Path("data/kitti_mots"),
    "demo": Path("runs/demo/data"),
    "ytvis": Path("data/youtube_vis"),
    OWN: Path("runs/frames"),
}
KITTI_BOXES = ("instances", "labels")


@dataclass(frozen=True)
class DatasetFlags:
    """What a user said of the data; an option each.

    Attributes:
        dataset: the layout, a key of `DEFAULT_ROOTS`; None where `frames` says it all.
        root: the data set's folder, or where video files are unpacked; None for the usual place.
        sequences: comma-separated names, or None for all.
        frames: of `--dataset frames`: video files, folders of frames, folders of such.
        boxes: `instances` or `labels` of kitti and demo; ytvis' JSON file, or None for the only one; the file or
            folder of boxes of `--dataset frames`.
        boxes_format, class_names, min_score: as in `stc_pseudo.datasets.boxes.source.BoxSource`.
    """

    dataset: str | None = None
    root: Path | None = None
    sequences: str | None = None
    frames: tuple[Path, ...] = ()
    boxes: str | None = None
    boxes_format: str | None = None
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
        for flag in ("boxes_format", "class_names", "min_score"):
            if getattr(self, flag) is not None and self.dataset != OWN:
                raise InputError(
                    f"--{flag.replace('_', '-')}", expected=f"--dataset {OWN}", found=f"--dataset {self.dataset}"
                )

    @property
    def folder(self) -> Path:
        """The data set's folder."""
        return self.root or DEFAULT_ROOTS[self.dataset]

    def read(self, boxes: bool = True) -> list[Sequence]:
        """Read the sequences; frames stay on disk, video files are unpacked.

        Args:
            boxes: read the boxes as well.

        Raises:
            InputError: something is missing or malformed.
        """
        names = self.sequences.split(",") if self.sequences else None
        if self.dataset is None:
            raise InputError("--dataset", expected="a data set, or --frames", found="neither")
        if self.dataset == OWN:
            from stc_pseudo.datasets.frames import read_frames

            return read_frames(self.frames, self.folder, names, self._box_source() if boxes else None)
        if self.dataset == "ytvis":
            from stc_pseudo.datasets.youtube_vis import read_youtube_vis

            return read_youtube_vis(self.folder, names, self.boxes and Path(self.boxes), boxes)
        from stc_pseudo.datasets.kitti import read_kitti

        source = self.boxes or KITTI_BOXES[0]
        if source not in KITTI_BOXES:
            raise InputError(
                "--boxes",
                expected=" or ".join(KITTI_BOXES),
                found=f"'{source}'",
                hint=f"--dataset {OWN} takes boxes from a file",
            )
        return read_kitti(self.folder, names, source if boxes else None)

    def _box_source(self) -> BoxSource:
        from stc_pseudo.datasets.boxes.source import BoxSource

        if self.boxes is None:
            raise InputError(
                f"--dataset {OWN}",
                expected="a file of boxes, or a folder of a file a video",
                found="none",
                hint="--boxes names it",
            )
        names = None if self.class_names is None else tuple(name.strip() for name in self.class_names.split(","))
        if names is not None and (not all(names) or len(set(names)) < len(names)):
            raise InputError("--class-names", expected="different names with commas between", found=self.class_names)
        return BoxSource(Path(self.boxes), self.boxes_format, names, self.min_score)


OWN_OPTIONS = (
    click.option(
        "--frames",
        type=PATH,
        multiple=True,
        help="video of your own: a video file, a folder of frames, or a folder of such; repeatable",
    ),
)
BOX_OPTIONS = (
    click.option(
        "--boxes",
        help="kitti: `instances` (tight around instances_txt's masks, the default) or `labels` "
        "(label_02); ytvis: the JSON file; of --frames: a file in COCO, MOT-Challenge or CVAT "
        "format, or a folder of a file a video",
    ),
    click.option(
        "--boxes-format",
        type=click.Choice(["coco", "mot", "cvat"]),
        help="of --frames' boxes  [default: told by the content]",
    ),
    click.option(
        "--class-names",
        help="of --frames' boxes: comma-separated names of MOT's classes 1, 2, ...; of COCO "
        "and CVAT those classes that count  [default: all of the file]",
    ),
    click.option("--min-score", type=float, help="of --frames' boxes: leave out those of less confidence"),
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
            help="layout of the data; `build` renders the demo's where --root has none yet",
        ),
        *(OWN_OPTIONS if own else ()),
        click.option(
            "--root",
            type=PATH,
            help="the data set's folder, or where video files are unpacked  [default: "
            f"{', '.join(str(DEFAULT_ROOTS[name]) for name in names)}]",
        ),
        click.option("--sequences", help="comma-separated names; all, if not given"),
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
