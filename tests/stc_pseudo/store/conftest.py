import numpy as np
import pytest

from stc_pseudo.datasets.base import FrameBoxes, VideoSequence
from stc_pseudo.store.schema import arrays_of, frame_shape
from stc_pseudo.store.writer import StoreWriter

SIZE, LENGTH = (35, 66), 36
PROVENANCE = {"detail": 4, "depth": "x"}


class SmallStore:
    """A store of one sequence of three shards of noise; builds of it can be cut short."""

    def __init__(self, folder, url=None):
        self.folder, self.path, self.url = folder, folder / "store", url or str(folder / "store")
        boxes = {
            t: FrameBoxes(
                np.array([[0, 0, 8, 8]], np.float32), np.array([1]), np.array([7]), np.zeros((0, 4), np.float32)
            )
            for t in range(LENGTH)
        }
        frames = tuple(folder / f"{t}.png" for t in range(LENGTH))
        self.sequence = VideoSequence("0001", SIZE, frames, tuple(range(LENGTH)), boxes=boxes)

    def writer(self):
        return StoreWriter(self.url, "kitti", {1: "car"}, self.folder)

    def shard(self, start, stop):
        rng = np.random.default_rng(start)
        return {
            name: rng.integers(0, 2, (stop - start, *frame_shape(name, SIZE, 4))).astype(dtype)
            for name, (_, dtype) in arrays_of(4).items()
        }

    def write(self, writer, shards=None, provenance=PROVENANCE):
        """Write the missing shards, at most so many; returns the first frames of those written."""
        partial = writer.begin(self.sequence, provenance)
        missing = partial.missing()[:shards]
        for start, stop in missing:
            partial.write(start, self.shard(start, stop), {"box_area": np.arange(start, stop)})
        return [start for start, _ in missing]

    def build(self, provenance=PROVENANCE):
        with self.writer() as writer:
            written = self.write(writer, provenance=provenance)
            writer.finish("0001")
        return written

    def contents(self):
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes() for path in self.path.rglob("*") if path.is_file()
        }


@pytest.fixture
def small(tmp_path):
    return SmallStore(tmp_path)
