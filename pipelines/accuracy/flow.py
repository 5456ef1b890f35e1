"""UPFlow against true flow, beside OpenCV's DIS: `python -m pipelines.accuracy.flow`.

End-point error (EPE) and F1 (more than 3 px and 5 % wrong) are KITTI's, the mean over pairs of frames; once over all
pixels whose flow is known, and once over those visible in both frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import VideoSequence

NEARER = 0.9  # of a point's depth: what is nearer than this, and lands on the same pixel, hides it


@dataclass(frozen=True, eq=False)
class Pair:
    """Two neighbouring frames, from position `index` of a sequence, and the true flow of the first.

    Attributes:
        sequence: of the frames.
        index: position of the first.
        frames: (2, H, W, 3) uint8 RGB.
        truth: (2, H, W) pixels, NaN where not known.
        depth: (H, W) metres of the first frame, or None where it is not known.
    """

    sequence: VideoSequence
    index: int
    frames: np.ndarray
    truth: np.ndarray
    depth: np.ndarray | None = None

    def __post_init__(self) -> None:
        size, truth_size = self.frames.shape[1:3], self.truth.shape[1:]
        if size != truth_size:
            where = f"{self.sequence.name}, frame {self.index}"
            expected = f"true flow of {size[0]} x {size[1]} pixels as the frames"
            raise InputError(where, expected=expected, found=f"{truth_size[0]} x {truth_size[1]}")


def seen_in_both(truth: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
    """Pixels that stay in the frame and, where depth is given, are not hidden in the second frame.

    Args:
        truth: (2, H, W) pixels, NaN where not known.
        depth: (H, W) metres, or None.

    Returns:
        (H, W) bool. Hidden is what lands within a pixel of something nearer than `NEARER` of its depth.
    """
    import cv2

    height, width = truth.shape[1:]
    y, x = np.mgrid[:height, :width]
    target_x, target_y = x + truth[0], y + truth[1]
    inside = (target_x >= 0) & (target_x <= width - 1) & (target_y >= 0) & (target_y <= height - 1)
    if depth is None:
        return inside
    landed = np.rint(target_y[inside]).astype(int), np.rint(target_x[inside]).astype(int)
    nearest = np.full((height, width), np.inf, np.float32)
    np.minimum.at(nearest, landed, depth[inside].astype(np.float32))
    nearest = cv2.erode(nearest, np.ones((3, 3)))
    visible = np.zeros((height, width), bool)
    visible[inside] = depth[inside] * NEARER <= nearest[landed]
    return visible


def demo_pairs(root: Path, step: int) -> Iterator[Pair]:
    """Every `step`-th pair of each sequence of rendered scenes."""
    from stc_pseudo.datasets.depth_maps import read_depth
    from stc_pseudo.datasets.flow_maps import read_kitti_flow
    from stc_pseudo.datasets.images import read_frame
    from stc_pseudo.datasets.kitti import read_kitti

    for sequence in read_kitti(root, None, boxes=None):
        for index in range(0, len(sequence) - 1, step):
            frames = np.stack([read_frame(path) for path in sequence.frames[index : index + 2]])
            name = Path(sequence.name) / f"{sequence.frames[index].stem}.png"
            yield Pair(
                sequence,
                index,
                frames,
                read_kitti_flow(root / "training" / "flow" / name),
                read_depth(root / "training" / "depth" / name),
            )


def kitti_pair(folder: Path) -> Pair:
    """KITTI 2012's pair: the two frames of `image_0`, and `flow_occ`."""
    from stc_pseudo.datasets.base import VideoSequence
    from stc_pseudo.datasets.flow_maps import read_kitti_flow
    from stc_pseudo.datasets.images import list_frames, read_frame

    paths = tuple(list_frames(folder / "image_0", "--flow-pair"))[:2]
    frames = np.stack([read_frame(path) for path in paths])
    truth = read_kitti_flow(list_frames(folder / "flow_occ", "--flow-pair")[0])
    return Pair(VideoSequence("pair", frames.shape[1:3], paths, (0, 1)), 0, frames, truth)


def measure(estimators: dict[str, object], pairs: Iterator[Pair]) -> dict[str, np.ndarray]:
    """Mean over pairs of EPE and F1 of all pixels, EPE and F1 of those seen in both frames, and seconds."""
    from stc_pseudo.flow.training.accuracy import end_point_error

    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in estimators}
    for pair in pairs:
        visible = np.where(seen_in_both(pair.truth, pair.depth), pair.truth, np.nan)
        for name, estimator in estimators.items():
            started = time.perf_counter()
            flow = estimator.flow(pair.sequence, pair.index, pair.frames)[0]
            seconds = time.perf_counter() - started
            rows[name].append((*end_point_error(flow, pair.truth), *end_point_error(flow, visible), seconds))
    return {name: np.mean(values, axis=0) for name, values in rows.items()}


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--flow-weights", type=PATH, multiple=True, help="UPFlow's; repeatable.")
@click.option("--demo", type=PATH, multiple=True, help="Rendered scenes, with their flow and depth; repeatable.")
@click.option("--flow-pair", type=PATH, help="kitti2012_flow: image_0/*_10.png, *_11.png and flow_occ/*_10.png.")
@click.option("--step", default=5, help="Of rendered scenes: every how many frames.")
@click.option("--device", default="cpu", help="cpu or cuda.")
def main(
    flow_weights: tuple[Path, ...], demo: tuple[Path, ...], flow_pair: Path | None, step: int, device: str
) -> None:
    """Print EPE and F1 of UPFlow and of OpenCV's DIS."""
    from stc_pseudo.flow import make_flow_estimator

    estimators = {
        str(path): make_flow_estimator("upflow", weights=path, folder=None, device=device) for path in flow_weights
    }
    estimators["OpenCV's DIS"] = make_flow_estimator("dis", weights=None, folder=None, device=device)
    sources = {str(root): demo_pairs(root, step) for root in demo}
    if flow_pair is not None:
        sources[str(flow_pair)] = iter([kitti_pair(flow_pair)])
    for source, pairs in sources.items():
        click.echo(source)
        for name, (epe, f1, seen_epe, seen_f1, seconds) in measure(estimators, pairs).items():
            click.echo(
                f"  {name}: all pixels EPE {epe:.2f} px, F1 {f1:.1%}; "
                f"seen in both frames EPE {seen_epe:.2f} px, F1 {seen_f1:.1%}; {seconds:.2f} s a pair"
            )


if __name__ == "__main__":
    main()
