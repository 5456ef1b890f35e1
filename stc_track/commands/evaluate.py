"""The `stc-eval` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import split_names

if TYPE_CHECKING:
    from stc_track.evaluation import Evaluation

COLUMNS = ("HOTA", "DetA", "AssA", "sMOTSA", "MOTSA", "MOTSP", "IDF1", "id_switches")


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--truth", required=True, type=click.Path(path_type=Path),
              help="Folder of {sequence}.txt in KITTI MOTS text, or a data set with instances_txt.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to this file as well.")
@click.option(
    "--sequences", callback=split_names, help="Measure only these, comma-separated.  [default: all in --truth]"
)
def main(results: Path, truth: Path, json_file: Path | None, sequences: list[str] | None) -> None:
    """Measure the tracks in RESULTS, a folder of {sequence}.txt in KITTI MOTS text.

    HOTA, DetA and AssA (means over localisation thresholds), sMOTSA, MOTSA, MOTSP and IDF1 (at mask IoU 0.5), all in
    percent, and identity switches, for each class, by the trackeval package with KITTI MOTS' rules.
    """
    import json

    from stc_track.evaluation import evaluate
    from stc_track.formats.files import replacing

    evaluation = evaluate(results, truth, sequences)
    if json_file:
        with replacing(json_file, "w") as file:
            json.dump(evaluation.as_dict(), file, indent=2)
    click.echo(table(evaluation))


def table(evaluation: Evaluation) -> str:
    """One row for each class of each sequence, and of all sequences together."""
    names = [*evaluation.sequences, "all"]
    width = max(len(name) for name in names)
    rows = [f"{'':{width}}  {'':10}" + "".join(f"{name.replace('id_switches', 'switches'):>9}" for name in COLUMNS)]
    for name, classes in [*evaluation.sequences.items(), ("all", evaluation.combined)]:
        for class_name, scores in classes.items():
            *shares, switches = (getattr(scores, column) for column in COLUMNS)
            figures = "".join(f"{share:9.2f}" for share in shares)
            rows.append(f"{name:{width}}  {class_name:10}{figures}{switches:9d}")
    return "\n".join(rows)
