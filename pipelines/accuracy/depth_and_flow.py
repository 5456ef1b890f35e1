"""Measure depth and flow against LiDAR and true flow: `python -m pipelines.accuracy.depth_and_flow`.

AbsRel is the mean of |estimate - truth| / truth over the pixels that LiDAR hit (after each frame's estimate is scaled
by the ratio of medians, and unscaled); end-point error (EPE) and F1 (more than 3 px and 5 % wrong) are KITTI's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import VideoSequence

# KITTI 2015's stereo pairs come without their cameras: that of most of them. Scaling by medians cancels it, but for
# which pixels lie beyond the benchmark's 80 m.
FOCAL, CENTRE, BASELINE = 721.5377, (609.5593, 172.8540), 0.5327
DISPARITY_PER_PIXEL = 256


def lidar_frames(root: Path, name: str, step: int) -> Iterator[tuple[VideoSequence, int, np.ndarray]]:
    """Every `step`-th frame of a sequence that has LiDAR: sequence, position, depth (H, W) in metres, NaN unknown."""
    from stc_pseudo.datasets.depth_maps import read_depth
    from stc_pseudo.datasets.kitti import read_sequence

    video = read_sequence(root, name, boxes=None)
    lidar = root / "training" / "lidar_depth" / name
    frames = [t for t, path in enumerate(video.frames) if (lidar / f"{path.stem}.png").is_file()]
    for t in frames[::step]:
        path = lidar / f"{video.frames[t].stem}.png"
        depth = read_depth(path)
        if depth.shape != video.size:
            sizes = ("{} x {}".format(*size) for size in (video.size, depth.shape))
            raise InputError(path, expected=f"{next(sizes)} pixels as the frames", found=next(sizes))
        yield video, t, depth


def stereo_frames(root: Path) -> Iterator[tuple[VideoSequence, int, np.ndarray]]:
    """Every pair of KITTI 2015 with its depth, as `lidar_frames` gives them."""
    import cv2

    from stc_pseudo.datasets.base import Calibration, VideoSequence
    from stc_pseudo.datasets.images import list_frames
    from stc_track.io.errors import require_file

    for left in list_frames(root / "image_02"):
        right, truth = root / "image_03" / left.name, root / "disp_occ_0" / f"{left.stem}.png"
        stored = cv2.imread(str(require_file(truth, "disparity * 256")), cv2.IMREAD_UNCHANGED)
        disparity = np.where(stored > 0, stored / DISPARITY_PER_PIXEL, np.nan)
        camera = Calibration(FOCAL, FOCAL, *CENTRE, BASELINE)
        yield (
            VideoSequence(left.stem, stored.shape, (left,), (0,), (right,), camera),
            0,
            (FOCAL * BASELINE / disparity).astype(np.float32),
        )


def depth_rows(
    frames: list[tuple[VideoSequence, int, np.ndarray]], depth_weights: Path, fill_artefacts: bool
) -> Iterator[str]:
    """Measure Monodepth2 and OpenCV's stereo matching on the same frames; give a line each."""
    from stc_pseudo.datasets.images import read_frame
    from stc_pseudo.depth import make_depth_estimator
    from stc_pseudo.depth.training.accuracy import absolute_relative

    for name in ("monodepth2", "sgbm"):
        estimator = make_depth_estimator(
            name, weights=depth_weights, folder=None, device="cpu", fill_artefacts=fill_artefacts
        )
        figures = np.mean(
            [
                absolute_relative(estimator.inverse_depth(video, t, read_frame(video.frames[t])[None])[0], truth)
                for video, t, truth in frames
            ],
            axis=0,
        )
        yield (
            f"{name:<11} {len(frames)} frames: AbsRel {figures[0]:.3f} (unscaled {figures[1]:.3f}), "
            f"{figures[2]:.0%} of the true pixels"
        )


def flow_rows(pair: Path, flow_weights: Path) -> Iterator[str]:
    """Measure UPFlow and OpenCV's DIS on a pair of KITTI 2012; give a line each."""
    from pipelines.accuracy.flow import kitti_pair
    from stc_pseudo.flow import make_flow_estimator
    from stc_pseudo.flow.training.accuracy import end_point_error

    sample = kitti_pair(pair)
    length = np.nanmean(np.hypot(*sample.truth))
    for name in ("upflow", "dis"):
        estimator = make_flow_estimator(name, weights=flow_weights, folder=None, device="cpu")
        error, outliers = end_point_error(estimator.flow(sample.sequence, 0, sample.frames)[0], sample.truth)
        yield f"{name:<11} EPE {error:.2f} px, F1 {outliers:.1%}, mean motion {length:.1f} px"


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, help="KITTI MOTS layout, with training/lidar_depth.")
@click.option("--sequence", default="0000")
@click.option("--kitti2015", type=PATH, help="Stereo pairs: image_02, image_03 and disp_occ_0.")
@click.option("--depth-weights", type=PATH, help="For --root and --kitti2015.")
@click.option("--depth-artefacts", type=click.Choice(["fill", "keep"]), default="fill", help="As in stc-pseudo build.")
@click.option("--flow-pair", type=PATH, help="kitti2012_flow: image_0/*_10.png, *_11.png and flow_occ/*_10.png.")
@click.option("--flow-weights", type=PATH, help="For --flow-pair.")
@click.option("--step", default=10, help="Every how many frames of --root.")
def main(
    root: Path | None,
    sequence: str,
    kitti2015: Path | None,
    depth_weights: Path | None,
    depth_artefacts: str,
    flow_pair: Path | None,
    flow_weights: Path | None,
    step: int,
) -> None:
    """Print AbsRel of Monodepth2 and OpenCV's stereo, EPE and F1 of UPFlow and OpenCV's DIS."""
    if root:
        click.echo(f"LiDAR of {sequence}")
        for row in depth_rows(list(lidar_frames(root, sequence, step)), depth_weights, depth_artefacts == "fill"):
            click.echo(row)
    if kitti2015:
        click.echo("KITTI 2015")
        for row in depth_rows(list(stereo_frames(kitti2015)), depth_weights, depth_artefacts == "fill"):
            click.echo(row)
    if flow_pair:
        click.echo(f"KITTI 2012, {next((flow_pair / 'flow_occ').iterdir()).stem}")
        for row in flow_rows(flow_pair, flow_weights):
            click.echo(row)


if __name__ == "__main__":
    main()
