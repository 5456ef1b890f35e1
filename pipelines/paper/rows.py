"""The rows of the paper's tables, read from `rows.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stc_track.io.errors import InputError
from stc_track.io.field_checks import check
from stc_track.io.settings_file import from_values, read

FILE = Path(__file__).with_name("rows.toml")
Signal = Literal["predicted", "true"]


@dataclass(frozen=True)
class Row:
    """What is trained and measured; the preset `paper` in all three commands but for what the row says.

    Attributes:
        preset: of `stc-pseudo build` and `stc-train`, and where `track_preset` is none of `stc-track`.
        track_preset: of `stc-track` alone.
        build, track: further flags of `stc-pseudo build` and `stc-track`.
        train: settings of the config, as `--cfg-options` takes them.
        depth, flow: where the training's signals come from.
        network: of Table IX; none for CondInst.
        true_masks: train on true masks.
        against: the row that this one's differences are taken from, in place of the table's reference.
        paper: the printed figures by metric, for car and pedestrian or for all.
    """

    preset: Literal["paper", "best"] = "paper"
    track_preset: Literal["paper", "best"] | None = None
    build: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    track: tuple[str, ...] = ()
    depth: Signal = "predicted"
    flow: Signal = "predicted"
    network: Literal["yolact", "blendmask", "htc"] | None = None
    true_masks: bool = False
    against: str | None = None
    paper: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper.

    Attributes:
        title: what it is about.
        metrics: its columns, each for car and pedestrian, or for all.
        rows: by name.
        reference: name of the row that differences are taken from; none where each row says its own.
    """

    title: str
    metrics: tuple[str, ...]
    rows: dict
    reference: str | None = None

    def against(self, name: str) -> str | None:
        """The row that a row's differences are taken from; None where there is none."""
        name_of_other = self.rows[name].against or self.reference
        return None if name_of_other == name else name_of_other


def read_tables(path: Path = FILE) -> dict[str, PaperTable]:
    """All tables by number.

    Raises:
        InputError: an unknown key or a wrong value, with file, table and row; or a reference that is no row.
    """
    tables = {}
    for number, values in read(path).items():
        rows = {name: from_values(Row, row, path, f"{number}.{name}.") for name, row in values.pop("rows").items()}
        table = from_values(PaperTable, values | {"rows": {}}, path, f"{number}.")
        table = PaperTable(table.title, tuple(table.metrics), rows, table.reference)
        for name in rows:
            if (other := table.against(name)) is not None and other not in rows:
                raise InputError(
                    f"{path}: {number}.{name}", expected="differences from a row of the table", found=other
                )
        tables[number] = table
    return tables


def chosen_rows(table: PaperTable, number: str, names: Sequence[str] | None) -> list[str]:
    """Names of the rows to do, in the table's order; all where none is named.

    Raises:
        InputError: the table has no such row.
    """
    if unknown := [name for name in names or () if name not in table.rows]:
        expected = f"rows of Table {number}: {'; '.join(table.rows)}"
        raise InputError("--rows", expected=expected, found="; ".join(unknown))
    return [name for name in table.rows if names is None or name in names]
