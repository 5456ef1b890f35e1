"""Measure what infinite-depth artefacts of moving objects cost, and what filling them regains.

`python -m pipelines.accuracy.moving_object_depth --root DEMO`

On rendered scenes with exact depth and flow, the inside of every car is moved almost to infinity, with a soft edge, as
a depth network of one camera does with cars that drive ahead. Printed are the mean IoU of the pseudo-masks and the
depth's median relative error inside the cars: exact, with artefacts, and with the artefacts filled.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.datasets.base import VideoSequence
    from stc_pseudo.estimators import DepthEstimator

CAR = 1
ERODED, SOFTNESS = 5, 3.0  # pixels: what the hole leaves of the car's rim, and how soft its edge is
LEFT = 0.02  # of the inverse depth
CORE = 0.6  # where the hole is deeper than this share, the error is measured


class Holed:
    """A `DepthEstimator` that loses the inside of every car of another's maps to infinity.

    Args:
        exact: the other.
        truth: folder of the true masks, `{sequence}.txt` in MOTS text.
    """

    def __init__(self, exact: DepthEstimator, truth: Path) -> None:
        self.exact, self.truth = exact, truth

    def fingerprint(self, sequence: VideoSequence) -> str:
        """See `DepthEstimator.fingerprint`."""
        return f"{self.exact.fingerprint(sequence)}-holed"

    def inverse_depth(self, sequence: VideoSequence, start: int, frames: np.ndarray) -> np.ndarray:
        """See `DepthEstimator`."""
        maps = self.exact.inverse_depth(sequence, start, frames)
        return maps * (
            1 - (1 - LEFT) * np.stack([hole_share(self.truth, sequence, t) for t in range(start, start + len(frames))])
        )


def hole_share(truth: Path, sequence: VideoSequence, index: int) -> np.ndarray:
    """How much of a hole each pixel of a frame is in: (H, W) float32 in 0..1."""
    from stc_track.formats.mots import read_mots
    from stc_track.masks import rle

    share = np.zeros(sequence.size, np.float32)
    for obj in read_mots(truth / f"{sequence.name}.txt").get(sequence.numbers[index], ()):
        if obj.class_id == CAR:
            mask = rle.decode(obj.counts, obj.height, obj.width).astype(np.float32)
            inside = cv2.erode(mask, np.ones((ERODED, ERODED)))
            share = np.maximum(share, cv2.GaussianBlur(inside, (0, 0), SOFTNESS))
    return share


def median_error(estimator: DepthEstimator, exact: DepthEstimator, truth: Path, sequence: VideoSequence) -> float:
    """Median of |depth - true depth| / true depth over the pixels that are deep in a hole."""
    errors = []
    for t in range(len(sequence)):
        picture = np.empty((1, *sequence.size, 3), np.uint8)  # read from files, not from the frame
        core = hole_share(truth, sequence, t) > CORE
        true, estimate = (source.inverse_depth(sequence, t, picture)[0][core] for source in (exact, estimator))
        errors.append(np.abs(true / estimate - 1))
    return float(np.median(np.concatenate(errors)))


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Rendered scenes, as `make demo` writes them.")
@click.option("--sequences", required=True, help="Comma-separated names.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
def main(root: Path, sequences: str, min_area: int) -> None:
    """Print the pseudo-masks' mean IoU and the depth's error without artefacts, with them, and with them filled."""
    logging.basicConfig(level=logging.WARNING)
    from stc_pseudo.building.build_store import build
    from stc_pseudo.datasets.kitti import read_kitti
    from stc_pseudo.depth.ground_fill import GroundFilledDepth
    from stc_pseudo.depth.precomputed import PrecomputedDepth
    from stc_pseudo.evaluation.pseudo_masks import inspect_store
    from stc_pseudo.flow.precomputed import PrecomputedFlow
    from stc_pseudo.settings import LabelSettings
    from stc_pseudo.store.reader import StoreReader
    from stc_pseudo.store.writer import StoreWriter

    videos, truth = read_kitti(root, sequences.split(",")), root / "instances_txt"
    exact, flow = PrecomputedDepth(root / "training" / "depth"), PrecomputedFlow(root / "training" / "flow")
    holed = Holed(exact, truth)
    sources = {"exact": exact, "artefacts": holed, "artefacts filled": GroundFilledDepth(holed)}
    for label, depth in sources.items():
        with tempfile.TemporaryDirectory() as folder:
            store = f"{folder}/store"
            build(videos, depth, flow, StoreWriter(store, "demo", videos[0].class_names, root), LabelSettings())
            iou = inspect_store(StoreReader(store), root, tuple(video.name for video in videos), min_area)["mean_iou"]
        error = np.median([median_error(depth, exact, truth, video) for video in videos])
        figures = ", ".join(
            f"{name} {row['pseudo_mask']:.3f} ({row['instances']})" for name, row in iou.items() if row["instances"]
        )
        click.echo(f"{label:<13} mean IoU {figures}; depth inside cars wrong by {error:.0%}")


if __name__ == "__main__":
    main()
