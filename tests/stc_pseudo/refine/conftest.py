"""A drawn store: bright ellipses on a dark ground; each mask of the first round is wrong in another place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stc_pseudo.building.stages import pool_objects
from stc_pseudo.datasets.base import FrameBoxes, Sequence
from stc_pseudo.store.schema import ARRAYS, array_cell
from stc_pseudo.store.writer import StoreWriter

SIZE = (96, 160)
BOXES = np.array([[8, 10, 56, 42], [70, 6, 100, 60], [110, 30, 150, 58], [20, 56, 60, 90]], np.float32)


def draw_ellipse(box: np.ndarray) -> np.ndarray:
    """The true mask of a box, (H, W) bool."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1


def wrong(mask: np.ndarray, box: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The mask with a part of the box, drawn at random, turned over."""
    x1, y1, x2, y2 = box.astype(int)
    height, width = (y2 - y1) // 3, (x2 - x1) // 3
    top, left = random.integers(y1, y2 - height), random.integers(x1, x2 - width)
    mask = mask.copy()
    mask[top : top + height, left : left + width] ^= True
    return mask


def write(folder: Path, frames: int = 16, boxes: int = 4, empty: tuple[int, ...] = (), scored: bool = True) -> Path:
    """Write frames and their store; the boxes of the rows `empty` have no mask."""
    random = np.random.default_rng(0)
    paths, objects, of_frame = [], np.zeros((frames, *SIZE), np.uint16), {}
    for t in range(frames):
        picture = random.normal(60, 6, (*SIZE, 3))
        for k, box in enumerate(BOXES[:boxes]):
            true = draw_ellipse(box)
            picture[true] += random.uniform(90, 140, 3)
            if k not in empty:
                objects[t][wrong(true, box, random)] = k + 1
        paths.append(folder / f"{t:06d}.png")
        cv2.imwrite(str(paths[-1]), picture.clip(0, 255).astype(np.uint8))
        ids = np.arange(1, boxes + 1, dtype=np.int32)
        of_frame[t] = FrameBoxes(BOXES[:boxes], np.ones(boxes, np.int32), ids, np.zeros((0, 4), np.float32))
    sequence = Sequence("drawn", SIZE, tuple(paths), tuple(range(frames)), boxes=of_frame, class_names={1: "thing"})
    arrays = {
        name: np.ones((frames, *channels, *(side // array_cell(name, 4) for side in SIZE)), dtype)
        for name, (channels, dtype) in ARRAYS.items()
    }
    pooled = [pool_objects(on_frame) for on_frame in objects]
    arrays |= {"objects": objects, "instances": np.stack([i for i, _ in pooled])}
    arrays["coverage"] = np.stack([c for _, c in pooled])
    with StoreWriter(str(folder / "store"), "frames", sequence.class_names, folder) as writer:
        partial = writer.begin(sequence, {"detail": 4})
        for start, stop in partial.missing():
            scores = np.full((stop - start) * boxes, 0.5, np.float32)
            blocks = {name: block[start:stop] for name, block in arrays.items()}
            partial.write(start, blocks, {"box_score": scores} if scored else {})
        writer.finish("drawn")
    return folder / "store"


@pytest.fixture
def ellipse() -> Callable[[np.ndarray], np.ndarray]:
    """Gives the true mask of a box."""
    return draw_ellipse


@pytest.fixture
def write_store() -> Callable[..., Path]:
    """Writes a store into a folder."""
    return write


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of 64 boxes with masks."""
    return write(tmp_path)
