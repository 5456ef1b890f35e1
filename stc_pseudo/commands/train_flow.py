"""`stc-pseudo train-flow`: UPFlow from video, unsupervised."""

from __future__ import annotations

from pathlib import Path

import click

from stc_pseudo.commands.dataset_flags import DEFAULT_ROOTS, OWN, DatasetFlags, dataset_options
from stc_pseudo.commands.training_options import fit_options, fit_settings
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH
from stc_track.io.work_folder import only_writer


@click.command(cls=Command, context_settings={"show_default": True})
@click.option(
    "--frames",
    "frame_dirs",
    type=PATH,
    multiple=True,
    help="Video file, folder of frames, or folder of such; repeatable.",
)
@dataset_options(required=False)
@click.option("--out", type=PATH, required=True, help="Checkpoint to write.")
@click.option("--height", default=256, help="What frames are resized to, pixels, divisible by 32.")
@click.option("--width", default=832, help="What frames are resized to, pixels, divisible by 32.")
@click.option("--smoothness-order", type=click.IntRange(1, 2), default=2, help="1: constant flow is smooth, 2: affine.")
@click.option(
    "--start",
    type=click.Choice(["none", "dis"]),
    help="What the decoder goes on from: nothing, as published, or OpenCV's DIS where it is consistent; for "
    "short trainings.  [default: as --init, or none]",
)
@click.option(
    "--true-flow",
    type=PATH,
    help="{sequence}/{frame}.png, .npy, .flo or .pfm of the frames: learn from these, instead of from the "
    "frames alone; for a pre-training on rendered video.",
)
@click.option(
    "--coarse-share",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="With --true-flow: of the steps, those that stop before the finest level, at a third of the cost.",
)
@click.option(
    "--robust",
    is_flag=True,
    help="With --true-flow: large errors count for little more than small ones, as in PWC-Net's fine-tuning.",
)
@click.option("--init", type=PATH, help="Weights to start from: a checkpoint, or the authors' published file.")
@click.option(
    "--warm-up-steps",
    type=click.IntRange(min=0),
    default=0,
    help="The first steps learn from frames moved by known flow; for short trainings from a random start.",
)
@fit_options(batch_size=4, truth="{sequence}/{frame}.png, .npy or .flo of flow of held-out frames: prints EPE.")
@click.option("--half", is_flag=True, help="Store the weights in half precision.")
def main(data: DatasetFlags, frame_dirs: tuple[Path, ...], out: Path, **settings: object) -> None:
    """Train UPFlow on video, without flow truth, or from it."""
    from stc_pseudo.flow.training.trainer import FlowTraining, train_flow
    from stc_pseudo.training.settings import training_settings

    training = training_settings(FlowTraining, **fit_settings(settings, out))
    if (data.dataset is None) == (not frame_dirs):
        found = "both" if data.dataset else "neither"
        raise InputError("train-flow", expected="either --frames or --dataset", found=found)
    if data.dataset is None:
        from stc_pseudo.datasets.frames import read_videos

        videos = [video.frames for video in read_videos(frame_dirs, data.root or DEFAULT_ROOTS[OWN])]
    else:
        videos = [sequence.frames for sequence in data.read(boxes=False)]
    try:
        with only_writer(out, "training", "--out names another"):
            train_flow(videos, training, out)
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
