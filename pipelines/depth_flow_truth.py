"""Depth and flow of a store's sources against LiDAR and true flow: `python -m pipelines.depth_flow_truth`.

AbsRel is the mean of |estimate - truth| / truth over the pixels that LiDAR hit (after each frame's estimate is scaled
by the ratio of medians, and unscaled); end-point error (EPE) and F1 (more than 3 px and 5 % wrong) are KITTI's.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

PATH = click.Path(path_type=Path)
FARTHEST = 80.0  # metres; KITTI's depth benchmark ends here


def absolute_relative(inverse_depth: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """AbsRel median-scaled, AbsRel unscaled, and the share of the truth's pixels that have an estimate.

    Args:
        inverse_depth: (H, W), NaN where unknown.
        truth: (H, W) metres, NaN where unknown.
    """
    known = (truth < FARTHEST) & np.isfinite(inverse_depth)
    estimate = 1 / np.clip(inverse_depth[known], 1 / FARTHEST, None)
    true = truth[known]
    scaled = estimate * np.median(true) / np.median(estimate)
    share = known.sum() / (truth < FARTHEST).sum()
    return float(np.mean(np.abs(scaled - true) / true)), float(np.mean(np.abs(estimate - true) / true)), float(share)


@click.command(context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="KITTI MOTS layout, with training/lidar_depth")
@click.option("--sequence", default="0000")
@click.option("--depth-weights", type=PATH, required=True)
@click.option("--flow-pair", type=PATH, help="kitti2012_flow: image_0/*_10.png, *_11.png and flow_occ/*_10.png")
@click.option("--flow-weights", type=PATH)
@click.option("--step", default=10, help="every how many frames")
def main(root: Path, sequence: str, depth_weights: Path, flow_pair: Path | None, flow_weights: Path | None,
         step: int) -> None:
    """Print AbsRel of Monodepth2 and OpenCV's stereo, EPE and F1 of UPFlow and OpenCV's DIS."""
    from stc_pseudo.datasets.base import Sequence
    from stc_pseudo.datasets.kitti import read_sequence
    from stc_pseudo.depth import make_depth_estimator
    from stc_pseudo.depth.precomputed import read_depth
    from stc_pseudo.flow import make_flow_estimator
    from stc_pseudo.flow.kitti_png import read_kitti_flow
    from stc_pseudo.images import read_frame

    video = read_sequence(root, sequence, boxes=None)
    lidar = root / "training" / "lidar_depth" / sequence
    frames = [t for t, path in enumerate(video.frames) if (lidar / f"{path.stem}.png").is_file()][::step]
    for name in ("monodepth2", "sgbm"):
        estimator = make_depth_estimator(name, weights=depth_weights, folder=None, device="cpu")
        figures = np.mean([absolute_relative(
            estimator.inverse_depth(video, t, read_frame(video.frames[t])[None])[0],
            read_depth(lidar / f"{video.frames[t].stem}.png")) for t in frames], axis=0)
        click.echo(f"{name:<11} {len(frames)} frames: AbsRel {figures[0]:.3f} (unscaled {figures[1]:.3f}), "
                   f"{figures[2]:.0%} of LiDAR's pixels")
    if flow_pair is None:
        return
    paths = tuple(sorted((flow_pair / "image_0").iterdir()))
    pair = np.stack([read_frame(path) for path in paths])
    truth = read_kitti_flow(next((flow_pair / "flow_occ").iterdir()))
    video = Sequence("pair", pair.shape[1:3], paths, (0, 1))
    known = np.isfinite(truth[0])
    length = np.hypot(*truth)
    for name in ("upflow", "dis"):
        flow = make_flow_estimator(name, weights=flow_weights, folder=None, device="cpu").flow(video, 0, pair)[0]
        error = np.hypot(*(flow - truth))[known]
        wrong = (error > 3) & (error > 0.05 * length[known])
        click.echo(f"{name:<11} EPE {error.mean():.2f} px, F1 {wrong.mean():.1%}, "
                   f"mean motion {length[known].mean():.1f} px")


if __name__ == "__main__":
    main()
