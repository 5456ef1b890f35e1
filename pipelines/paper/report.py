"""The page of the paper's tables: our figures, their spread, the printed ones, and whether directions agree."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.paper.data import BUDGETS
from pipelines.paper.rows import PaperTable
from pipelines.paper.run import plain
from pipelines.reporting.tables import Table, spread
from stc_track.io.errors import InputError
from stc_track.io.files import replacing

CLASSES = ("car", "pedestrian")
DATA = {
    "rendered": "Rendered street scenes, of one seed to train on and of another to test. Synthetic.",
    "kitti": "KITTI MOTS.",
    "ytvis": "YouTube-VIS.",
}
NO_TRAINING = ("No row has been trained so far: below stand pseudo-labels alone (`--labels-only`).", "")
SHORT = (
    "Such short trainings show that rows run and which differences are large; they are no measurement of the paper's",
    "figures, which are of KITTI MOTS and YouTube-VIS. `start`: steps by the boxes alone (L_dice), from which all rows",
    "of a seed go on for `steps` more; Table IX's networks train for `network_steps`.",
)

Figures = dict[str, dict[str, list[float]]]  # of each metric and class, a value a seed


class Measured(NamedTuple):
    """What is known of a row.

    Attributes:
        seeds: of its trainings; empty where only the labels were measured.
        figures: by metric and class.
        records: its JSON files.
    """

    seeds: list[int]
    figures: Figures
    records: list[dict[str, Any]]


class Direction(NamedTuple):
    """How many of a row's differences from its reference go as printed, go the other way, or are within the spread."""

    agree: int
    disagree: int
    undecided: int

    def __str__(self) -> str:
        total = sum(self)
        return f"{self.agree} of {total}" + (f", {self.undecided} within the spread" if self.undecided else "")


def read_row(out: Path, table: str, name: str) -> Measured | None:
    """What the JSON files of a row hold; None where there is none."""
    records = [
        json.loads(file.read_text()) for file in sorted((out / "rows" / table).glob(f"{plain(name)}.[0-9]*.json"))
    ]
    records = [record for record in records if record["row"] == name]
    if not records:
        return None
    figures: Figures = {}
    for record in records:
        for metric, classes in record["figures"].items():
            for class_name, value in classes.items():
                if value is not None:
                    figures.setdefault(metric, {}).setdefault(class_name, []).append(value)
    seeds = sorted(record["seed"] for record in records if record["figures"].keys() > {"IoU"})
    return Measured(seeds, figures, records)


def direction(
    own: Figures, other: Figures, printed: dict[str, list[float]], printed_other: dict[str, list[float]]
) -> Direction:
    """Compare the sign of each difference from another row with the printed one.

    A difference is within the spread where it is not larger than both rows' standard deviations together.
    """
    agree = disagree = undecided = 0
    for metric, values in printed.items():
        for name, here, there in zip(names_of(values), values, printed_other[metric], strict=True):
            ours, theirs = own.get(metric, {}).get(name, []), other.get(metric, {}).get(name, [])
            if not ours or not theirs or here == there:
                continue
            difference = statistics.mean(ours) - statistics.mean(theirs)
            noise = sum(statistics.stdev(figures) for figures in (ours, theirs) if len(figures) > 1)
            if difference == 0 or abs(difference) <= noise:
                undecided += 1
            elif (difference > 0) == (here > there):
                agree += 1
            else:
                disagree += 1
    return Direction(agree, disagree, undecided)


def names_of(values: Sequence[float]) -> tuple[str, ...]:
    """Classes of printed figures: car and pedestrian, or the mean of all."""
    return CLASSES if len(values) == len(CLASSES) else ("mean",)


def table_of(number: str, paper: PaperTable, out: Path) -> tuple[Table, Table | None] | None:
    """A table's figures, and the IoU of its labels; None where no row was done."""
    measured = {name: row_measured for name in paper.rows if (row_measured := read_row(out, number, name)) is not None}
    if not measured:
        return None
    names = names_of(next(iter(next(row for row in paper.rows.values() if row.paper).paper.values())))
    labels = labels_of(number, paper, measured)
    trained = {name: row_measured for name, row_measured in measured.items() if row_measured.seeds}
    rows = []
    for name, row_measured in trained.items():
        row, against = paper.rows[name], paper.against(name)
        cells = [name, ", ".join(map(str, row_measured.seeds))]
        for metric in paper.metrics:
            cells.append(" / ".join(spread(row_measured.figures.get(metric, {}).get(kind, [])) for kind in names))
            cells.append(" / ".join(f"{value:g}" for value in row.paper.get(metric, ())) or "-")
        comparable = against in trained and row.paper
        cells.append(
            str(direction(row_measured.figures, trained[against].figures, row.paper, paper.rows[against].paper))
            if comparable
            else "-"
        )
        rows.append(tuple(cells))
    columns = [part for metric in paper.metrics for part in (f"{metric} here", "paper")]
    note = f"{' / '.join(names)}; mean and standard deviation over the seeds. Direction: differences from "
    note += f"'{paper.reference}'" if paper.reference else "the same network on true masks"
    note += " that have the printed sign."
    main = Table(f"Table {number}: {paper.title}", note, ("row", "seeds", *columns, "direction"), rows)
    if not rows:
        return labels, None
    varied = any(row.build or row.preset == "best" or "true" in (row.depth, row.flow) for row in paper.rows.values())
    return main, labels if varied else None


def labels_of(number: str, paper: PaperTable, measured: dict[str, Measured]) -> Table:
    """Mean IoU of each row's pseudo-labels, beside the printed tracks."""
    metric = "HOTA" if "HOTA" in paper.metrics else paper.metrics[0]
    rows = []
    for name, row_measured in measured.items():
        printed = " / ".join(f"{value:g}" for value in paper.rows[name].paper.get(metric, ())) or "-"
        rows.append(
            (name, *(spread(row_measured.figures["IoU"].get(kind, [])[:1], 3) for kind in (*CLASSES, "all")), printed)
        )
    return Table(
        f"Table {number}, pseudo-labels: {paper.title}",
        "Mean IoU with true masks on the training scenes; the paper prints no such figure.",
        ("row", *CLASSES, "all", f"paper's {metric}"),
        rows,
    )


def best_beside_paper(tables: dict[str, PaperTable], out: Path) -> Table | None:
    """Ours beside the method as printed, on the same frames for as many steps."""
    pairs = (
        ("III", "best", "depth and flow"),
        ("X", "both true, best", "both true"),
        ("VIII", "best tracker", "DP+SD"),
    )
    rows = []
    for number, best, printed in pairs:
        pair = [read_row(out, number, name) for name in (printed, best)]
        if any(result is None or not result.seeds for result in pair):
            continue
        for title, result in zip((printed, best), pair, strict=True):
            figures = result.figures
            cells = (
                " / ".join(spread(figures.get(metric, {}).get(kind, [])) for kind in CLASSES)
                for metric in ("AP", "HOTA", "MOTSA", "MOTSP")
            )
            labels = spread(figures["IoU"]["all"][:1], 3)
            rows.append((f"{number}: {title}", ", ".join(map(str, result.seeds)), labels, *cells))
    if not rows:
        return None
    columns = ("row", "seeds", "labels' IoU", "AP car / pedestrian", "HOTA", "MOTSA", "MOTSP")
    return Table("`best` beside `paper`", "The same frames, steps and seeds.", columns, rows)


def write_page(page: Path, out: Path, tables: dict[str, PaperTable], name: str, budget: str) -> None:
    """Write the page.

    Args:
        page: a Markdown file.
        out: the folder of the rows.
        known: all tables.
        name: of the data set.
        budget: of `BUDGETS`.

    Raises:
        InputError: no row is done.
    """
    sections: list[str] = []
    for number, paper in tables.items():
        sections.extend(table.as_markdown() for table in table_of(number, paper, out) or () if table is not None)
    if not sections:
        hint = "without --report, the same call makes some"
        raise InputError(out / "rows", expected="rows that are done", found="none", hint=hint)
    best = best_beside_paper(tables, out)
    if best is not None:
        sections.insert(0, best.as_markdown())
    records = [json.loads(file.read_text()) for file in sorted(out.glob("rows/*/*.json"))]
    sizes = {key: value for key, value in asdict(BUDGETS[budget]).items() if value is not None}
    commits = ", ".join(sorted({record["commit"] for record in records}))
    machines = "; ".join(sorted({record["machine"] for record in records}))
    known_versions = [f"{key} {value}" for key, value in records[-1]["versions"].items() if value != "none"]
    head = [
        "# The paper's tables",
        "",
        f"`python -m pipelines.paper --data {name} --budget {budget}` builds, trains, predicts, tracks and evaluates",
        "each row; with `--report FILE` it writes this page from what is done. Rows that are missing were not run.",
        "",
        f"{DATA[name]} Budget `{budget}`: {', '.join(f'{key} {value}' for key, value in sizes.items())}.",
        *(NO_TRAINING if not any(record["figures"].keys() > {"IoU"} for record in records) else ()),
        *(SHORT if budget != "paper" else ()),
        "",
        f"Commit {commits}; {machines}; {', '.join(known_versions)}.",
        "",
    ]
    with replacing(page, "w") as file:
        file.write("\n".join(head) + "\n".join(sections) + "\n")
