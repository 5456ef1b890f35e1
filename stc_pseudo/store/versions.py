"""A version of a sequence: what a build writes, shard by shard, and marks.

A version is named by what it is made from. `begun.json` is put after metadata and boxes, `done/{t}.json` after the
shard that begins at frame t, in all arrays.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stc_pseudo.store.schema import table_metadata
from stc_track.formats.shards import checksum, encode_shard, with_checksum
from stc_track.formats.store import seal, shard_key
from stc_track.io.location import Location

BEGUN, DONE = "begun.json", "done"
Files = dict[str, list[int]]  # key below a version: bytes and CRC32C


@dataclass
class PartialSequence:
    """A version being written. Pickled for a task, it is small: what is done stays with the builder.

    Attributes:
        store: where the store is.
        name: of the sequence.
        version: the version's name.
        length: frames in the sequence.
        frames: in a shard.
        arrays: (dtype, shape of one frame) of each array.
        done: content of the marks of the shards that are whole, by first frame.
        files: metadata and boxes.
    """

    store: Location
    name: str
    version: str
    length: int
    frames: int
    arrays: dict[str, tuple[str, tuple[int, ...]]]
    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: Files = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"done": {}, "files": {}}

    @property
    def url(self) -> str:
        """Where the version is."""
        return self.store.where(f"{self.name}/{self.version}")

    def shards(self) -> list[tuple[int, int]]:
        """Return (start, stop) of every shard's frames."""
        return [(t, min(t + self.frames, self.length)) for t in range(0, self.length, self.frames)]

    @property
    def is_single(self) -> bool:
        """Whether one shard is all of it."""
        return self.length <= self.frames

    def missing(self) -> list[tuple[int, int]]:
        """Return the shards that are not written yet."""
        return [shard for shard in self.shards() if shard[0] not in self.done]

    def write(
        self, start: int, arrays: dict[str, np.ndarray], columns: dict[str, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Write one whole shard of every array, then mark it done, unless it is the only one: the record will do.

        Args:
            start: the shard's first frame.
            arrays: name to (n, ...) of the store's shape and dtype; those that the version does not keep are left out.
            columns: values of `RESULT_TABLES` for the boxes of these frames, in order.

        Returns:
            the mark's content.
        """
        shard, files = start // self.frames, {}
        stop = min(start + self.frames, self.length)
        for name, (dtype, shape) in self.arrays.items():
            block = arrays[name]
            if str(block.dtype) != dtype:
                raise TypeError(f"{name} must be {dtype}, got {block.dtype}")
            if block.shape != (stop - start, *shape):
                raise ValueError(f"{name} must be {(stop - start, *shape)}, got {block.shape}")
            files[shard_key(name, shard, (self.length, *shape))] = encode_shard(block, self.frames)
        prefix = f"{self.name}/{self.version}"
        self.store.put_many({f"{prefix}/{key}": content for key, content in files.items()})
        rows = {name: np.asarray(values).tolist() for name, values in (columns or {}).items()}
        mark = {"files": {key: describe(content) for key, content in files.items()}, "columns": rows}
        if not self.is_single:
            self.store.put(f"{prefix}/{DONE}/{start:08d}.json", seal(mark))
        self.done[start] = mark
        return mark


def describe(content: bytes) -> list[int]:
    """Bytes, CRC32C and CRC32 of an object, as records list them."""
    return [len(content), checksum(content), zlib.crc32(content)]


def is_chunk(key: str) -> bool:
    """Whether an object of a version holds values, not metadata."""
    return not key.endswith("zarr.json")


def drop_version(store: Location, name: str, version: str, sizes: dict[str, int]) -> None:
    """Remove a version: first the marks, so that whoever is killed here leaves none that promises a lost shard.

    Args:
        store: where the store is.
        name: of the sequence.
        version: its name.
        sizes: every object of the sequence, by key.
    """
    prefix = f"{name}/{version}"
    keys = [key for key in sizes if key.startswith(f"{prefix}/")]
    marks = [key for key in keys if key.startswith(f"{prefix}/{DONE}/")]
    store.delete(marks)
    store.delete([f"{prefix}/{BEGUN}"] if f"{prefix}/{BEGUN}" in sizes else [])
    store.delete(sorted(set(keys) - set(marks) - {f"{prefix}/{BEGUN}"}))
    store.prune(prefix)


def table_files(name: str, rows: np.ndarray) -> dict[str, bytes]:
    """Zarr's objects of a table of one chunk."""
    files = {f"{name}/zarr.json": json.dumps(table_metadata(rows.shape, str(rows.dtype))).encode()}
    if len(rows):
        files[shard_key(name, 0, rows.shape)] = with_checksum(rows.tobytes())
    return files
