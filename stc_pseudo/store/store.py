"""The store of pseudo-labels: one Zarr v3 group a sequence, sharded in time (design, section 4).

    STORE/manifest.json               what is complete, and what it was made from; written last, by rename
    STORE/{sequence}/                 a Zarr group; its arrays, time first, at 1/4 of the frame's size:
        inverse_depth      (T, h, w) float16      as the estimator gave it, pooled; holes filled
        flow               (T, 2, h, w) float16   (dx, dy), pixels of the original frame, forward
        similarity_depth   (T, 8, h, w) uint8     edge similarity * 255, one map for each of the 8 directions
        similarity_flow    (T, 8, h, w) uint8
        mask               (T, h, w) bool         M of Eq. 2
        objects            (T, H, W) uint16       at the frame's size: 0 none, k: row k - 1 of this frame's boxes
        instances          (T, h, w) uint16       the same in cells: whose the largest part of the cell is
        coverage           (T, h, w) uint8        share of the cell, * 255, that belongs to that instance
        fine_inverse_depth (T, H / d, W / d) float16, fine_flow (T, 2, H / d, W / d) float16
                                                  where the setting `detail`, d, is below 4
        box_*, ignore_*    the boxes, a row each
    STORE/.{sequence}.partial/        one being written; `done/{shard}` marks what a rerun need not repeat

Cell (i, j) covers the frame's pixels 4i..4i+3, 4j..4j+3; h = H // 4, w = W // 4, so up to three rows and columns at
the lower and right border are not covered. One task writes one whole shard, once: two tasks in one shard lose data.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import zarr

from stc_pseudo.datasets.base import FrameBoxes, Sequence
from stc_track.io.errors import InputError

SCHEMA = 2
CELL = 4  # pixels a cell's side: the mini network's pooling (IV-B), and the masks' resolution in training (IV-D2)
SHARD_FRAMES = 16
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # (rows, columns)

ARRAYS: dict[str, tuple[tuple[int, ...], str]] = {
    "inverse_depth": ((), "float16"),
    "flow": ((2,), "float16"),
    "similarity_depth": ((8,), "uint8"),
    "similarity_flow": ((8,), "uint8"),
    "mask": ((), "bool"),
    "objects": ((), "uint16"),
    "instances": ((), "uint16"),
    "coverage": ((), "uint8"),
}
FINE_ARRAYS = {"fine_inverse_depth": ((), "float16"), "fine_flow": ((2,), "float16")}
TABLES = {
    "box_frame": "int32",
    "box_xyxy": "float32",
    "box_class": "int32",
    "box_track": "int32",
    "ignore_frame": "int32",
    "ignore_xyxy": "float32",
}


def array_cell(name: str, detail: int) -> int:
    """Pixels a side of the cells of an array."""
    return 1 if name == "objects" else detail if name in FINE_ARRAYS else CELL


def arrays_of(detail: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Channels and dtype by name of the arrays of a sequence whose setting `detail` is this."""
    return ARRAYS | FINE_ARRAYS if detail < CELL else ARRAYS


def read_manifest(url: str) -> dict[str, Any]:
    """Return the store's manifest.

    Raises:
        InputError: there is no store, it is not JSON, or it has another schema.
    """
    path = f"{url.rstrip('/')}/manifest.json"
    fs, local = fsspec.core.url_to_fs(path)
    if not fs.exists(local):
        raise InputError(
            url, expected="a store with a manifest.json", found="none", hint="`stc-pseudo build --out` writes one"
        )
    try:
        manifest = json.loads(fs.cat_file(local))
    except ValueError as error:
        raise InputError(path, expected="JSON", found=str(error)) from error
    found = manifest.get("schema") if isinstance(manifest, dict) else None
    if found != SCHEMA:
        raise InputError(
            path,
            expected=f"schema {SCHEMA}",
            found=f"schema {found}",
            hint="build the store again: `stc-pseudo build --overwrite all`",
        )
    return manifest


class StoreWriter:
    """Writes a store, a sequence at a time.

    Args:
        url: where the store is or will be; a path or an fsspec URL.
        dataset: name of the data set, and `class_names` its classes, recorded in the manifest.
        root: the frames' paths are recorded relative to this folder.
    """

    def __init__(self, url: str, dataset: str, class_names: dict[int, str], root: Path) -> None:
        self.url, self.root = url.rstrip("/"), root.resolve()
        self.fs, self.path = fsspec.core.url_to_fs(self.url)
        if self.fs.exists(f"{self.path}/manifest.json"):
            self.manifest = read_manifest(self.url)
            if self.manifest["dataset"] != dataset:
                raise InputError(
                    self.url,
                    expected=f"a store of the data set '{dataset}'",
                    found=f"one of '{self.manifest['dataset']}'",
                    hint="choose another --out",
                )
        else:
            self.manifest = {"schema": SCHEMA, "dataset": dataset, "sequences": {}}
        names = {str(number): name for number, name in class_names.items()}
        if self.manifest["sequences"]:
            names = self.manifest["class_names"] | names
            for number, name in self.manifest["class_names"].items():
                if names[number] != name:
                    raise InputError(
                        self.url,
                        expected=f"class {number} to be '{name}', as in its sequences",
                        found=f"'{names[number]}'",
                        hint="choose another --out",
                    )
        self.manifest |= {"root": str(self.root), "class_names": names}

    def recorded(self, name: str) -> dict[str, Any] | None:
        """Return what a complete sequence was made from, or None if there is no complete one."""
        return self.manifest["sequences"].get(name)

    def begin(self, sequence: Sequence, made_from: dict[str, Any]) -> PartialSequence:
        """Open a sequence for writing; shards that an interrupted run finished from the same inputs stay.

        Args:
            sequence: the frames and boxes.
            made_from: everything that the arrays depend on, as JSON values.
        """
        partial = PartialSequence(f"{self.url}/.{sequence.name}.partial", len(sequence))
        fs, path = fsspec.core.url_to_fs(partial.url)
        if fs.exists(path) and partial.made_from() != made_from:
            fs.rm(path, recursive=True)
        if not fs.exists(path):
            self._create(partial.url, sequence, made_from)
        return partial

    def finish(self, name: str, made_from: dict[str, Any]) -> None:
        """Give a wholly written sequence its name, then say in the manifest that it is complete."""
        final, partial = f"{self.path}/{name}", f"{self.path}/.{name}.partial"
        if self.fs.exists(final):
            self.manifest["sequences"].pop(name, None)
            self._write_manifest()
            self.fs.rm(final, recursive=True)
        self.fs.rm(f"{partial}/done", recursive=True)
        self.fs.mv(partial, final, recursive=True)
        self.manifest["sequences"][name] = made_from
        self._write_manifest()

    def _write_manifest(self) -> None:
        temporary = f"{self.path}/.manifest.json.partial"
        self.fs.makedirs(self.path, exist_ok=True)
        self.fs.pipe_file(temporary, json.dumps(self.manifest, indent=1, sort_keys=True).encode())
        self.fs.mv(temporary, f"{self.path}/manifest.json")

    def _create(self, url: str, sequence: Sequence, made_from: dict[str, Any]) -> None:
        group = zarr.open_group(url, mode="w", zarr_format=3)
        frames = [path.resolve() for path in sequence.frames]
        group.attrs.update(
            {
                "schema": SCHEMA,
                "size": list(sequence.size),
                "numbers": list(sequence.numbers),
                "made_from": made_from,
                "frames": [
                    str(path.relative_to(self.root) if path.is_relative_to(self.root) else path) for path in frames
                ],
            }
        )
        detail = made_from.get("detail", CELL)
        for name, (channels, dtype) in arrays_of(detail).items():
            cell = array_cell(name, detail)
            shape = (len(sequence), *channels, *(side // cell for side in sequence.size))
            group.create_array(
                name,
                shape=shape,
                dtype=dtype,
                chunks=(1, *shape[1:]),
                shards=(SHARD_FRAMES, *shape[1:]),
                compressors=zarr.codecs.ZstdCodec(level=3),
            )
        for name, rows in box_tables(sequence).items():
            # An empty table keeps its name with one chunk of nothing: Zarr refuses chunks of length 0.
            table = group.create_array(
                name, shape=rows.shape, dtype=rows.dtype, chunks=tuple(max(1, length) for length in rows.shape)
            )
            if len(rows):
                table[:] = rows
        fs, path = fsspec.core.url_to_fs(f"{url}/done")
        fs.makedirs(path, exist_ok=True)


def box_tables(sequence: Sequence) -> dict[str, np.ndarray]:
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


@dataclass(frozen=True)
class PartialSequence:
    """A sequence being written; plain strings and numbers, so that a task in another process can take it.

    Attributes:
        url: the group's temporary place.
        length: frames in the sequence.
    """

    url: str
    length: int

    def made_from(self) -> dict[str, Any] | None:
        """Return what this partial was begun from; None if it is too damaged to say."""
        try:
            return zarr.open_group(self.url, mode="r").attrs.asdict()["made_from"]
        except (FileNotFoundError, KeyError, ValueError):
            return None

    def shards(self) -> list[tuple[int, int]]:
        """Return (start, stop) of every shard's frames."""
        return [(t, min(t + SHARD_FRAMES, self.length)) for t in range(0, self.length, SHARD_FRAMES)]

    def missing(self) -> list[tuple[int, int]]:
        """Return the shards that are not written yet."""
        fs, path = fsspec.core.url_to_fs(f"{self.url}/done")
        return [shard for shard in self.shards() if not fs.exists(f"{path}/{shard[0]}")]

    def write(self, start: int, arrays: dict[str, np.ndarray]) -> None:
        """Write one whole shard of every array, then mark it done.

        Args:
            start: the shard's first frame.
            arrays: name to (n, ...) of the store's shape and dtype.
        """
        group = zarr.open_group(self.url, mode="r+")
        for name, block in arrays.items():
            if block.dtype != group[name].dtype:
                raise TypeError(f"{name} must be {group[name].dtype}, got {block.dtype}")
            group[name][start : start + len(block)] = block
        fs, path = fsspec.core.url_to_fs(f"{self.url}/done/{start}")
        fs.touch(path)


class StoreReader:
    """Reads a store. Cheap to make and to send to another process; arrays open when first used.

    Args:
        url: a path or an fsspec URL.
        root: folder of the frames, if they are no longer where they were when the store was built.

    Attributes:
        sequences: names of the complete sequences, sorted.
        class_names: class number to name.
        fingerprint: hash of everything that the store was made from.

    Raises:
        InputError: no store, another schema, or no complete sequence in it.
    """

    def __init__(self, url: str, root: Path | None = None) -> None:
        self.url = str(url).rstrip("/")
        self.manifest = read_manifest(self.url)
        self.root = Path(self.manifest["root"]) if root is None else root
        self.class_names = {int(key): name for key, name in self.manifest["class_names"].items()}
        self.sequences = tuple(sorted(self.manifest["sequences"]))
        if not self.sequences:
            raise InputError(
                self.url,
                expected="at least one complete sequence",
                found="none",
                hint="`stc-pseudo build` finishes what it began",
            )
        described = json.dumps(self.manifest["sequences"], sort_keys=True)
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()[:16]

    def sequence(self, name: str) -> SequenceReader:
        """Return the reader of one sequence, or raise an InputError that names those there are."""
        if name not in self.sequences:
            raise InputError(
                self.url,
                expected=f"sequence '{name}'",
                found=f"only {', '.join(self.sequences)}",
                hint="see --sequences",
            )
        return SequenceReader(f"{self.url}/{name}", self.root)


class SequenceReader:
    """One sequence of a store; re-opens its arrays in the process that reads them."""

    def __init__(self, url: str, root: Path) -> None:
        self.url, self.root = url, root

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url, "root": self.root}

    @cached_property
    def group(self) -> zarr.Group:
        """The Zarr group, read-only."""
        group = zarr.open_group(self.url, mode="r")
        if group.attrs.get("schema") != SCHEMA:
            raise InputError(self.url, expected=f"schema {SCHEMA}", found=f"schema {group.attrs.get('schema')}")
        return group

    @cached_property
    def _arrays(self) -> dict[str, zarr.Array]:
        return dict(self.group.arrays())

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        return {name: self.group[name][:] for name in TABLES}

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames, pixels."""
        return tuple(self.group.attrs["size"])

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The data set's number of each frame."""
        return tuple(self.group.attrs["numbers"])

    @cached_property
    def _frames(self) -> list[str]:
        return self.group.attrs["frames"]

    def frame_path(self, index: int) -> Path:
        """Path of the frame at position `index`."""
        return self.root / self._frames[index]

    def boxes_at(self, index: int) -> FrameBoxes:
        """The boxes of the frame at position `index`; row k - 1 is the instance k of the map `instances`."""
        tables = self._tables
        rows = tables["box_frame"] == index
        return FrameBoxes(
            tables["box_xyxy"][rows],
            tables["box_class"][rows],
            tables["box_track"][rows],
            tables["ignore_xyxy"][tables["ignore_frame"] == index],
        )

    def read(self, name: str, index: int | slice) -> np.ndarray:
        """Read one array at a frame position, or at a slice of positions."""
        return self._arrays[name][index]
