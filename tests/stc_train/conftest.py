"""A tiny drawn video with its store; MMDetection is imported only after its operators are in place."""

from pathlib import Path

import numpy as np
import pytest

from stc_train import mmcv_ops

mmcv_ops.install()

HEIGHT, WIDTH, FRAMES = 98, 162, 6  # not multiples of 4: the last rows and columns have no cell


def draw(t: int) -> tuple[np.ndarray, np.ndarray]:
    """Frame t (H, W, 3) uint8 RGB, and its objects (H, W): 1 a blue car, an ellipse; 2 a red pedestrian, a diamond."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    objects = np.zeros((HEIGHT, WIDTH), np.uint16)
    objects[((x - 50 - 4 * t) / 30) ** 2 + ((y - 60) / 16) ** 2 < 1] = 1
    objects[abs(x - 130 + 2 * t) / 8 + abs(y - 50) / 24 < 1] = 2
    picture = np.random.default_rng(t).integers(90, 130, (HEIGHT, WIDTH, 3), np.uint8)
    picture[objects == 1] = 30, 60, 200
    picture[objects == 2] = 210, 40, 30
    return picture, objects


def tight_box(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.fixture(scope="session", autouse=True)
def _plain_configs(plain_configs):
    """Trainings here write plain configs."""


@pytest.fixture(scope="session")
def drawn_video(tmp_path_factory) -> Path:
    """A folder in the KITTI MOTS layout with frames of sequence 0003."""
    import cv2

    root = tmp_path_factory.mktemp("kitti")
    folder = root / "training" / "image_02" / "0003"
    folder.mkdir(parents=True)
    for t in range(FRAMES):
        cv2.imwrite(str(folder / f"{t:06d}.png"), draw(t)[0][..., ::-1])
    return root


@pytest.fixture(scope="session")
def drawn_store(drawn_video, tmp_path_factory) -> Path:
    """Its store: the drawn masks as pseudo-masks; similarities are high but for one edge; frame 2 has no boxes."""
    from stc_pseudo.building.stages import pool_objects
    from stc_pseudo.datasets.base import FrameBoxes, VideoSequence
    from stc_pseudo.store.schema import array_cell, arrays_of
    from stc_pseudo.store.writer import StoreWriter

    frames = tuple(sorted((drawn_video / "training" / "image_02" / "0003").iterdir()))
    boxes = {}
    for t in range(FRAMES):
        objects = draw(t)[1]
        boxes[t] = FrameBoxes(
            np.array([tight_box(objects == k) for k in (1, 2)], np.float32),
            np.array([1, 2], np.int32),
            np.array([1001, 2001], np.int32),
            np.array([[0, 0, 20, 12]], np.float32),
        )
    boxes[2] = FrameBoxes.empty()
    sequence = VideoSequence(
        "0003", (HEIGHT, WIDTH), frames, tuple(range(FRAMES)), boxes=boxes, class_names={1: "car", 2: "pedestrian"}
    )
    arrays = {
        name: np.zeros((FRAMES, *channels, *(side // array_cell(name, 4) for side in sequence.size)), dtype)
        for name, (channels, dtype) in arrays_of(4, ["similarity"]).items()
    }
    for t in range(FRAMES):
        arrays["objects"][t] = draw(t)[1]
        arrays["instances"][t], arrays["coverage"][t] = pool_objects(arrays["objects"][t])
    arrays["similarity_depth"][:] = arrays["similarity_flow"][:] = 200
    arrays["similarity_depth"][:, 4, 10, 5] = 60  # below 0.3 * 255
    url = tmp_path_factory.mktemp("store") / "store"
    writer = StoreWriter(str(url), "kitti", sequence.class_names, drawn_video)
    partial = writer.begin(sequence, {"detail": 4, "keep": ["similarity"]})
    for start, stop in partial.missing():
        scores = np.concatenate([[0.8, 0.4][: len(boxes[t])] for t in range(start, stop)])
        partial.write(start, {name: block[start:stop] for name, block in arrays.items()}, {"box_score": scores})
    writer.finish("0003")
    writer.close()
    return url
