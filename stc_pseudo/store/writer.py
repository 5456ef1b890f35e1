"""Writing a store so that what is complete never lies (docs/reference/store.md).

    STORE/manifest.json                       schema and data set, created once
    STORE/{sequence}/record.json              put last: which version is complete, and what is in it
    STORE/{sequence}/{version}/               a Zarr group
    STORE/{sequence}/{version}/begun.json     put after metadata and boxes: the version may be gone on with
    STORE/{sequence}/{version}/done/{t}.json  put after the shard that begins at frame t, in all arrays

A version is named by what it is made from. Both marks go once the record stands, and the old version after them.
Nothing is ever renamed, so a disk and a bucket are written alike. Whoever is killed in between leaves something that
the next build of the sequence goes on with, or removes.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.store.lock import LOCK, Builder
from stc_pseudo.store.records import iter_records, recorded_version
from stc_pseudo.store.schema import RESULT_TABLES, array_metadata, arrays_of, box_tables, frame_shape, shard_frames
from stc_pseudo.store.versions import BEGUN, DONE, PartialSequence, describe, drop_version, table_files
from stc_track.formats.store import CELL, MANIFEST, RECORD, SCHEMA, DamagedStoreError, read_manifest, seal, unseal
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain
from stc_track.io.location import Location
from stc_track.io.remote_path import AnyPath, RemotePath


class StoreWriter:
    """Writes a store, a sequence at a time; the only builder of each while it lasts.

    Args:
        url: where the store is or will be; a path or an fsspec URL.
        dataset: name of the data set, recorded in the manifest.
        class_names: class number to name, recorded with each sequence.
        root: the frames' paths are recorded relative to this folder; where they lie elsewhere, to one that holds them.

    Raises:
        InputError: another store is there, or the place cannot be written to.
    """

    def __init__(self, url: str, dataset: str, class_names: dict[int, str], root: AnyPath) -> None:
        self.store = Location(url, writable=True)
        self.url, self.root = self.store.url, root if isinstance(root, RemotePath) else Path(os.path.abspath(root))
        self.dataset, self.class_names = dataset, {str(number): name for number, name in class_names.items()}
        self.builder = Builder(self.store)
        self.open: dict[str, PartialSequence] = {}
        self._begun: dict[str, dict[str, Any]] = {}
        self.exists = bool(self.store.read_many([MANIFEST]))
        if self.exists:
            self._check_dataset()
        records = iter_records(self.store, damaged="leave out") if self.exists else ()
        self.records = {name: planned_from(record) for name, record in records}
        for record in self.records.values():
            for number, name in record["class_names"].items():
                if self.class_names.get(number, name) != name:
                    expected = f"class {number} to be '{name}', as in its sequences"
                    found = f"'{self.class_names[number]}'"
                    raise InputError(self.url, expected=expected, found=found, hint="choose another `out=`")

    def _check_dataset(self) -> None:
        recorded = read_manifest(self.store)["dataset"]
        if recorded != self.dataset:
            expected = f"a store of the data set '{self.dataset}'"
            raise InputError(self.url, expected=expected, found=f"one of '{recorded}'", hint="choose another `out=`")

    def recorded(self, name: str) -> dict[str, Any] | None:
        """Return what a complete sequence was made from, or None if there is no complete one."""
        record = self.records.get(name)
        return None if record is None else record["provenance"]

    def frames_seen(self, name: str) -> dict[str, str]:
        """Digests of the frames' bytes by those of their sizes and times, as the last build of a sequence saw them."""
        if name in self.records:
            return self.records[name]["frames_seen"] or {}
        if not self.exists or not is_plain(name):
            return {}
        keys = [key for key in self.store.find(f"{name}/") if key.endswith(f"/{BEGUN}")]
        seen: dict[str, str] = {}
        for key, content in self.store.read_many(keys).items():
            try:
                seen |= unseal(content, self.store.where(key))["frames_seen"] or {}
            except InputError:
                continue  # torn: the frames are read
        return seen

    def lock(self, name: str) -> None:
        """Take a sequence before it is begun; an InputError names who else builds it."""
        if not is_plain(name) or name == MANIFEST:
            raise InputError(f"{self.url}/{name}", expected="a sequence with a plain name", found=ascii(name))
        self._create_manifest()
        self.builder.acquire(name)

    def clear_locks(self, sizes: dict[str, int]) -> None:
        """Remove the locks that a killed builder left at sequences that it had completed.

        Args:
            sizes: every object of the store, by key.
        """
        names = {key.split("/")[0] for key in sizes if f"/{LOCK}/" in key}
        for name in sorted(names & set(self.records)):
            if not self.builder.is_held(name):
                self.lock(name)
                self.builder.release(name)

    def close(self) -> None:
        """Give the sequences free that are not finished. The shards of them that are done stay for the next build."""
        for name, partial in self.open.items():
            if not partial.done and self.builder.still_holds(name):
                drop_version(self.store, name, partial.version, self.store.find(f"{name}/{partial.version}/"))
        self.open.clear()
        self.builder.close()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create_manifest(self) -> None:
        if not self.exists:
            if not self.store.create(MANIFEST, seal({"schema": SCHEMA, "dataset": self.dataset})):
                self._check_dataset()  # somebody was faster
            self.exists = True

    def begin(
        self, sequence: VideoSequence, provenance: dict[str, Any], frames_seen: dict[str, Any] | None = None
    ) -> PartialSequence:
        """Open a sequence for writing; shards that an interrupted run finished from the same inputs stay.

        Args:
            sequence: the frames and boxes.
            provenance: everything that the arrays depend on, as JSON values.
            frames_seen: sizes and times of the frames' files, so that the next run need not read them.
        """
        name = sequence.name
        self.lock(name)
        content = self.store.read_many([f"{name}/{RECORD}"]).get(f"{name}/{RECORD}")
        current = recorded_version(self.store, name, content)
        sizes = self.store.find(f"{name}/")
        # Of puts that were cut short; whoever holds the sequence has none under way.
        self.store.delete(key for key in sizes if _is_hidden(key) and key.endswith(".tmp"))
        versions = {key[len(name) + 1 :].split("/", 1)[0] for key in sizes if key.count("/") > 1} - {LOCK}
        digest = hashlib.sha256(json.dumps([name, SCHEMA, provenance], sort_keys=True).encode()).hexdigest()[:12]
        same = [version for version in versions if version.startswith(f"{digest}-")]
        number = max((int(version.rsplit("-", 1)[1]) for version in same if version[13:].isdecimal()), default=0)
        version = f"{digest}-{number}"
        if number == 0 or version == current:
            version = f"{digest}-{number + 1}"
        for other in sorted(versions - {current, version}):
            drop_version(self.store, name, other, sizes)

        detail, frames = provenance.get("detail", CELL), shard_frames(sequence.size)
        kept = arrays_of(detail, provenance.get("keep", ()), "refine" in provenance)
        arrays = {array: (dtype, frame_shape(array, sequence.size, detail)) for array, (_, dtype) in kept.items()}
        partial = PartialSequence(self.store, name, version, len(sequence), frames, arrays)
        prefix = f"{name}/{version}"
        marks = [key for key in sizes if key.startswith(f"{prefix}/{DONE}/") and not _is_hidden(key)]
        partial.done = self._marks(marks, sizes, prefix)
        files = self._first_files(sequence, provenance, partial)
        partial.files = {key: describe(content) for key, content in files.items()}
        if f"{prefix}/{BEGUN}" not in sizes:
            self.store.put_many({f"{prefix}/{key}": content for key, content in files.items()})
            self.store.put(f"{prefix}/{BEGUN}", seal({"provenance": provenance, "frames_seen": frames_seen}))
        self.open[name] = partial
        self._begun[name] = self._describe(sequence, provenance, frames_seen, partial)
        return partial

    def _marks(self, keys: list[str], sizes: dict[str, int], prefix: str) -> dict[int, dict[str, Any]]:
        """Content of the marks whose shards are there in the size that they list."""
        done = {}
        for key, content in self.store.read_many(keys).items():
            try:
                mark = unseal(content, self.store.where(key))
            except InputError:
                continue  # torn: the shard is made again
            if all(sizes.get(f"{prefix}/{file}") == size for file, (size, *_) in mark["files"].items()):
                done[int(key.rsplit("/", 1)[1].split(".")[0])] = mark
        return done

    def _first_files(
        self, sequence: VideoSequence, provenance: dict[str, Any], partial: PartialSequence
    ) -> dict[str, bytes]:
        """What a version holds before its first shard: metadata, and the boxes."""
        attributes = {"schema": SCHEMA, "sequence": sequence.name, "size": list(sequence.size), "cell": CELL}
        attributes |= {"provenance": provenance}
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        files = {"zarr.json": json.dumps(group).encode()}
        for name, (dtype, shape) in partial.arrays.items():
            metadata = array_metadata((partial.length, *shape), partial.frames, dtype)
            files[f"{name}/zarr.json"] = json.dumps(metadata).encode()
        for name, rows in box_tables(sequence).items():
            files |= table_files(name, rows)
        return files

    def _describe(
        self,
        sequence: VideoSequence,
        provenance: dict[str, Any],
        frames_seen: dict[str, Any] | None,
        partial: PartialSequence,
    ) -> dict[str, Any]:
        """The record, but for what the shards will add."""
        root, frames = relative_frames(sequence.frames, self.root)
        arrays = {
            name: {"dtype": dtype, "shape": [partial.length, *shape]} for name, (dtype, shape) in partial.arrays.items()
        }
        tables = {
            name: {"dtype": str(rows.dtype), "shape": list(rows.shape)} for name, rows in box_tables(sequence).items()
        }
        return {
            "schema": SCHEMA,
            "sequence": sequence.name,
            "version": partial.version,
            "provenance": provenance,
            "class_names": self.class_names,
            "root": root,
            "frames": frames,
            "frames_seen": frames_seen,
            "numbers": list(sequence.numbers),
            "size": list(sequence.size),
            "shard_frames": partial.frames,
            "arrays": arrays,
            "tables": tables,
        }

    def finish(self, name: str) -> None:
        """Say that a wholly written sequence is complete, then remove its marks and its old version.

        Raises:
            DamagedStoreError: an object is not there, or not in its size.
            InputError: another builder has taken the sequence over.
        """
        partial, record = self.open[name], self._begun[name]
        prefix = f"{name}/{partial.version}"
        if partial.missing():
            raise ValueError(f"{name}: shards {partial.missing()} are not written")
        marks = [partial.done[start] for start, _ in partial.shards()]
        files = partial.files | {key: entry for mark in marks for key, entry in mark["files"].items()}
        for column, dtype in RESULT_TABLES.items():
            if all(column in mark["columns"] for mark in marks):
                rows = np.array([value for mark in marks for value in mark["columns"][column]], dtype)
                if len(rows) != record["tables"]["box_frame"]["shape"][0]:
                    raise ValueError(f"{name}: {len(rows)} rows of {column}")
                table = table_files(column, rows)
                self.store.put_many({f"{prefix}/{key}": content for key, content in table.items()})
                files |= {key: describe(content) for key, content in table.items()}
                record["tables"][column] = {"dtype": dtype, "shape": [len(rows)]}
        sizes = self.store.find(f"{name}/")
        for key, (size, *_) in files.items():
            if sizes.get(f"{prefix}/{key}") != size:
                stored_size = sizes.get(f"{prefix}/{key}", "no")
                where = self.store.where(f"{prefix}/{key}")
                raise DamagedStoreError(where, expected=f"{size} bytes as written", found=f"{stored_size} bytes")
        if not self.builder.still_holds(name, sizes):
            raise InputError(f"{self.url}/{name}", expected="to be its only builder", found="another that took it over")
        record["files"] = files
        self.store.put(f"{name}/{RECORD}", seal(record))
        self.records[name] = planned_from(record | {"files": {}})
        self.store.delete([key for key in sizes if key.startswith((f"{prefix}/{DONE}/", f"{prefix}/{BEGUN}"))])
        if not partial.is_single:
            self.store.prune(f"{prefix}/{DONE}")
        versions = {key[len(name) + 1 :].split("/", 1)[0] for key in sizes if key.count("/") > 1} - {LOCK}
        for other in sorted(versions - {partial.version}):
            drop_version(self.store, name, other, sizes)
        del self.open[name], self._begun[name]
        self.builder.release(name)


def planned_from(record: dict[str, Any]) -> dict[str, Any]:
    """What a build plans from of a sequence's record, which takes ten times the memory.

    Returns:
        `sequence`, `version`, `provenance`, `class_names` and `frames_seen` of the record, and `sizes` of its objects.
    """
    kept = {key: record[key] for key in ("sequence", "version", "provenance", "class_names", "frames_seen")}
    return kept | {"sizes": {sys.intern(key): size for key, (size, *_) in record["files"].items()}}


def relative_frames(frames: tuple[AnyPath, ...], root: AnyPath) -> tuple[str, list[str]]:
    """A folder, and the frames' paths below it: `root` where it holds them all, else the nearest that does."""
    remote = [frame for frame in frames if isinstance(frame, RemotePath)]
    if remote:
        folder = remote[0].parent  # a sequence lies in one
        if isinstance(root, RemotePath) and all(frame.is_relative_to(root) for frame in remote):
            folder = root
        return str(folder), [frame.relative_to(folder).as_posix() for frame in remote]
    paths = [Path(os.path.abspath(str(frame))) for frame in frames]  # a link keeps its own name
    base = Path(str(root))
    if not all(path.is_relative_to(base) for path in paths):
        base = Path(os.path.commonpath([path.parent for path in paths]))
    return str(base), [path.relative_to(base).as_posix() for path in paths]


def _is_hidden(key: str) -> bool:
    return key.rsplit("/", 1)[1].startswith(".")
