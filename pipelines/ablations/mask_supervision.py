"""Compare supervision by boxes, depth and flow with true masks.

`python -m pipelines.ablations.mask_supervision --out runs/mask_quality`

Rendered scenes, train and test apart, of a seed that nothing was chosen on. One network is trained with each kind of
mask supervision, from the same weights, on the same images in the same order for the same number of steps, and its
masks are compared with the true masks of the test scenes by COCO's AP. Several training seeds.

The comparison resumes: finished trainings are kept, and every call prints the results so far. `--only` and
`--seeds` choose what a call trains, so that two calls can share the work.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from pipelines.ablations.supervision_experiment import Experiment, experiment_options, whole_numbers
from pipelines.ablations.supervision_tables import ap_table, bar_table, comparisons, conversion_rows
from pipelines.ablations.supervision_variants import DEFAULT_VARIANTS, EVERY, NETWORKS, NOISE, REFINED, TRUE, VARIANTS
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import replacing, write_json


@click.command(cls=Command, context_settings={"show_default": True})
@experiment_options("runs/mask_quality", seeds="0,1,2")
@click.option("--only", help=f"Comma-separated, of {', '.join(EVERY)}.  [default: {', '.join(DEFAULT_VARIANTS)}]")
@click.option("--networks", is_flag=True, help="Train on the demo's networks' pseudo-labels as well.")
@click.option("--variants", is_flag=True, help="Train Table IV's variants of the loss as well.")
@click.option("--noise", is_flag=True, help="Train with loose boxes and wrong classes as well.")
@click.option("--boxes", is_flag=True, help="Measure `stc-predict --boxes` of models of the default losses as well.")
def main(seeds: str, only: str | None, networks: bool, variants: bool, noise: bool, boxes: bool, **scenes: Any) -> None:
    """Train with each kind of mask supervision, and compare the masks' AP."""
    chosen = only.split(",") if only else list(DEFAULT_VARIANTS)
    chosen += [
        name
        for flag, group in ((networks, NETWORKS), (variants, VARIANTS), (noise, NOISE))
        if flag
        for name in group
        if name not in chosen
    ]
    if unknown := [name for name in chosen if name not in EVERY]:
        raise InputError("--only", expected=f"some of {', '.join(EVERY)}", found=", ".join(unknown))
    numbers, experiment = whole_numbers("--seeds", seeds), Experiment.of(**scenes)
    experiment.render()
    for seed in numbers:
        for name in chosen:
            experiment.train(name, seed)
            if boxes and name in ("puzzle", *NETWORKS, *REFINED, *TRUE):
                experiment.convert(name, seed)
    report(experiment)


def report(experiment: Experiment) -> None:
    """Print and write what there is: `report.json` and `report.md`."""
    results, converted = experiment.results("ap.json"), experiment.results("conversion.json")
    rows = comparisons(results) + conversion_rows(converted)
    tables = [ap_table(results, experiment.settings), bar_table(rows)]
    for table in tables:
        click.echo(table.as_text())
    with replacing(experiment.out / "report.md", "w") as file:
        file.write("\n".join(table.as_markdown() for table in tables) + "\n")
    write_json(
        experiment.out / "report.json",
        {"settings": asdict(experiment.settings), "ap": results, "boxes": converted, "bars": rows},
    )


if __name__ == "__main__":
    main()
