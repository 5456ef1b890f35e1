"""Build, train, predict, track and evaluate one row after another; what is done is kept, whichever row asked for it.

OUT/rows/{table}/{row}.{seed}.json       settings, figures, commit, versions, machine and time of a row
OUT/work/{store,cues,train,tracks}_HASH  what rows share, named by the commands that made it
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from pipelines.paper.data import PAPER_CONFIGS, Budget, Data, Flags
from pipelines.paper.rows import Row
from pipelines.reporting.commands import call
from pipelines.reporting.origin import commit, machine
from stc_pseudo import shipped
from stc_track.io.files import write_json

CHECKPOINTS = 40  # steps between those that an interrupted training goes on from, of short ones
DONE = ".done"  # in a folder that is filled
LAYOUTS = {"rendered": "kitti", "kitti": "kitti", "ytvis": "ytvis"}  # in the names of configs
VERSIONS = (
    "stc-seg", "torch", "torchvision", "onedl-mmdetection", "onedl-mmengine", "numpy", "opencv-python-headless",
    "trackeval",
)  # fmt: skip


class Experiment:
    """The folder of a data set and a budget, and the commands that fill it.

    Args:
        out: the folder.
        data: what is trained and measured on.
        name: of the data set: `rendered`, `kitti` or `ytvis`.
        budget: sizes.
        init_backbone: weights that trainings start from; None for what the budget's networks start from by themselves.
        device: of networks.
    """

    def __init__(
        self,
        out: Path,
        data: Data,
        name: str,
        budget: Budget,
        init_backbone: Path | None = None,
        device: str | None = None,
    ) -> None:
        self.out, self.data, self.name, self.budget = out, data, name, budget
        self.init_backbone, self.device = init_backbone, device
        self.seconds: dict[str, float] = {}

    def row_file(self, table: str, name: str, seed: int) -> Path:
        """Where a row's JSON goes."""
        return self.out / "rows" / table / f"{plain(name)}.{seed}.json"

    def run(self, table: str, name: str, row: Row, seed: int, labels_only: bool = False) -> dict[str, Any]:
        """Do a row, unless its JSON says that it was done so; return what the JSON holds.

        Args:
            table, name, row: of the paper.
            seed: of the training.
            labels_only: stop after the pseudo-labels and their IoU; of a row that was trained, nothing is lost.
        """
        file = self.row_file(table, name, seed)
        settings = self.settings(row, seed)
        before = json.loads(file.read_text()) if file.is_file() else {}
        if before.get("settings") == settings and (labels_only or before["figures"].keys() > {"IoU"}):
            return before
        click.secho(f"Table {table}, {name}, seed {seed}", bold=True)
        self.seconds = {}
        figures = self.measure_labels(row)
        if not labels_only:
            figures |= self.measure_network(row, seed)
        done = {
            "table": table,
            "row": name,
            "seed": seed,
            "settings": settings,
            "figures": figures,
            "seconds": {key: round(value, 1) for key, value in self.seconds.items()},
            **origin(self.device),
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, done)
        return done

    def settings(self, row: Row, seed: int) -> dict[str, Any]:
        """Everything that a row's figures depend on, as JSON."""
        row_settings = {key: value for key, value in asdict(row).items() if key not in ("paper", "against")}
        described = {"data": self.name, "budget": asdict(self.budget), "row": row_settings, "seed": seed}
        return json.loads(json.dumps(described))

    def measure_labels(self, row: Row) -> dict[str, Any]:
        """Mean IoU of the row's pseudo-labels with true masks, by class."""
        store = self.store(row)
        report = store.with_suffix(".json")
        if not report.is_file():
            from stc_pseudo.commands.inspect import main as inspect

            self.call(
                inspect, store, "--truth", self.data.train_truth, "--min-area", self.budget.min_area, "--json", report
            )
        means = json.loads(report.read_text())["mean_iou"]
        return {"IoU": {name: ious["pseudo_mask"] for name, ious in means.items()}}

    def store(self, row: Row) -> Path:
        """The row's pseudo-labels; depth and flow are taken over from a store that has the same."""
        signals = (*self.data.signal("depth", row.depth), *self.data.signal("flow", row.flow))
        common = (*self.data.part(test=False), *signals)
        flags = ("--preset", row.preset, *row.build)
        if self.data.dataset == "ytvis":
            flags = (*flags, "--boxes", self.data.train_truth)
        out = self.place("store", *common, *flags)
        with self.once(out) as needed:
            if needed:
                first = self.place("signals", *common)
                if not (first / DONE).is_file():
                    with self.once(first) as missing:
                        if missing:
                            self.build(*common, *flags, "--out", first)
                shutil.rmtree(out, ignore_errors=True)
                shutil.copytree(first, out, ignore=shutil.ignore_patterns(DONE))
                self.build(*common, *flags, "--out", out, "--overwrite", "similarity")
        return out

    def build(self, *flags: object) -> None:
        """Run `stc-pseudo build`, on the cells of 4 pixels that all labels can be made of."""
        from stc_pseudo.commands.build import main as build

        self.call(build, *flags, "--detail", 4, *self.on_device())

    def cues(self, row: Row) -> Path:
        """Predicted depth and flow of the test videos, without boxes."""
        flags = (
            *self.data.part(test=True),
            *self.data.signal("depth", "predicted"),
            *self.data.signal("flow", "predicted"),
        )
        out = self.place("cues", *flags)
        with self.once(out) as needed:
            if needed:
                self.build(*flags, "--cues-only", "--out", out)
        return out

    def measure_network(self, row: Row, seed: int) -> dict[str, Any]:
        """Train, predict, track and evaluate a row."""
        trained = self.train(row, seed)
        preset = row.track_preset or row.preset
        flags: Flags = ("--preset", preset, *row.track)
        out = self.place("tracks", trained.name, *flags)
        with self.once(out) as needed:
            if needed:
                self.track(trained / "predictions", out, flags, self.cues(row))
        precision = json.loads((trained / "ap.json").read_text()) if (trained / "ap.json").is_file() else {}
        return precision | json.loads((out / "scores.json").read_text())

    def train(self, row: Row, seed: int) -> Path:
        """Train a row's network, predict the test videos and measure the masks' AP: `predictions/`, `ap.json`."""
        from stc_train.commands.predict import main as predict

        store = self.store(row)
        config, weights = self.network(row)
        steps, options = self.budget.steps if row.network is None else self.budget.network_steps, list(row.train)
        if self.budget.start and row.network is None:
            weights, start = "scratch", self.start(seed)
            options.append(f"load_from={start / 'model' / f'iter_{self.budget.start}.pth'}")
        flags = self.training(row.preset, config, seed, steps, options, weights)
        flags += ("--true-masks", self.data.train_truth) if row.true_masks else ()
        out = self.place("train", store.name, *flags)
        with self.once(out) as needed:
            if needed:
                self.fit(store, out / "model", flags)
                into = ("--out", out / "predictions", *self.on_device())
                self.call(predict, out / "model" / "model.pth", *self.data.part(test=True), *into)
                self.measure_masks(out)
                for checkpoint in (out / "model").glob("iter_*.pth"):
                    checkpoint.unlink()
        return out

    def training(
        self, preset: str, config: str, seed: int, steps: int | None, options: list[str], weights: object
    ) -> Flags:
        """Flags of `stc-train`."""
        options = [*options, *((f"default_hooks.checkpoint.interval={CHECKPOINTS}",) if steps is not None else ())]
        if self.budget.batch:
            options.append(f"train_dataloader.batch_size={self.budget.batch}")
        if self.budget.scale:
            size = "({},{})".format(*self.budget.scale)
            options += [f"train_dataloader.dataset.pipeline.3.scale={size}", f"test_pipeline.1.scale={size}"]
        return (
            *("--preset", preset, "--config", config, "--seed", seed),
            *(("--max-iters", steps) if steps is not None else ()),
            *(part for option in options for part in ("--cfg-options", option)),
            *(("--init-backbone", weights) if weights else ()),
        )

    def start(self, seed: int) -> Path:
        """The training by boxes alone that a seed's rows go on from."""
        row = Row()
        store, (config, weights) = self.store(row), self.network(row)
        loss = "model.mask_head.loss_mask"
        options = [f"{loss}.box_term=dice", f"{loss}.boundary=none"]
        flags = self.training("paper", config, seed, self.budget.start, options, weights)
        out = self.place("start", store.name, *flags)
        with self.once(out) as needed:
            if needed:
                self.fit(store, out / "model", flags)
        return out

    def fit(self, store: Path, out: Path, flags: Flags) -> None:
        """Run `stc-train`, from its last checkpoint where there is one."""
        from stc_train.commands.train import main as train

        again = ("--resume",) if any(out.glob("iter_*.pth")) else ()
        self.call(train, "--pseudo-store", store, "--work-dir", out, *flags, *again, *self.on_device())

    def on_device(self) -> Flags:
        """The flag of the networks' device, where one is named."""
        return () if self.device is None else ("--device", self.device)

    def network(self, row: Row) -> tuple[str, object]:
        """Config of a row's network, and the weights that it starts from, None for what it takes by itself."""
        if row.network is not None:
            config = f"{row.network}_{self.budget.networks.format(data=LAYOUTS[self.name])}"
            return config, self.init_backbone or (shipped.DEPTH if self.budget.networks == "r18_demo" else None)
        if self.budget.config is not None:
            return self.budget.config, self.init_backbone or (shipped.DEPTH if "r18" in self.budget.config else None)
        paper_config = PAPER_CONFIGS[self.name]
        return paper_config if row.preset == "paper" else paper_config.removesuffix("_paper"), self.init_backbone

    def measure_masks(self, out: Path) -> None:
        """AP of the predicted masks of single frames; YouTube-VIS has no such figure."""
        if self.data.annotations is not None:
            return
        from pipelines.accuracy.mask_ap import mask_ap

        with self.timed("mask AP"):
            areas = mask_ap(out / "predictions", self.data.test_root, self.data.test, self.budget.min_area)["large"]
        by_class = {metric: {name: row[metric] for name, row in areas.items()} for metric in ("AP", "AP75")}
        write_json(out / "ap.json", by_class | {"mAP": {"mean": areas["mean"]["AP"]}})

    def track(self, predictions: Path, out: Path, flags: Flags, cues: Path) -> None:
        """Link detections and measure the tracks: `results`, `scores.json`."""
        from stc_track.commands.evaluate import main as evaluate
        from stc_track.commands.track import main as track

        video = self.data.annotations is not None
        results = out / ("results.json" if video else "results")
        form = ("--format", "ytvis-results", "--annotations", self.data.annotations) if video else ()
        self.call(track, predictions, "--out", results, "--cues", cues, *form, *flags)
        names = () if video else ("--sequences", ",".join(self.data.test))
        rules = ("--benchmark", "youtube-vis") if video else ()
        report = out / "evaluation.json"
        self.call(evaluate, results, "--truth", self.data.truth, *names, *rules, "--json", report)
        write_json(out / "scores.json", figures_of(json.loads(report.read_text()), video))

    def place(self, kind: str, *parts: object) -> Path:
        """Folder of what these commands make."""
        sizes = (self.budget.train_frames, self.budget.test_frames, self.budget.min_area)
        text = json.dumps([kind, self.name, *sizes, *(str(part) for part in parts)])
        return self.out / "work" / f"{kind}_{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @contextmanager
    def once(self, place: Path) -> Iterator[bool]:
        """Whether a folder is still to be filled; it counts as filled when the block ends."""
        done = place / DONE
        needed = not done.is_file()
        yield needed
        if needed:
            done.parent.mkdir(parents=True, exist_ok=True)
            done.touch()

    def call(self, command: click.Command, *arguments: object) -> None:
        """Run a command in this process, and count its time by its name."""
        with self.timed(command.callback.__module__.rpartition(".")[2]):
            call(command, *arguments)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count the time of a block."""
        started = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - started


def plain(name: str) -> str:
    """A row's name as a file's.

    Examples:
        >>> plain("L'_dice, L_bd"), plain("YOLACT*"), plain("YOLACT+")
        ('L-_dice-L_bd', 'YOLACT-true', 'YOLACT-pseudo')
    """
    return re.sub(r"[^A-Za-z0-9_.]+", "-", re.sub(r"\+(?!\w)", " pseudo", name.replace("*", " true")))


def figures_of(report: dict[str, Any], video: bool) -> dict[str, Any]:
    """The metrics of an evaluation, by metric and class; `mean` of YouTube-VIS's classes."""
    if video:
        return {
            name: {"mean": report["mean"][key]} for name, key in (("mAP", "AP"), ("AP75", "AP75"), ("AR10", "AR10"))
        }
    return {
        metric: {name: scores[metric] for name, scores in report["combined"].items()}
        for metric in ("HOTA", "sMOTSA", "MOTSA", "MOTSP", "IDF1")
    }


def origin(device: str | None) -> dict[str, Any]:
    """Commit, versions and kind of machine."""
    versions = {}
    for name in VERSIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "none"
    kind = machine()
    if device is not None and device.startswith("cuda"):
        import torch

        kind += f", {torch.cuda.get_device_name(device)}"
    return {"commit": commit(), "versions": {"python": platform.python_version(), **versions}, "machine": kind}
