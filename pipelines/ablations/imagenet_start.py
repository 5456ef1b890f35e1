"""What ImageNet's weights are worth: `python -m pipelines.ablations.imagenet_start depth|segmenter`.

    python -m pipelines.ablations.imagenet_start depth --root KITTI_MOTS
    python -m pipelines.ablations.imagenet_start segmenter STORE --test-root KITTI_MOTS --sequences 0000

`depth` trains Monodepth2 with EfficientNet-Lite0 as its encoder on one sequence, once from ImageNet's weights and once
from random ones, for the same steps of the same clips, and prints AbsRel against LiDAR and the contrast of depth along
the outlines of the true masks (`puzzle.score.edge_contrast` of log inverse depth, within each mask's box; 0 is as
anywhere in the box). `segmenter` does the same with `condinst_lite0_demo` on a store, and prints COCO's mask AP.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import VideoSequence
    from stc_track.formats.mots import MotsObject

MIN_AREA = 300  # pixels of a true mask
STARTS = {"ImageNet": "auto", "random": "scratch"}  # of stc-train's --init-backbone


@click.group()
def main() -> None:
    """Train with and without an ImageNet start, and measure both."""


@main.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="KITTI MOTS layout with instances_txt and training/lidar_depth.")
@click.option("--sequence", default="0000", help="Its frames are trained on and measured.")
@click.option("--out", type=PATH, default=Path("runs/imagenet_start"), help="Folder for the weights.")
@click.option("--steps", type=click.IntRange(min=1), default=500, help="Of each training.")
@click.option("--height", default=96, help="Of the network's input.")
@click.option("--width", default=320, help="Of the network's input.")
@click.option("--batch-size", default=4, help="Clips a step.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Trainings of each kind.")
@click.option("--step", type=click.IntRange(min=1), default=10, help="Measure on every so many frames.")
def depth(
    root: Path, sequence: str, out: Path, steps: int, height: int, width: int, batch_size: int, seeds: int, step: int
) -> None:
    """Print AbsRel and edge contrast of depth with and without an ImageNet start."""
    from pipelines.accuracy.depth_and_flow import lidar_frames
    from pipelines.reporting.commands import call
    from stc_pseudo.commands.train_depth import main as train_depth
    from stc_pseudo.evaluation.ground_truth import true_masks

    frames, masks = list(lidar_frames(root, sequence, step)), true_masks(root, sequence)
    rows = []
    for seed in range(seeds):
        for name, start in (("ImageNet", ("--encoder-weights", "package")), ("random", ())):
            weights = out / f"{name.lower()}_{seed}.pth"
            size = ("--height", height, "--width", width, "--batch-size", batch_size)
            data = ("--dataset", "kitti", "--root", root, "--sequences", sequence, "--mode", "mono")
            network = ("--encoder", "efficientnet_lite0", *start, "--seed", seed, "--steps", steps)
            call(train_depth, *data, *network, *size, "--no-log", "--out", weights)
            rows.append((name, seed, *measure(frames, masks, weights)))
    click.echo(f"after {steps} steps of {batch_size} clips, {width}x{height}")
    click.echo(f"{'start':<10}{'seed':>5}{'AbsRel':>9}{'edges':>8}")
    for name, seed, error, edges in rows:
        click.echo(f"{name:<10}{seed:>5}{error:>9.3f}{edges:>8.3f}")


@main.command(cls=Command, context_settings={"show_default": True})
@click.argument("store", type=PATH)
@click.option("--test-root", type=PATH, required=True, help="KITTI MOTS layout with frames and instances_txt.")
@click.option("--sequences", required=True, help="Of the test data, commas between.")
@click.option("--out", type=PATH, default=Path("runs/imagenet_start"), help="Folder for weights and predictions.")
@click.option("--steps", type=click.IntRange(min=1), default=300, help="Of each training.")
@click.option("--batch-size", default=2, help="Frames a step.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, help="Trainings of each kind.")
def segmenter(store: Path, test_root: Path, sequences: str, out: Path, steps: int, batch_size: int, seeds: int) -> None:
    """Print mask AP with and without an ImageNet start, of masks of at least 300 pixels."""
    from pipelines.accuracy.mask_ap import mask_ap
    from pipelines.reporting.commands import call
    from stc_train.commands.predict import main as predict
    from stc_train.commands.train import main as train

    click.echo(f"after {steps} steps of {batch_size} frames")
    click.echo(f"{'start':<10}{'seed':>5}{'AP':>7}{'AP50':>7}")
    for seed in range(seeds):
        for name, start in STARTS.items():
            place = out / f"segmenter_{name.lower()}_{seed}"
            network = ("--config", "condinst_lite0_demo", "--init-backbone", start, "--seed", seed)
            length = ("--max-iters", steps, "--cfg-options", f"train_dataloader.batch_size={batch_size}")
            call(train, "--pseudo-store", store, "--work-dir", place, *network, *length)
            videos = ("--dataset", "kitti", "--root", test_root, "--sequences", sequences)
            call(predict, place / "model.pth", *videos, "--out", place / "predictions")
            figures = mask_ap(place / "predictions", test_root, sequences.split(","), MIN_AREA)["large"]["mean"]
            click.echo(f"{name:<10}{seed:>5}{figures['AP']:>7.1f}{figures['AP50']:>7.1f}")


def measure(
    frames: list[tuple[VideoSequence, int, np.ndarray]], masks: dict[int, list[MotsObject]], weights: Path
) -> tuple[float, float]:
    """Mean AbsRel, and mean contrast of depth along the outlines of true masks.

    Args:
        frames: sequence, position and true depth (H, W) of each.
        masks: true masks by frame number.
        weights: of a depth network.
    """
    from stc_pseudo.datasets.images import read_frame
    from stc_pseudo.depth import make_depth_estimator
    from stc_pseudo.depth.training.accuracy import absolute_relative
    from stc_pseudo.puzzle.score import edge_contrast
    from stc_track.masks import rle

    estimator = make_depth_estimator("monodepth2", weights=weights, folder=None, device="cpu", fill_artefacts=False)
    errors, edges = [], []
    for video, t, truth in frames:
        inverse = estimator.inverse_depth(video, t, read_frame(video.frames[t])[None])[0]
        errors.append(absolute_relative(inverse, truth)[0])
        for obj in masks.get(video.numbers[t], ()):
            (x1, y1, x2, y2), mask = rle.decode_box(obj.counts, obj.height, obj.width)
            if mask.sum() >= MIN_AREA:
                inside = np.log(np.maximum(inverse[y1:y2, x1:x2], 1e-6))[..., None]
                edges.append(edge_contrast(inside, mask, np.ones(mask.shape, bool)))
    return float(np.mean(errors)), float(np.mean(edges))


if __name__ == "__main__":
    main()
