"""Reading a store of pseudo-labels, lazily, in whichever process needs it."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from typing import Any

import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.store.records import read_records
from stc_pseudo.store.schema import SIMILARITY_ARRAYS
from stc_track.formats.store import DamagedStoreError, StoredSequence, read_manifest
from stc_track.io.errors import InputError
from stc_track.io.location import Location
from stc_track.io.remote_path import AnyPath, as_place


class StoreReader:
    """Reads a store. Cheap to make and to send to another process; arrays are read when they are used.

    Args:
        url: a path or an fsspec URL.
        root: folder of the frames, if they are no longer where they were when the store was built.

    Attributes:
        sequences: names of the complete sequences, sorted.
        class_names: class number to name.
        fingerprint: hash of everything that the store was made from.

    Raises:
        InputError: no store, another schema, or no complete sequence in it; DamagedStoreError: a record is damaged.
    """

    def __init__(self, url: str, root: AnyPath | None = None) -> None:
        self.store = Location(url)
        self.url, self.root = self.store.url, root
        self.dataset = read_manifest(self.store)["dataset"]
        self.records = read_records(self.store)
        self.sequences = tuple(self.records)
        if not self.sequences:
            hint = "`stc-pseudo build` finishes what it began"
            raise InputError(self.url, expected="at least one complete sequence", found="none", hint=hint)
        self.class_names: dict[int, str] = {}
        for name, record in self.records.items():
            for number, title in record["class_names"].items():
                if self.class_names.setdefault(int(number), title) != title:
                    expected = f"class {number} to be '{self.class_names[int(number)]}' as in other sequences"
                    raise InputError(f"{self.url}/{name}", expected=expected, found=f"'{title}'")
        described = {name: record["provenance"] for name, record in self.records.items()}
        self.fingerprint = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]

    def sequence(self, name: str) -> SequenceReader:
        """Return the reader of one sequence, or raise an InputError that names those there are."""
        if name not in self.records:
            found = f"only {', '.join(self.sequences)}"
            raise InputError(self.url, expected=f"sequence '{name}'", found=found, hint="see `sequences=`")
        return SequenceReader(self.store, name, self.records[name], self.root)


class SequenceReader(StoredSequence):
    """One sequence of a store.

    Args:
        store, name, record: as of `StoredSequence`.
        root: folder of the frames; None for the one that is recorded.

    Attributes:
        root: folder of the frames.
    """

    def __init__(self, store: Location, name: str, record: dict[str, Any], root: AnyPath | None = None) -> None:
        super().__init__(store, name, record)
        self.root = as_place(record["root"] if root is None else root)
        self.moved = root is not None and self.root != as_place(record["root"])

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"root": self.root}

    @property
    def provenance(self) -> dict[str, Any]:
        """What the sequence was made from: settings, and hashes of weights, frames and boxes."""
        return self.record["provenance"]

    def frame_path(self, index: int) -> AnyPath:
        """Path of the frame at position `index`.

        Raises:
            InputError: the frames moved, and are not below the folder that was named instead.
        """
        if not self.moved:
            return self.root / self.record["frames"][index]
        return self.root.joinpath(*self._parts(index)[-self._kept_parts :])

    def _parts(self, index: int) -> list[str]:
        """The recorded path of a frame, of whatever machine."""
        return re.split(r"[\\/]+", f"{self.record['root']}/{self.record['frames'][index]}")

    @cached_property
    def _kept_parts(self) -> int:
        """How many of the last parts of the recorded paths are still there, below the folder that the frames moved to.

        As many as find the first frame; its name alone does only in a folder that is called as before, or as the
        sequence: others' frames have the same names.
        """
        parts = self._parts(0)
        for count in range(len(parts) - 1, 1, -1):
            if self.root.joinpath(*parts[-count:]).is_file():
                return count
        if (self.root / parts[-1]).is_file() and self.root.name not in (parts[-2], self.name):
            raise InputError(
                self.root / parts[-1],
                expected=f"the first frame of '{self.name}' in a folder '{parts[-2]}'",
                found=f"a file of its name in '{self.root.name}', which may be another video's",
            )
        return len(self.record["frames"][0].split("/"))

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        tables = {name: self.table(name) for name in self.record["tables"]}
        for name in ("box_frame", "ignore_frame"):
            if (np.diff(tables[name]) < 0).any():
                raise DamagedStoreError(self.store.where(self.name), expected=f"{name} in order", found="another order")
        return tables

    def _rows(self, name: str, index: int) -> slice:
        return slice(*np.searchsorted(self._tables[name], (index, index + 1)))

    def boxes_at(self, index: int) -> FrameBoxes:
        """The boxes of the frame at position `index`; row k - 1 is the instance k of the map `instances`."""
        tables, rows = self._tables, self._rows("box_frame", index)
        ignored = tables["ignore_xyxy"][self._rows("ignore_frame", index)]
        return FrameBoxes(tables["box_xyxy"][rows], tables["box_class"][rows], tables["box_track"][rows], ignored)

    def column(self, name: str, index: int) -> np.ndarray:
        """A value for each box of the frame at position `index`, out of the tables `box_*`."""
        if name not in self._tables:
            found = f"only {', '.join(sorted(self._tables))}"
            raise InputError(self.store.where(self.name), expected=f"the table {name}", found=found)
        return self._tables[name][self._rows("box_frame", index)]

    def read(self, name: str, index: int | slice) -> np.ndarray:
        """Read one array at a frame position, or at a slice of positions.

        Similarities that are not kept are made again from depth and flow: 11 ms a frame of 1242x375.
        """
        if name not in SIMILARITY_ARRAYS or name in self.stored:
            return super().read(name, index)
        if "similarity" not in self.provenance:
            hint = "`stc-pseudo build --keep similarity` keeps it"
            raise InputError(self.store.where(self.name), expected=f"the array {name}", found="none", hint=hint)
        from stc_pseudo.settings import SimilaritySettings
        from stc_pseudo.signal.stored import stored_similarity

        frames = index if isinstance(index, slice) else slice(index, index + 1 or None)
        depth, flow = (super(SequenceReader, self).read(array, frames) for array in ("inverse_depth", "flow"))
        settings = SimilaritySettings(**self.provenance["similarity"])
        made = stored_similarity(name, depth, flow, self.size, settings)
        return made if isinstance(index, slice) else made[0]
