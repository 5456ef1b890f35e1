"""Table III before and after `refine`: `python -m pipelines.ablations.refined_cues`.

    python -m pipelines.ablations.refined_cues --out runs/table_iii \
        --data 0000 KITTI_MOTS "--dataset kitti --root KITTI_MOTS --sequences 0000 --depth sgbm --flow dis" \
        --data rendered runs/scenes_9 "--dataset demo --root runs/scenes_9 --depth precomputed --flow precomputed"

A store of each data set is built once. For each set of cues its masks are made again from the depth and flow that it
holds, refined, and both are compared with true masks. The cues are those of the first round: `refine` always sees the
picture, depth and flow.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.reporting.commands import call
from pipelines.reporting.tables import Table, number
from stc_track.io.console import Command
from stc_track.io.files import write_json
from stc_track.io.options import PATH

if TYPE_CHECKING:
    import numpy as np

CUES = ("colour", "depth", "flow,motion", "depth,flow,colour,motion")
FIGURES = "refined_cues.json"


def as_table(rows: list[dict[str, Any]], note: str) -> Table:
    """A line for each data set and set of cues.

    Args:
        rows: `data`, `cues`, `instances`, `first`, `refined`, `low` and `high` of each, as `measure` gives them.
        note: what was measured.
    """
    lines = [
        (
            row["data"],
            row["cues"],
            str(row["instances"]),
            number(row["first"]),
            number(row["refined"]),
            f"{row['refined'] - row['first']:+.3f}",
            f"{row['low']:+.3f} to {row['high']:+.3f}",
        )
        for row in rows
    ]
    columns = ("data", "cues", "instances", "first", "refined", "gain", "95 % over tracks")
    return Table("Cues (Table III) before and after refine", note, columns, lines)


def measure(by_sequence: list[np.ndarray]) -> dict[str, Any]:
    """Means over sequences of both IoU, and the interval of the gain over tracks by instance.

    Args:
        by_sequence: rows of each sequence as `accuracy.refined_masks.compare` gives them.
    """
    import numpy as np

    from pipelines.accuracy.refined_masks import COLUMNS, gain_interval, joined

    measured = [rows for rows in by_sequence if len(rows)]
    first, refined = (
        float(np.mean([rows[:, COLUMNS.index(name)].mean() for rows in measured])) for name in ("first", "refined")
    )
    low, high = gain_interval(joined(measured))
    return {"instances": sum(map(len, measured)), "first": first, "refined": refined, "low": low, "high": high}


@click.command(cls=Command, context_settings={"show_default": True})
@click.option(
    "--data",
    type=(str, PATH, str),
    multiple=True,
    required=True,
    metavar="NAME TRUTH FLAGS",
    help="A name, true masks as of stc-pseudo inspect, and flags of stc-pseudo build; repeatable.",
)
@click.option("--cues", "cue_sets", multiple=True, default=CUES, help="A line of each data set; repeatable.")
@click.option("--refine", "refine_flags", default="", help="Flags of stc-pseudo refine.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
@click.option("--out", type=PATH, default=Path("runs/refined_cues"), help="Stores and figures.")
def main(
    data: tuple[tuple[str, Path, str], ...], cue_sets: tuple[str, ...], refine_flags: str, min_area: int, out: Path
) -> None:
    """Measure the masks of each data set by each set of cues, before and after refine; write refined_cues.json and .md.

    What an earlier call with the same flags measured is taken over.
    """
    from pipelines.accuracy.refined_masks import compare
    from stc_pseudo.commands.build import main as build
    from stc_pseudo.commands.refine import main as refine
    from stc_pseudo.store.reader import StoreReader

    earlier = json.loads((out / FIGURES).read_text()) if (out / FIGURES).is_file() else []
    rows: list[dict[str, Any]] = []
    for name, truth, flags in data:
        for cues in cue_sets:
            key = {"data": name, "cues": cues, "build": flags, "refine": refine_flags, "min_area": min_area}
            row = next((row for row in earlier if key.items() <= row.items()), None)
            if row is None:
                store, refined = out / name / "store", out / name / f"refined_{cues.replace(',', '_')}"
                call(build, *shlex.split(flags), "--cues", cues, "--overwrite", "masks", "--out", store)
                call(refine, store, *shlex.split(refine_flags), "--out", refined)
                reader = StoreReader(str(refined))
                by_sequence = [compare(reader.sequence(name), truth, min_area) for name in reader.sequences]
                row = key | measure(by_sequence)
            rows.append(row)
            write_json(out / FIGURES, rows + [row for row in earlier if row not in rows])
    note = f"Mean IoU with true masks of at least {min_area} pixels, mean over the sequences of each data set."
    as_table(rows, note).publish(out / "refined_cues.md")


if __name__ == "__main__":
    main()
