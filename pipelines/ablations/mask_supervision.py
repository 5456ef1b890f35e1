"""Compare supervision by boxes, depth and flow with true masks.

`python -m pipelines.ablations.mask_supervision --out runs/mask_quality`

Rendered scenes, train and test apart, of a seed that nothing was chosen on. One network is trained with each kind of
mask supervision, from the same weights, on the same images in the same order for the same number of steps, and its
masks are compared with the true masks of the test scenes by COCO's AP. Several training seeds.

The comparison resumes: finished trainings are kept, and every call prints the results so far. `--only` and
`--seeds` choose what a call trains, so that two calls can share the work.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from pipelines.reporting.commands import Stages
from pipelines.reporting.tables import Table
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import replacing, write_json
from stc_track.io.options import PATH

BACKBONE = Path(__file__).parents[2] / "stc_pseudo" / "shipped" / "demo_monodepth2.pth"
WARM_UP = 1 / 9  # of the steps: BoxInst's pairwise term rises over 10,000 of 90,000 (Tian et al., CVPR 2021)
MIN_AREA = 300  # pixels of the true masks in the second set of figures
# End of III-B2: lower where the noise does harm. As docs/results/segmenters.md names them; not chosen here.
ROBUST_BOX = ("model.mask_head.loss_mask.inside_weight=2.0", "model.mask_head.loss_mask.outside_weight=0.25")
ROBUST_CLASS = ("model.bbox_head.loss_cls.other_class_weight=0.5", "model.mask_head.loss_mask.negative_weight=0.5")
# What is compared, and what the figure is to reach.
ABOVE_BOXINST = ("points of AP above", 2.8)
OF_SUPERVISED = ("share of the AP", 0.97)
ABOVE_BOXES = ("--boxes above filled boxes, IoU", 0.15)


@dataclass(frozen=True)
class Variant:
    """One kind of mask supervision.

    Attributes:
        text: what it is.
        kind: of the config, as `mask_supervision.write_config` takes it.
        store: the labels that it is trained on.
        options: settings of the config.
        warm_up: share of the steps over which BoxInst's pairwise term rises.
    """

    text: str
    kind: str = "ours"
    store: str = "exact"
    options: tuple[str, ...] = ()
    warm_up: float = WARM_UP


def table_iv_row(box_term: str, boundary: str) -> Variant:
    """A row of Table IV."""
    loss = "model.mask_head.loss_mask"
    return Variant(f"{box_term}, {boundary}", options=(f"{loss}.box_term={box_term}", f"{loss}.boundary={boundary}"))


DEFAULT_VARIANTS = {
    "puzzle": Variant("puzzle loss, exact depth and flow"),
    # In so short a training the ninth of the steps that BoxInst has ends before the masks lie in their boxes, and no
    # mask is learnt at all: `boxinst_ninth`.
    "boxinst": Variant("BoxInst's loss (MMDetection), warm-up of half the steps", "boxinst", warm_up=0.5),
    "supervised": Variant("true masks (MMDetection's CondInst)", "condinst", "true"),
}
NETWORKS = {"networks": Variant("puzzle loss, the demo's depth and flow networks", store="networks")}
VARIANTS = {
    f"{term}_{boundary}": table_iv_row(term, boundary)
    for term in ("dice", "dice_penalty")
    for boundary in ("none", "bce", "dice", "pixel", "pairwise")
}
NOISE = {
    "loose": Variant("loose boxes", store="loose"),
    "loose_robust": Variant("loose boxes, robust weights", store="loose", options=ROBUST_BOX),
    "wrong": Variant("wrong classes", store="wrong"),
    "wrong_robust": Variant("wrong classes, robust weights", store="wrong", options=ROBUST_CLASS),
}
# Tells what the labels cost from what the loss costs.
TRUE = {"puzzle_true": Variant("puzzle loss, true masks as pseudo-masks", store="true")}
NINTH = {"boxinst_ninth": Variant("BoxInst's loss, warm-up of a ninth", "boxinst")}
EVERY = DEFAULT_VARIANTS | NINTH | NETWORKS | VARIANTS | NOISE | TRUE


@dataclass(frozen=True)
class Settings:
    """What all figures depend on; recorded beside them.

    Attributes:
        scene_seed: of the rendered scenes and of the noise.
        train, test: numbers of scenes; the first are trained on.
        frames: of each scene.
        steps: of a training.
        batch: images of a step.
    """

    scene_seed: int
    train: int
    test: int
    frames: int
    steps: int
    batch: int

    def names(self, test: bool) -> list[str]:
        """Names of the sequences."""
        return [f"{k:04d}" for k in (range(self.train, self.train + self.test) if test else range(self.train))]


class Experiment:
    """The folder of a comparison, and the commands that fill it."""

    def __init__(self, out: Path, settings: Settings, workers: int) -> None:
        self.out, self.settings, self.workers, self.stages = out, settings, workers, Stages()
        self.data = out / "data"
        recorded = out / "settings.json"
        if recorded.is_file():
            if (recorded_settings := json.loads(recorded.read_text())) != asdict(settings):
                raise InputError(
                    recorded, expected=str(asdict(settings)), found=str(recorded_settings), hint="choose another --out"
                )
        else:
            out.mkdir(parents=True, exist_ok=True)
            write_json(recorded, asdict(settings))

    @classmethod
    def of(
        cls,
        out: Path,
        scene_seed: int,
        train_scenes: int,
        test_scenes: int,
        frames: int,
        steps: int,
        batch_size: int,
        workers: int,
    ) -> Experiment:
        """As the options of `experiment_options` say."""
        return cls(out, Settings(scene_seed, train_scenes, test_scenes, frames, steps, batch_size), workers)

    def render(self) -> None:
        """Render the scenes that are missing."""
        from stc_pseudo.synthetic import render_dataset

        render_dataset(
            self.data,
            sequences=self.settings.train + self.settings.test,
            frames=self.settings.frames,
            seed=self.settings.scene_seed,
            stereo=False,
            workers=self.workers,
        )

    def store(self, name: str) -> Path:
        """Build a store of the training scenes as far as it is missing, and return its place."""
        from pipelines.ablations.supervision_stores import write_noisy_labels, write_true_store
        from stc_pseudo.store.reader import StoreReader

        out, names = self.out / f"store_{name}", self.settings.names(test=False)
        if {path.parent.name for path in out.glob("*/record.json")} == set(names):
            return out
        if name == "true":
            write_true_store(StoreReader(str(self.store("exact"))), self.data, out)
            return out
        exact = ("--depth", "precomputed", "--flow", "precomputed")
        flags = ("--dataset", "demo", "--root", self.data, *(() if name == "networks" else exact))
        if name in ("loose", "wrong"):
            root = self.out / f"data_{name}"
            write_noisy_labels(self.data, root, names, name, self.settings.scene_seed)
            folders = ("--depth-dir", root / "training" / "depth", "--flow-dir", root / "training" / "flow")
            flags = ("--dataset", "kitti", "--root", root, "--boxes", "labels", *exact, *folders)
        self.stages.run(
            "stc-pseudo",
            "build",
            *flags,
            "--out",
            out,
            "--sequences",
            ",".join(names),
            "--workers",
            self.workers,
            threads=1,
        )
        return out

    def folder(self, variant: str, seed: int) -> Path:
        """Where a training's files go."""
        return self.out / f"{variant}_{seed}"

    def train(self, name: str, seed: int) -> None:
        """Train, predict and measure, unless that is done."""
        from pipelines.ablations.supervision_stores import as_ours, write_config

        folder, variant = self.folder(name, seed), EVERY[name]
        if (folder / "ap.json").is_file():
            return
        config = write_config(folder / "config.py", variant.kind, variant.warm_up)
        as_ours(self.fit(folder, variant.store, config, seed, variant.options), folder / "model.pth")
        self.measure(folder / "model.pth", folder)

    def fit(self, folder: Path, store: str, config: Path | str, seed: int, options: tuple[str, ...] = ()) -> Path:
        """Train a config on a store, in `folder / "train"`; the model's file."""
        options = (f"train_dataloader.batch_size={self.settings.batch}", *options)
        # One thread: on so small a network two wait for each other longer than they gain.
        self.stages.run(
            "stc-train",
            "--pseudo-store",
            self.store(store),
            "--config",
            config,
            "--work-dir",
            folder / "train",
            "--max-iters",
            self.settings.steps,
            "--seed",
            seed,
            "--init-backbone",
            BACKBONE,
            *(part for option in options for part in ("--cfg-options", option)),
            threads=1,
        )
        return folder / "train" / "model.pth"

    def measure(self, model: Path, folder: Path) -> None:
        """Predict the test scenes and write the masks' AP to `folder / "ap.json"`."""
        from pipelines.accuracy.mask_ap import mask_ap

        tests = self.settings.names(test=True)
        self.stages.run(
            "stc-predict",
            model,
            "--dataset",
            "kitti",
            "--root",
            self.data,
            "--sequences",
            ",".join(tests),
            "--out",
            folder / "predictions",
            threads=1,
        )
        self._record(folder / "ap.json", mask_ap(folder / "predictions", self.data, tests, MIN_AREA))

    def convert(self, name: str, seed: int) -> None:
        """Turn the test scenes' boxes into masks with a trained model, and measure, unless that is done."""
        from pipelines.accuracy.converted_boxes import measure

        folder = self.folder(name, seed)
        if (folder / "conversion.json").is_file() or not (folder / "ap.json").is_file():
            return
        self.stages.run(
            "stc-predict",
            folder / "model.pth",
            "--dataset",
            "kitti",
            "--root",
            self.data,
            "--sequences",
            ",".join(self.settings.names(test=True)),
            "--boxes",
            "instances",
            "--out",
            folder / "converted",
            threads=1,
        )
        self._record(folder / "conversion.json", measure(folder / "converted", self.data, MIN_AREA))

    @staticmethod
    def _record(path: Path, figures: dict[str, Any]) -> None:
        write_json(path, figures)

    def results(self, file: str) -> dict[str, dict[int, Any]]:
        """The figures that there are, by variant and training seed."""
        by_variant: dict[str, dict[int, Any]] = {}
        for path in sorted(self.out.glob(f"*/{file}")):
            name, _, seed = path.parent.name.rpartition("_")
            if name in EVERY:
                by_variant.setdefault(name, {})[int(seed)] = json.loads(path.read_text())
        return {name: by_variant[name] for name in EVERY if name in by_variant}


def spread(values: list[float], digits: int = 1) -> str:
    """Mean and, of several values, their sample standard deviation; a dash of none."""
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def ap_table(results: dict[str, dict[int, Any]], settings: Settings) -> Table:
    """AP of each variant, mean and spread over its seeds."""

    def cell(seeds: dict[int, Any], area: str, name: str, figure: str) -> str:
        return spread([result[area][name][figure] for result in seeds.values() if name in result[area]])

    chosen = (
        [("large", "mean", figure) for figure in ("AP", "AP50", "AP75")]
        + [("large", "car", "AP"), ("large", "pedestrian", "AP")]
        + [("all", "mean", figure) for figure in ("AP", "AP50", "AP75")]
    )
    titles = (f"AP >= {MIN_AREA} px", "AP50", "AP75", "car AP", "pedestrian AP", "AP of all sizes", "AP50", "AP75")
    rows = [
        (EVERY[variant].text, ", ".join(map(str, seeds)), *(cell(seeds, *column) for column in chosen))
        for variant, seeds in results.items()
    ]
    return Table(
        "Mask AP",
        f"On true masks of {settings.test} test scenes; {settings.train} training scenes; "
        f"{settings.frames} frames each, scene seed {settings.scene_seed}; {settings.steps} steps of "
        f"{settings.batch} images; mean and standard deviation over the training seeds. Synthetic.",
        ("mask supervision", "training seeds", *titles),
        rows,
    )


def comparisons(results: dict[str, dict[int, Any]]) -> list[dict[str, Any]]:
    """Points above BoxInst and share of the supervised AP, over the seeds that both have, beside their bars."""
    rows = []
    for variant in ("puzzle", "networks"):
        for other in ("boxinst", "supervised"):
            text, bar = OF_SUPERVISED if other == "supervised" else ABOVE_BOXINST
            seeds = sorted(set(results.get(variant, ())) & set(results.get(other, ())))
            for area in ("large", "all") if seeds else ():
                first, second = (
                    [results[name][seed][area]["mean"]["AP"] for seed in seeds] for name in (variant, other)
                )
                if other == "supervised":
                    of_seeds = [a / max(b, 1e-9) for a, b in zip(first, second, strict=True)]
                    value = sum(first) / max(sum(second), 1e-9)
                else:
                    of_seeds = [a - b for a, b in zip(first, second, strict=True)]
                    value = statistics.mean(of_seeds)
                rows.append(
                    {
                        "variant": EVERY[variant].text,
                        "what": f"{text} ({other})",
                        "objects": area,
                        "seeds": seeds,
                        "each": of_seeds,
                        "value": value,
                        "bar": bar,
                        "reached": value >= bar,
                    }
                )
    return rows


def conversion_rows(results: dict[str, dict[int, Any]]) -> list[dict[str, Any]]:
    """IoU of converted boxes above filled boxes, beside its bar."""
    (text, bar), rows = ABOVE_BOXES, []
    for variant, seeds in results.items():
        for name in ("car", "pedestrian", "all"):
            gains = [
                result[name]["converted_mask"] - result[name]["filled_box"]
                for result in seeds.values()
                if result[name]["objects"]
            ]
            if gains:
                masks = statistics.mean(result[name]["converted_mask"] for result in seeds.values())
                rows.append(
                    {
                        "variant": EVERY[variant].text,
                        "what": f"{text} ({name}: {masks:.3f})",
                        "objects": "large",
                        "seeds": sorted(seeds),
                        "each": gains,
                        "value": statistics.mean(gains),
                        "bar": bar,
                        "reached": statistics.mean(gains) >= bar,
                    }
                )
    return rows


def bar_table(rows: list[dict[str, Any]]) -> Table:
    """Differences and ratios beside their bars."""
    sizes = {"large": f">= {MIN_AREA} px", "all": "all sizes"}
    shown = [
        (
            row["variant"],
            f"{row['what']}, {sizes[row['objects']]}",
            ", ".join(map(str, row["seeds"])),
            spread(row["each"], 3),
            f"{row['value']:.3f}",
            f"{row['bar']:g}",
            "yes" if row["reached"] else "no",
        )
        for row in rows
    ]
    columns = ("mask supervision", "what", "training seeds", "of the seeds", "together", "bar", "reached")
    return Table("Bars", "", columns, shown)


def experiment_options(out: str, seeds: str) -> Callable[[Callable], Callable]:
    """The options that `Experiment.of` takes, and `seeds` of the trainings with this default, for a command."""
    options = (
        click.option("--out", type=PATH, default=Path(out), help="folder of everything"),
        click.option(
            "--scene-seed", default=31, help="of the scenes; the demo has 0, the labels were tuned on 8 and 9"
        ),
        click.option("--train-scenes", default=32, help="scenes to train on"),
        click.option("--test-scenes", default=20, help="scenes to measure on"),
        click.option("--frames", default=4, help="of each scene"),
        click.option("--steps", default=600, help="of each training"),
        click.option("--batch-size", default=4, help="images of a step"),
        click.option("--seeds", default=seeds, help="of the trainings, comma-separated"),
        click.option("--workers", default=1, help="processes that render and build"),
    )

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command(cls=Command, context_settings={"show_default": True})
@experiment_options("runs/mask_quality", seeds="0,1,2")
@click.option("--only", help=f"comma-separated, of {', '.join(EVERY)}  [default: {', '.join(DEFAULT_VARIANTS)}]")
@click.option("--networks", is_flag=True, help="train on the demo's networks' pseudo-labels as well")
@click.option("--variants", is_flag=True, help="train Table IV's variants of the loss as well")
@click.option("--noise", is_flag=True, help="train with loose boxes and wrong classes as well")
@click.option("--boxes", is_flag=True, help="measure `stc-predict --boxes` of the puzzle loss's models as well")
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
            if boxes and name in ("puzzle", "networks"):
                experiment.convert(name, seed)
    report(experiment)


def whole_numbers(flag: str, text: str) -> list[int]:
    """The numbers of a comma-separated option.

    Raises:
        InputError: one is none.
    """
    if not all(number.isdecimal() for number in text.split(",")):
        raise InputError(flag, expected="whole numbers, comma-separated", found=repr(text))
    return [int(number) for number in text.split(",")]


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
