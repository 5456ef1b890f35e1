"""Other segmenters on the same pseudo-masks (Table IX): `python -m pipelines.ablations.segmenters --true`.

YOLACT, BlendMask, HTC and our CondInst are trained on one store of rendered scenes, from the same backbone, for as many
steps of as many images; their masks on other scenes are compared with the true ones by COCO's AP. `--true`
trains each on the true masks too, as the table's other half does. The paper measures tracks of YouTube-VIS; these are
single frames of synthetic scenes.

What is finished is kept, and every call prints what there is so far. With the same settings, `--out` may be a folder of
`pipelines.ablations.mask_supervision`, whose scenes and stores then serve here.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from pipelines.ablations.supervision_experiment import MIN_AREA, Experiment, Settings, experiment_options, whole_numbers
from pipelines.reporting.tables import Table, spread
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import write_json

NETWORKS = {"yolact": "YOLACT", "blendmask": "BlendMask", "htc": "HTC", "condinst": "CondInst, puzzle loss"}
LABELS = {"exact": "pseudo-masks", "true": "true masks"}  # names of stores of `Experiment`
COLUMNS = (
    ("large", "mean", "AP"),
    ("large", "mean", "AP50"),
    ("large", "mean", "AP75"),
    ("large", "car", "AP"),
    ("large", "pedestrian", "AP"),
    ("all", "mean", "AP"),
)

Results = dict[tuple[str, str], dict[int, dict[str, Any]]]  # by network and labels, by training seed, as of `mask_ap`


def train(experiment: Experiment, network: str, labels: str, seed: int) -> None:
    """Train a network on a store, predict the test scenes, and measure, unless that is done.

    Args:
        experiment: has the scenes and stores.
        network: of `NETWORKS`; its config is `{network}_r18_demo`.
        labels: of `LABELS`.
        seed: of the training.
    """
    folder = experiment.out / f"{network}_{labels}_{seed}"
    if not (folder / "ap.json").is_file():
        experiment.measure(experiment.fit(folder, labels, f"{network}_r18_demo", seed), folder)


def results(experiment: Experiment) -> Results:
    """The figures that there are."""
    by_row: Results = {}
    for network in NETWORKS:
        for labels in LABELS:
            for file in sorted(experiment.out.glob(f"{network}_{labels}_*/ap.json")):
                seed = int(file.parent.name.rpartition("_")[2])
                by_row.setdefault((network, labels), {})[seed] = json.loads(file.read_text())
    return by_row


def table(by_row: Results, settings: Settings) -> Table:
    """AP of each network by what it learnt from; of the pseudo-masks' also the share of the true masks' AP."""
    rows = []
    for (network, labels), seeds in by_row.items():
        figures = (
            spread([result[area][name][figure] for result in seeds.values() if name in result[area]])
            for area, name, figure in COLUMNS
        )
        share, supervised = "", by_row.get((network, "true"), {})
        if labels != "true" and (both := sorted(seeds.keys() & supervised.keys())):
            labelled, supervised_sum = (
                sum(of_seeds[seed]["large"]["mean"]["AP"] for seed in both) for of_seeds in (seeds, supervised)
            )
            share = f"{labelled / supervised_sum:.3f}" if supervised_sum else "-"
        rows.append((NETWORKS[network], LABELS[labels], ", ".join(map(str, sorted(seeds))), *figures, share))
    titles = (f"AP >= {MIN_AREA} px", "AP50", "AP75", "car AP", "pedestrian AP", "AP of all sizes", "of true masks'")
    return Table(
        "Other networks on the same pseudo-masks",
        f"Mask AP on {settings.test} test scenes; {settings.train} "
        f"training scenes; {settings.frames} frames each, scene seed {settings.scene_seed}; {settings.steps} "
        f"steps of {settings.batch} images; mean and standard deviation over the training seeds. Synthetic, "
        "exact depth and flow.",
        ("network", "learnt from", "training seeds", *titles),
        rows,
    )


@click.command(cls=Command, context_settings={"show_default": True})
@experiment_options("runs/plug_and_play", seeds="0")
@click.option("--networks", default=",".join(NETWORKS), help="Comma-separated.")
@click.option("--true", "true_masks", is_flag=True, help="Train on the true masks as well.")
def main(seeds: str, networks: str, true_masks: bool, **scenes: Any) -> None:
    """Train YOLACT, BlendMask, HTC and CondInst on the same pseudo-masks, and compare their masks' AP."""
    chosen = networks.split(",")
    if unknown := [name for name in chosen if name not in NETWORKS]:
        raise InputError("--networks", expected=f"some of {', '.join(NETWORKS)}", found=", ".join(unknown))
    numbers, experiment = whole_numbers("--seeds", seeds), Experiment.of(**scenes)
    experiment.render()
    for seed in numbers:
        for network in chosen:
            for labels in LABELS if true_masks else ("exact",):
                train(experiment, network, labels, seed)
    report(experiment)


def report(experiment: Experiment) -> None:
    """Print and write what there is: `plug_and_play.json` and `plug_and_play.md`."""
    by_row = results(experiment)
    table(by_row, experiment.settings).publish(experiment.out / "plug_and_play.md")
    write_json(
        experiment.out / "plug_and_play.json",
        {
            "settings": asdict(experiment.settings),
            "ap": {f"{network}_{labels}": seeds for (network, labels), seeds in by_row.items()},
        },
    )


if __name__ == "__main__":
    main()
