"""Rendered scenes, stores, trainings and measures of a comparison, in one folder that a later call goes on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from pipelines.ablations.supervision_variants import EVERY
from pipelines.reporting.commands import Stages
from stc_pseudo import shipped
from stc_track.io.errors import InputError
from stc_track.io.files import write_json
from stc_track.io.options import PATH

MIN_AREA = 300  # pixels of the true masks in the second set of figures


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
        if name == "refined":
            self.stages.run("stc-pseudo", "refine", self.store("networks"), "--out", out, threads=1)
            return out
        exact = ("--depth", "precomputed", "--flow", "precomputed")
        flags = ("--dataset", "demo", "--root", self.data, *(() if name == "networks" else exact))
        if name in ("loose", "wrong"):
            root = self.out / f"data_{name}"
            write_noisy_labels(self.data, root, names, name, self.settings.scene_seed)
            folders = ("--depth-dir", root / "training" / "depth", "--flow-dir", root / "training" / "flow")
            flags = ("--dataset", "kitti", "--root", root, "--boxes", "labels", *exact, *folders)
        flags = (*flags, "--out", out, "--sequences", ",".join(names), "--workers", self.workers)
        self.stages.run("stc-pseudo", "build", *flags, threads=1)
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
        flags = (
            "--pseudo-store",
            self.store(store),
            "--config",
            config,
            "--work-dir",
            folder / "train",
            "--seed",
            seed,
        )
        flags = (*flags, "--max-iters", self.settings.steps, "--init-backbone", shipped.DEPTH)
        # One thread: on so small a network two wait for each other longer than they gain.
        changes = (part for option in options for part in ("--cfg-options", option))
        self.stages.run("stc-train", *flags, *changes, threads=1)
        return folder / "train" / "model.pth"

    def measure(self, model: Path, folder: Path) -> None:
        """Predict the test scenes and write the masks' AP to `folder / "ap.json"`."""
        from pipelines.accuracy.mask_ap import mask_ap

        self._predict(model, folder / "predictions")
        names = self.settings.names(test=True)
        write_json(folder / "ap.json", mask_ap(folder / "predictions", self.data, names, MIN_AREA))

    def convert(self, name: str, seed: int) -> None:
        """Turn the test scenes' boxes into masks with a trained model, and measure, unless that is done."""
        from pipelines.accuracy.converted_boxes import measure

        folder = self.folder(name, seed)
        if (folder / "conversion.json").is_file() or not (folder / "ap.json").is_file():
            return
        self._predict(folder / "model.pth", folder / "converted", "--boxes", "instances")
        write_json(folder / "conversion.json", measure(folder / "converted", self.data, MIN_AREA))

    def _predict(self, model: Path, out: Path, *flags: str) -> None:
        scenes = ("--dataset", "kitti", "--root", self.data, "--sequences", ",".join(self.settings.names(test=True)))
        self.stages.run("stc-predict", model, *scenes, *flags, "--out", out, threads=1)

    def results(self, file: str) -> dict[str, dict[int, Any]]:
        """The figures that there are, by variant and training seed."""
        by_variant: dict[str, dict[int, Any]] = {}
        for path in sorted(self.out.glob(f"*/{file}")):
            name, _, seed = path.parent.name.rpartition("_")
            if name in EVERY:
                by_variant.setdefault(name, {})[int(seed)] = json.loads(path.read_text())
        return {name: by_variant[name] for name in EVERY if name in by_variant}


def experiment_options(out: str, seeds: str) -> Callable[[Callable], Callable]:
    """The options that `Experiment.of` takes, and `seeds` of the trainings with this default, for a command."""
    options = (
        click.option("--out", type=PATH, default=Path(out), help="Folder of everything."),
        click.option(
            "--scene-seed", default=31, help="Of the scenes; the demo has 0, the labels were tuned on 8 and 9."
        ),
        click.option("--train-scenes", default=32, help="Scenes to train on."),
        click.option("--test-scenes", default=20, help="Scenes to measure on."),
        click.option("--frames", default=4, help="Of each scene."),
        click.option("--steps", default=600, help="Of each training."),
        click.option("--batch-size", default=4, help="Images of a step."),
        click.option("--seeds", default=seeds, help="Of the trainings, comma-separated."),
        click.option("--workers", default=1, help="Processes that render and build."),
    )

    def decorate(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def whole_numbers(flag: str, text: str) -> list[int]:
    """The numbers of a comma-separated option.

    Raises:
        InputError: one is none.
    """
    if not all(number.isdecimal() for number in text.split(",")):
        raise InputError(flag, expected="whole numbers, comma-separated", found=repr(text))
    return [int(number) for number in text.split(",")]
