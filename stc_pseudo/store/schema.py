"""What a store holds: its arrays and tables, and how they are cut into shards (docs/reference/store.md).

    inverse_depth      (T, h, w) float16      as the estimator gave it, pooled; holes filled
    flow               (T, 2, h, w) float16   (dx, dy), pixels of the original frame, forward
    similarity_depth   (T, 8, h, w) uint8     edge similarity * 255, one map for each of the 8 directions; kept on
    similarity_flow    (T, 8, h, w) uint8     request, otherwise made again from depth and flow when it is read
    mask               (T, h, w) bool         M of Eq. 2
    objects            (T, H, W) uint16       at the frame's size: 0 none, k: row k - 1 of this frame's boxes
    instances          (T, h, w) uint16       the same in cells: the majority instance of the cell
    coverage           (T, h, w) uint8        share of the cell, * 255, that belongs to that instance
    fine_inverse_depth (T, H / d, W / d) float16, fine_flow (T, 2, H / d, W / d) float16
                                              where the setting `detail`, d, is below 4
    first_objects      (T, H, W) uint16       where masks are refined: `objects` of the first round
    probability        (T, H, W) uint8        where masks are refined: the network's, * 255, the largest of all boxes;
                                              0 outside boxes
    box_*, ignore_*                           the boxes, a row each, in the order of frames

Cell (i, j) covers the frame's pixels 4i..4i+3, 4j..4j+3; h = H // 4, w = W // 4, so up to three rows and columns at
the lower and right border are not covered. A chunk is one frame. One task writes one whole shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_track.formats.shards import SHUFFLED
from stc_track.formats.store import CELL, SCHEMA, SEPARATORS

SHARD_FRAMES = 16  # at most
SHARD_PIXELS = 2**24  # of frames in a shard, at most, where it has more than one: some 30 bytes a pixel in memory

ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "inverse_depth": ((), "float16"),
    "flow": ((2,), "float16"),
    "mask": ((), "bool"),
    "objects": ((), "uint16"),
    "instances": ((), "uint16"),
    "coverage": ((), "uint8"),
}
SIMILARITY_ARRAYS = {"similarity_depth": ((8,), "uint8"), "similarity_flow": ((8,), "uint8")}
FINE_ARRAYS = {"fine_inverse_depth": ((), "float16"), "fine_flow": ((2,), "float16")}
REFINED_ARRAYS = {"first_objects": ((), "uint16"), "probability": ((), "uint8")}
FRAME_SIZED = ("objects", *REFINED_ARRAYS)
TABLES = {
    "box_frame": "int32",
    "box_xyxy": "float32",
    "box_class": "int32",
    "box_track": "int32",
    "ignore_frame": "int32",
    "ignore_xyxy": "float32",
}
# Columns that the tasks make, a value a box.
RESULT_TABLES = {
    "box_area": "int32",  # pixels of the box's object, 0 where none was found
    "box_score": "float32",  # of its mask, 0..1, made without a true one (`puzzle.score`); higher is better
    "box_refined": "uint8",  # of refined stores: 1 where the mask is the network's, 0 where the first round's
    # of refined stores, what the score is made of (`refine.rating.Look`)
    "box_contrast": "float32",
    "box_certainty": "float32",
    "box_agreement": "float32",
    "box_outline": "float32",
    "box_first_score": "float32",
}


def shard_frames(size: tuple[int, int]) -> int:
    """Frames in a shard of frames of (height, width): a power of two, at most `SHARD_FRAMES`."""
    frames = SHARD_FRAMES
    while frames > 1 and frames * size[0] * size[1] > SHARD_PIXELS:
        frames //= 2
    return frames


def array_cell(name: str, detail: int) -> int:
    """Pixels a side of the cells of an array."""
    return 1 if name in FRAME_SIZED else detail if name in FINE_ARRAYS else CELL


def arrays_of(detail: int, keep: Iterable[str] = (), refined: bool = False) -> dict[str, tuple[tuple[int, ...], str]]:
    """Channels and dtype by name of the arrays of a sequence.

    Args:
        detail: its setting.
        keep: `similarity`, or nothing.
        refined: its masks are those of `stc-pseudo refine`.
    """
    fine = FINE_ARRAYS if detail < CELL else {}
    similarity = SIMILARITY_ARRAYS if "similarity" in keep else {}
    return ARRAYS | fine | similarity | (REFINED_ARRAYS if refined else {})


def frame_shape(name: str, size: tuple[int, int], detail: int) -> tuple[int, ...]:
    """Shape of one frame of an array."""
    channels = (ARRAYS | FINE_ARRAYS | SIMILARITY_ARRAYS | REFINED_ARRAYS)[name][0]
    return (*channels, *(side // array_cell(name, detail) for side in size))


def box_tables(sequence: VideoSequence) -> dict[str, np.ndarray]:
    """Return the sequence's boxes as the store's tables: a row a box, sorted by frame position."""
    frames = [sequence.boxes_at(t) for t in range(len(sequence))]
    columns = {
        "box_frame": np.repeat(np.arange(len(frames)), [len(boxes) for boxes in frames]),
        "box_xyxy": np.concatenate([boxes.xyxy for boxes in frames]),
        "box_class": np.concatenate([boxes.class_ids for boxes in frames]),
        "box_track": np.concatenate([boxes.track_ids for boxes in frames]),
        "ignore_frame": np.repeat(np.arange(len(frames)), [len(boxes.ignore) for boxes in frames]),
        "ignore_xyxy": np.concatenate([boxes.ignore for boxes in frames]),
    }
    return {name: column.astype(TABLES[name]) for name, column in columns.items()}


@lru_cache(maxsize=64)
def _metadata(chunk: tuple[int, ...], shard: tuple[int, ...] | None, dtype: str) -> str:
    """Zarr's metadata of an array as JSON, but for its length in time."""
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
    from zarr.storage import MemoryStore

    store = MemoryStore()
    shuffled = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=np.dtype(dtype).itemsize)
    compressor = shuffled if dtype == SHUFFLED else ZstdCodec(level=3)
    zarr.create_array(
        store,
        shape=shard or chunk,
        dtype=dtype,
        chunks=chunk,
        shards=shard,
        # A table is read at once and small: plain numbers.
        compressors=(compressor, Crc32cCodec()) if shard else (Crc32cCodec(),),
        zarr_format=3,
        chunk_key_encoding={"name": "default", "separator": SEPARATORS[SCHEMA]},  # a folder an array, and no deeper
    )
    return store._store_dict["zarr.json"].to_bytes().decode()


def array_metadata(shape: tuple[int, ...], frames: int, dtype: str) -> dict[str, Any]:
    """Zarr's metadata of an array (T, ...) in shards of so many frames, a chunk a frame."""
    metadata = json.loads(_metadata((1, *shape[1:]), (frames, *shape[1:]), dtype))
    return metadata | {"shape": list(shape)}


def table_metadata(shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """Zarr's metadata of a table of one chunk."""
    metadata = json.loads(_metadata((1, *shape[1:]), None, dtype))
    # Zarr refuses chunks of length 0: an empty table keeps its name with none written.
    metadata["chunk_grid"]["configuration"]["chunk_shape"] = [max(1, shape[0]), *shape[1:]]
    return metadata | {"shape": list(shape)}
