"""Boxes from a network in place of drawn ones: `python -m pipelines.pseudo_boxes --out runs/pseudo_boxes` (Section V).

Rendered scenes of which half have boxes. A network learns from these; its detections on the other half become boxes
(`stc-pseudo build --boxes predictions/ --min-score`), and a second one learns from both halves. Mask AP on further
scenes before and after, and with all boxes drawn. What is finished is kept.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import click

from pipelines.reporting.commands import call
from pipelines.reporting.tables import Table
from stc_pseudo import shipped
from stc_track.io.console import Command
from stc_track.io.files import write_json
from stc_track.io.options import PATH

CONFIG = "condinst_r18_demo"
ROUNDS = {
    "half": "half of the boxes",
    "pseudo": "half of the boxes, and predicted ones for the rest",
    "all": "all boxes",
}


@dataclass(frozen=True)
class Loop:
    """Folders and sizes of a run.

    Attributes:
        out: the folder of all.
        train, test: how many scenes.
        steps: of each training.
        min_score: of the detections that become boxes.
        seed: of the trainings.
    """

    out: Path
    train: int
    test: int
    steps: int
    min_score: float
    seed: int

    @property
    def data(self) -> Path:
        """The scenes, in KITTI MOTS's layout."""
        return self.out / "data"

    def names(self, part: str) -> list[str]:
        """Scenes of `labelled`, `unlabelled` or `test`."""
        half = self.train // 2
        first, last = {"labelled": (0, half), "unlabelled": (half, self.train), "test": (self.train, None)}[part]
        return [f"{k:04d}" for k in range(first, self.train + self.test if last is None else last)]

    def boxes(self, kind: str) -> Path:
        """A folder of a file of boxes a scene: true masks of the labelled half, and what `kind` has for the rest."""
        folder = self.out / f"boxes_{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.names("labelled"):
            shutil.copy(self.data / "instances_txt" / f"{name}.txt", folder)
        for name in self.names("unlabelled") if kind != "half" else ():
            source = self.data / "instances_txt" if kind == "all" else self.out / "half" / "predictions"
            shutil.copy(source / f"{name}.txt", folder)
        return folder

    def round(self, kind: str) -> dict[str, float]:
        """Label, train, predict and measure, unless that is done: mask AP by class."""
        from pipelines.accuracy.mask_ap import mask_ap
        from stc_pseudo.commands.build import main as build
        from stc_train.commands.predict import main as predict
        from stc_train.commands.train import main as train

        place = self.out / kind
        report = place / "ap.json"
        if report.is_file():
            return json.loads(report.read_text())
        scenes = self.names("labelled") + (self.names("unlabelled") if kind != "half" else [])
        training = self.data / "training"
        call(
            build, *("--frames", training / "image_02", "--sequences", ",".join(scenes), "--out", place / "store"),
            *("--boxes", self.boxes(kind), "--min-score", self.min_score, "--class-names", "car,pedestrian"),
            *("--depth", "precomputed", "--depth-dir", training / "depth", "--detail", 4),
            *("--flow", "precomputed", "--flow-dir", training / "flow"),
        )  # fmt: skip
        call(
            train, *("--pseudo-store", place / "store", "--config", CONFIG, "--work-dir", place / "train"),
            *("--max-iters", self.steps, "--seed", self.seed, "--init-backbone", shipped.DEPTH),
        )  # fmt: skip
        wanted = self.names("test") + (self.names("unlabelled") if kind == "half" else [])
        videos = ("--dataset", "kitti", "--root", self.data, "--sequences", ",".join(wanted))
        call(predict, place / "train" / "model.pth", *videos, "--out", place / "predictions")
        areas = mask_ap(place / "predictions", self.data, self.names("test"), min_area=300)["large"]
        figures = {name: scores["AP"] for name, scores in areas.items()}
        write_json(report, figures)
        return figures


def as_table(rounds: dict[str, dict[str, float]], loop: Loop) -> Table:
    """Mask AP of each round."""
    names = ("car", "pedestrian", "mean")
    rows = [
        (ROUNDS[kind], *(f"{figures[name]:.1f}" if name in figures else "-" for name in names))
        for kind, figures in rounds.items()
    ]
    note = (
        f"Mask AP of true masks of at least 300 pixels on {loop.test} further scenes; {loop.train} training scenes, "
        f"{loop.steps} steps each; predicted boxes from score {loop.min_score}. Synthetic, exact depth and flow."
    )
    return Table("Predicted boxes in place of drawn ones", note, ("learnt from", *names), rows)


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("runs/pseudo_boxes"), help="Folder of everything.")
@click.option("--scene-seed", default=62, help="Of the scenes.")
@click.option("--train-scenes", default=24, help="Half of them with boxes.")
@click.option("--test-scenes", default=8, help="To measure on.")
@click.option("--frames", default=4, help="Of each scene.")
@click.option("--steps", default=600, help="Of each training.")
@click.option("--min-score", default=0.3, help="Detections from here on become boxes.")
@click.option("--seed", default=0, help="Of the trainings.")
@click.option("--workers", default=1, help="Processes that render.")
def main(
    out: Path,
    scene_seed: int,
    train_scenes: int,
    test_scenes: int,
    frames: int,
    steps: int,
    min_score: float,
    seed: int,
    workers: int,
) -> None:
    """Train on half of the boxes, label the other half by prediction, and train again."""
    from stc_pseudo.synthetic import render_dataset

    loop = Loop(out, train_scenes, test_scenes, steps, min_score, seed)
    scenes = train_scenes + test_scenes
    render_dataset(loop.data, sequences=scenes, frames=frames, seed=scene_seed, stereo=False, workers=workers)
    as_table({kind: loop.round(kind) for kind in ROUNDS}, loop).publish(out / "report.md")


if __name__ == "__main__":
    main()
