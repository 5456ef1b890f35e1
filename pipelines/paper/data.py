"""What the rows are trained and measured on, and how much of it: data sets and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stc_pseudo.datasets.kitti import MOTS_TRAINING, MOTS_VALIDATION
from stc_track.io.errors import InputError

Flags = tuple[object, ...]
TRAIN_SEED, TEST_SEED = 60, 61  # of the rendered scenes; the demo has 0, the labels were tuned on 8 and 9


@dataclass(frozen=True)
class Budget:
    """How large networks, data and trainings are.

    Attributes:
        train_scenes, train_frames, test_scenes, test_frames: of rendered data.
        start: steps of a training by the boxes alone (L_dice), from which every row of a seed goes on, so that short
            trainings differ by what the row is about rather than by whether they find objects; 0 for none.
        steps, batch: of a row's own training; None for what the config says.
        network_steps: of the trainings of Table IX, whose networks have no such start; None for what the config says.
        scale: (width, height) of the network's input, pixels; None for what the config says.
        config: of `stc-train` for CondInst, with what it starts from; None for the paper's own of the data set.
        networks: of Table IX's configs, after the network's name.
        min_area: pixels of the true masks that count in mask AP and IoU.
    """

    train_scenes: int
    train_frames: int
    test_scenes: int
    test_frames: int
    start: int
    steps: int | None
    network_steps: int | None
    batch: int | None
    scale: tuple[int, int] | None
    config: str | None
    networks: str
    min_area: int


BUDGETS = {
    "smoke": Budget(2, 4, 1, 4, 2, 2, 4, 1, None, "condinst_r18_demo", "r18_demo", 0),
    "cpu": Budget(16, 4, 6, 12, 600, 60, 300, 2, (544, 160), "condinst_lite0_demo", "r18_demo", 300),
    "paper": Budget(160, 16, 40, 16, 0, None, None, None, None, None, "r101_{data}", 0),
}
PAPER_CONFIGS = {"rendered": "condinst_r50_kitti_paper", "kitti": "condinst_r101_kitti_paper",
                 "ytvis": "condinst_r50_ytvis_paper"}  # fmt: skip


@dataclass(frozen=True)
class Data:
    """A data set, in two parts.

    Attributes:
        dataset: the layout, of `stc-pseudo build --dataset`.
        train_root, test_root: folders.
        train, test: names of the sequences; None for all.
        truth: true masks of the test part, as `stc-eval --truth` takes them.
        train_truth: of the training part.
        annotations: of the test part's videos, where they are in YouTube-VIS's layout.
        signals: flags of `stc-pseudo build` for depth and flow, `(depth, "true")` and so on; those that are missing
            cannot be built.
    """

    dataset: str
    train_root: Path
    test_root: Path
    train: tuple[str, ...] | None
    test: tuple[str, ...] | None
    truth: Path
    train_truth: Path
    annotations: Path | None = None
    signals: Mapping[tuple[str, str], Flags] = field(default_factory=dict)

    def part(self, test: bool) -> Flags:
        """Flags that name the training part or the test part."""
        names = self.test if test else self.train
        root = self.test_root if test else self.train_root
        return ("--dataset", self.dataset, "--root", root, *(("--sequences", ",".join(names)) if names else ()))

    def signal(self, kind: str, source: str) -> Flags:
        """Flags of depth or flow, predicted or true.

        Raises:
            InputError: nobody said where it is.
        """
        if (kind, source) not in self.signals:
            flag = f"--{kind}-weights" if source == "predicted" else f"--true-{kind}"
            raise InputError(flag, expected=f"where {source} {kind} comes from", found="nothing")
        return self.signals[kind, source]


def rendered(out: Path, budget: Budget, workers: int = 1) -> Data:
    """Rendered scenes, rendered as far as they are missing: those of one seed to train on, of another to test."""
    from stc_pseudo.synthetic import render_dataset

    train, test = out / "train", out / "test"
    render_dataset(train, sequences=budget.train_scenes, frames=budget.train_frames, seed=TRAIN_SEED, workers=workers)
    render_dataset(
        test, sequences=budget.test_scenes, frames=budget.test_frames, seed=TEST_SEED, stereo=False, workers=workers
    )
    names = [tuple(f"{k:04d}" for k in range(count)) for count in (budget.train_scenes, budget.test_scenes)]
    signals = {
        ("depth", "predicted"): ("--depth", "monodepth2"),
        ("flow", "predicted"): ("--flow", "upflow"),
        ("depth", "true"): ("--depth", "precomputed"),
        ("flow", "true"): ("--flow", "precomputed"),
    }
    return Data("demo", train, test, *names, test / "instances_txt", train, signals=signals)


def kitti(root: Path, sources: Mapping[tuple[str, str], Flags], train: str | None, test: str | None) -> Data:
    """KITTI MOTS by its official split, or by the sequences that are named (commas between)."""
    names = (
        tuple((given or ",".join(split)).split(","))
        for given, split in ((train, MOTS_TRAINING), (test, MOTS_VALIDATION))
    )
    return Data("kitti", root, root, *names, root / "instances_txt", root, signals=sources)


def ytvis(root: Path, sources: Mapping[tuple[str, str], Flags], test_root: Path) -> Data:
    """YouTube-VIS: a folder to train on, and one whose annotations have the true masks."""
    from stc_pseudo.datasets.youtube_vis import annotation_file

    truths = [annotation_file(folder, "keep one there") for folder in (root, test_root)]
    return Data("ytvis", root, test_root, None, None, truths[1], truths[0], truths[1], sources)


def given_sources(
    depth_weights: Path | None, flow_weights: Path | None, true_depth: Path | None, true_flow: Path | None
) -> dict[tuple[str, str], Flags]:
    """Flags of depth and flow of real data, for what is named."""
    sources: dict[tuple[str, str], Flags] = {}
    for kind, network, weights, folder in (
        ("depth", "monodepth2", depth_weights, true_depth),
        ("flow", "upflow", flow_weights, true_flow),
    ):
        if weights is not None:
            sources[kind, "predicted"] = (f"--{kind}", network, f"--{kind}-weights", weights)
        if folder is not None:
            sources[kind, "true"] = (f"--{kind}", "precomputed", f"--{kind}-dir", folder)
    return sources
