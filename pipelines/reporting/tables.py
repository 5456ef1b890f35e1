"""Tables of figures, gathered from the files that the commands write."""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stc_track.formats.mots import CLASS_NAMES
from stc_track.io.files import replacing, write_json

METRICS = ("HOTA", "sMOTSA", "MOTSA", "MOTSP")
# Rows of a report by class: each class's name, then all, with the class numbers that it gathers.
CLASS_ROWS = (*((name, [number]) for number, name in CLASS_NAMES.items()), ("all", list(CLASS_NAMES)))


@dataclass(frozen=True)
class Table:
    """A title, a sentence that says what the table shows, column names, and rows of text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def as_text(self) -> str:
        """Return the table as aligned text, the first column to the left."""
        rows = [self.columns, *self.rows]
        widths = [max(len(row[c]) for row in rows) for c in range(len(self.columns))]
        lines = [
            "  ".join(
                cell.rjust(w) if c else cell.ljust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(["", self.title, *lines])

    def as_markdown(self) -> str:
        """Return the title, the note and the table in Markdown."""
        lines = [f"| {' | '.join(row)} |" for row in [self.columns, ("---",) * len(self.columns), *self.rows]]
        note = [self.note, ""] if self.note else []
        return "\n".join(["", f"**{self.title}**", "", *note, *lines])

    def publish(self, path: Path) -> None:
        """Print the table, and write it to `path` in Markdown."""
        click.echo(self.as_text())
        with replacing(path, "w") as file:
            file.write(self.as_markdown() + "\n")


def number(value: float | None) -> str:
    """Three decimals, or a dash where there was nothing to measure."""
    return "-" if value is None else f"{value:.3f}"


def spread(values: list[float], digits: int = 1) -> str:
    """Mean and, of several values, their sample standard deviation; a dash of none."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def pseudo_mask_table(reports: dict[str, Path], note: str) -> Table:
    """Mean IoU of pseudo-masks: for each label, the JSON that `stc-pseudo inspect` wrote."""
    rows = []
    for label, file in reports.items():
        for name, row in json.loads(file.read_text())["mean_iou"].items():
            means = (number(row[shape]) for shape in ("pseudo_mask", "filled_box", "ellipse"))
            rows.append((f"{label}: {name}", str(row["instances"]), str(row["without_box"]), *means))
    return Table(
        "Pseudo-masks",
        f"Mean IoU with true masks of at least 300 pixels. {note}",
        ("depth and flow, class", "instances", "without box", "pseudo-mask", "filled box", "ellipse"),
        rows,
    )


def predicted_mask_table(quality: dict[str, Any], score: float) -> Table:
    """Mean IoU of predicted masks, as `predicted_masks.measure` gives it."""
    rows = [
        (
            name,
            str(row["objects"]),
            str(row["matched"]),
            number(row["predicted_mask"]),
            number(row["filled_predicted_box"]),
        )
        for name, row in quality.items()
    ]
    return Table(
        "Predicted masks",
        f"RGB only. Detections of score {score} and more, paired with true objects of at "
        "least 300 pixels by their boxes; mean IoU of the mask, and of the detection's own box filled.",
        ("class", "objects", "matched", "predicted mask", "its box filled"),
        rows,
    )


def track_table(scores: Path) -> Table:
    """The JSON that `stc-eval` wrote, its headline figures."""
    combined = json.loads(scores.read_text())["combined"]
    rows = [(name, *(f"{row[metric]:.1f}" for metric in METRICS)) for name, row in combined.items()]
    return Table("Tracks", "By TrackEval, on the same sequences.", ("class", *METRICS), rows)


def time_table(seconds: dict[str, float], total: float) -> Table:
    """Wall time of each command, and of all."""
    rows = [(line, f"{spent:.0f}") for line, spent in seconds.items()]
    return Table(
        "Time", "Seconds of each command on this machine.", ("command", "seconds"), [*rows, ("all", f"{total:.0f}")]
    )


def time_line(seconds: dict[str, float], total: float) -> str:
    """Return wall time of each command, by its name alone, and of all, as one line.

    Examples:
        >>> time_line({"stc-pseudo build --out STORE": 61.2, "stc-train --pseudo-store STORE": 300.4}, 370.0)
        'seconds: stc-pseudo build 61, stc-train 300, all 370'
    """
    spent = [f"{re.match(r'[a-z-]+( [a-z][a-z-]*(?= ))?', line)[0]} {value:.0f}" for line, value in seconds.items()]
    return f"seconds: {', '.join([*spent, f'all {total:.0f}'])}"


def show_run(
    labels: Table, quality: dict[str, Any], score: float, scores: Path, seconds: dict[str, float], total: float
) -> list[Table]:
    """Print the tables of a whole run and its time, and return them for its page.

    Args:
        labels: of the pseudo-masks.
        quality: of the predicted masks, as `predicted_masks.measure` gives it.
        score: least score of a detection that counts.
        scores: the JSON that `stc-eval` wrote.
        seconds: wall time by command line.
        total: wall time of all.
    """
    tables = [labels, predicted_mask_table(quality, score), track_table(scores)]
    for table in tables:
        click.echo(table.as_text())
    click.echo(f"\n{time_line(seconds, total)}")
    return [*tables, time_table(seconds, total)]


def show_by_class(report: dict[str, dict[str, Any]], json_file: Path | None) -> None:
    """Print a report's figures, a line for each of `CLASS_ROWS`, and write them as JSON where a file is named."""
    for name, row in report.items():
        click.echo(f"{name:<12}" + "  ".join(f"{key} {value}" for key, value in row.items()))
    if json_file is not None:
        write_json(json_file, report)
