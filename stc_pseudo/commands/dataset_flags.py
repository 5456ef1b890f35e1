"""The flags that name a data set, the same in every command that reads one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import Sequence

PATH = click.Path(path_type=Path)
DEFAULT_ROOTS = {"kitti": Path("data/kitti_mots"), "demo": Path("runs/demo/data")}


@dataclass(frozen=True)
class DatasetFlags:
    """What a user said of the data; an option each.

    Attributes:
        dataset: the layout, a key of `DEFAULT_ROOTS`.
        root: the data set's folder, or None for its usual place.
        sequences: comma-separated names, or None for all.
        boxes: `instances` or `labels`, in commands that have `--boxes`.
    """

    dataset: str | None = None
    root: Path | None = None
    sequences: str | None = None
    boxes: str = "instances"

    @property
    def folder(self) -> Path:
        """The data set's folder."""
        return self.root or DEFAULT_ROOTS[self.dataset]

    def read(self, boxes: bool = True) -> list[Sequence]:
        """Read the sequences; frames stay on disk.

        Args:
            boxes: read the boxes as well.

        Raises:
            InputError: something is missing or malformed.
        """
        from stc_pseudo.datasets.kitti import read_kitti

        names = self.sequences.split(",") if self.sequences else None
        return read_kitti(self.folder, names, self.boxes if boxes else None)


BOX_OPTIONS = (
    click.option("--boxes", type=click.Choice(["instances", "labels"]), default="instances",
                 help="from instances_txt (tight around the masks) or label_02"),)


def dataset_options(required: bool = True, boxes: bool = False) -> Callable[[Callable], Callable]:
    """Give a command the options of `DatasetFlags`; it receives them as the argument `data`.

    Args:
        required: `--dataset` must be given.
        boxes: also `--boxes`.
    """
    options = (
        click.option("--dataset", type=click.Choice(list(DEFAULT_ROOTS)), required=required,
                     help="layout of the data; `build` renders the demo's where --root has none yet"),
        click.option("--root", type=PATH, help="the data set's folder  [default: data/kitti_mots, runs/demo/data]"),
        click.option("--sequences", help="comma-separated names; all, if not given"),
        *(BOX_OPTIONS if boxes else ()))

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathered(**values: Any) -> Any:
            own = {field.name: values.pop(field.name) for field in fields(DatasetFlags) if field.name in values}
            return command(data=DatasetFlags(**own), **values)

        for option in reversed(options):
            gathered = option(gathered)
        return gathered

    return decorate
