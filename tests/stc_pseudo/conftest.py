"""A drawn data set: two boxes that stand before a far wall, in the KITTI MOTS layout, with exact depth and flow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.datasets.flow_maps import write_kitti_flow
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.masks import rle

SIZE = (66, 130)  # neither side divides by 4
CAR = (slice(20, 52), slice(12, 60))
WALKER = (slice(16, 56), slice(84, 100))


def masks() -> dict[int, np.ndarray]:
    """True masks by track id: an ellipse for the car, a cross-like figure for the walker."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    car = ((x - 36) / 24) ** 2 + ((y - 36) / 16) ** 2 <= 1
    walker = np.zeros(SIZE, bool)
    walker[WALKER[0], 88:96] = True
    walker[28:40, WALKER[1]] = True
    return {1001: car, 2001: walker}


def write_sequence(root: Path, name: str = "0000", frames: int = 3) -> None:
    """Write frames, masks, exact depth (wall 60 m, car 10 m, walker 15 m) and flow (car 6 px, walker -5 px)."""
    image, depth, flow = np.full((*SIZE, 3), 90, np.uint8), np.full(SIZE, 60.0), np.zeros((2, *SIZE), np.float32)
    for identity, mask in masks().items():
        image[mask] = (200, 60, 40) if identity == 1001 else (40, 80, 210)
        depth[mask] = 10.0 if identity == 1001 else 15.0
        flow[0][mask] = 6.0 if identity == 1001 else -5.0
    for folder in ("image_02", "depth", "flow"):
        (root / "training" / folder / name).mkdir(parents=True)
    for t in range(frames):
        cv2.imwrite(str(root / f"training/image_02/{name}/{t:06d}.png"), image)
        cv2.imwrite(str(root / f"training/depth/{name}/{t:06d}.png"), (depth * 256).astype(np.uint16))
        write_kitti_flow(root / f"training/flow/{name}/{t:06d}.png", flow)
    write_mots(
        root / "instances_txt" / f"{name}.txt",
        [
            MotsObject(t, identity, identity // 1000, *SIZE, rle.encode(mask))
            for t in range(frames)
            for identity, mask in masks().items()
        ],
    )


class Drawn:
    """The drawn data set in a folder, and the commands over it.

    Attributes:
        root: the data set's folder.
        store: where its store goes.
        size: (height, width) of its frames.
    """

    size = SIZE

    def __init__(self, folder: Path) -> None:
        self.root, self.store = folder / "data", folder / "store"

    def write(self, name: str = "0000", frames: int = 3) -> None:
        """Add a sequence."""
        write_sequence(self.root, name, frames)

    def masks(self) -> dict[int, np.ndarray]:
        """True masks by track id, (H, W) bool."""
        return masks()

    def run(self, *arguments: object):
        """Run `stc-pseudo` with these arguments."""
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    def build(self, *more: object):
        """Run `stc-pseudo build` on the exact maps."""
        training = self.root / "training"
        return self.run(
            "build",
            "--dataset",
            "kitti",
            "--root",
            self.root,
            "--out",
            self.store,
            "--depth",
            "precomputed",
            "--depth-dir",
            training / "depth",
            "--flow",
            "precomputed",
            "--flow-dir",
            training / "flow",
            *more,
        )


@pytest.fixture
def drawn(tmp_path: Path) -> Drawn:
    """A drawn data set of one sequence of three frames."""
    data = Drawn(tmp_path)
    data.write()
    return data
