"""The layout of a store of pseudo-labels, and how to read one without torch (docs/reference/store.md).

    STORE/manifest.json                      schema and data set
    STORE/{sequence}/record.json             says that the sequence is complete, in which version, and what is in it
    STORE/{sequence}/{version}/              a Zarr v3 group: arrays sharded in time, tables of boxes

A record holds size and CRC32C of every object of its version; nothing is read that does not agree with it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from stc_track.formats.shards import CRC_BYTES, checksum, decode_frame
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain
from stc_track.io.location import MISSING, Location

SCHEMA = 4
SEPARATORS = {3: "/", SCHEMA: "."}  # by schema that is read: between the numbers in the name of a chunk
CELL = 4  # pixels a cell's side: the mini network's pooling (IV-B), and the masks' resolution in training (IV-D2)
# (rows, columns) to the neighbours of a cell, in the order of similarity maps
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
MANIFEST, RECORD = "manifest.json", "record.json"
VERIFY = "`stc-pseudo verify --deep` lists what is damaged, `stc-pseudo verify --repair` lets it be redone"


class DamagedStoreError(InputError):
    """Something in a store is missing or is not what was written."""

    def __init__(self, where: str, *, expected: str, found: str) -> None:
        super().__init__(where, expected=expected, found=found, hint=VERIFY)


def seal(content: Mapping[str, Any]) -> bytes:
    """JSON of an object that tells when it was changed: its member `crc32c` is that of the rest."""
    body = dict(content)
    body.pop("crc32c", None)
    return json.dumps(body | {"crc32c": checksum(_plain_json(body))}, sort_keys=True).encode()


def unseal(content: bytes, where: str) -> dict[str, Any]:
    """The object that `seal` wrote; a DamagedStoreError where it is another."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise DamagedStoreError(where, expected="JSON", found=f"{len(content)} bytes that are none: {error}") from error
    if not isinstance(body, dict):
        raise DamagedStoreError(where, expected="a JSON object", found=type(body).__name__)
    if body.get("schema", SCHEMA) not in SEPARATORS:
        raise other_schema(where, body["schema"])
    recorded = body.pop("crc32c", None)
    if recorded != checksum(_plain_json(body)):
        raise DamagedStoreError(where, expected=f"content of CRC32C {recorded}", found="other content")
    return body


def _plain_json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def other_schema(where: str, schema: Any) -> InputError:
    """The error that a store was written by another version."""
    newer = isinstance(schema, int) and schema > SCHEMA
    hint = (
        "update stc-seg"
        if newer
        else "build it again, `stc-pseudo build --out` another place: schemas are not converted"
    )
    return InputError(where, expected=f"schema {SCHEMA}", found=f"schema {schema}", hint=hint)


def read_manifest(store: Location) -> dict[str, Any]:
    """Schema and data set of a store.

    Raises:
        InputError: there is no store, or it has another schema; DamagedStoreError: it is not what was written.
    """
    where = store.where(MANIFEST)
    try:
        content = store.read(MANIFEST)
    except MISSING as error:
        hint = "`stc-pseudo build --out` writes one"
        raise InputError(store.url, expected=f"a store with a {MANIFEST}", found="none", hint=hint) from error
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise DamagedStoreError(where, expected="JSON", found=str(error)) from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema not in SEPARATORS:
        raise other_schema(where, schema)
    return unseal(content, where)


def read_record(store: Location, name: str, content: bytes) -> dict[str, Any]:
    """A sequence's record, checked: nothing in it leads out of the sequence's folder or of its root.

    Raises:
        InputError: another schema, a foreign sequence's, or a path that leaves its folder.
        DamagedStoreError: it is not what was written.
    """
    where = store.where(f"{name}/{RECORD}")
    record = unseal(content, where)
    if record.get("sequence") != name:
        raise DamagedStoreError(where, expected=f"the record of {name}", found=f"that of {record.get('sequence')!a}")
    if not is_plain(record.get("version") or ""):
        raise InputError(where, expected="a plain name of a version", found=ascii(record.get("version")))
    for frame in record["frames"]:
        path = PurePosixPath(frame)
        if path.is_absolute() or "\\" in frame or not path.parts or any(part == ".." for part in path.parts):
            raise InputError(where, expected="frames below the root", found=ascii(frame))
    return record


class StoredSequence:
    """Arrays and tables of one complete sequence; every object is checked against the record when it is read.

    Args:
        store: where the store is.
        name: of the sequence.
        record: as `read_record` gives it.

    Attributes:
        size: (height, width) of the frames, pixels.
        numbers: the data set's number of each frame; T of them.
    """

    def __init__(self, store: Location, name: str, record: dict[str, Any]) -> None:
        self.store, self.name, self.record = store, name, record
        self.size: tuple[int, int] = tuple(record["size"])
        self.numbers: tuple[int, ...] = tuple(record["numbers"])
        self._last: dict[str, tuple[str, bytes]] = {}  # the shard of each array that was read last

    @classmethod
    def open(cls, url: str, name: str, hint: str = "") -> StoredSequence:
        """Open a sequence of the store at `url`; an InputError where there is no such store or sequence."""
        store = Location(url)
        read_manifest(store)
        content = None
        if is_plain(name):
            content = store.read_many([f"{name}/{RECORD}"]).get(f"{name}/{RECORD}")
        if content is None:
            raise InputError(f"{store.url}/{name}", expected="a sequence of a store", found="nothing", hint=hint)
        return cls(store, name, read_record(store, name, content))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self.store, "name": self.name, "record": self.record}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # subclasses extend the state as their arguments

    def part(self, start: int, names: Collection[str]) -> StoredSequence:
        """The same for the shard that begins at a frame, of some arrays alone: small when it is pickled."""
        shard = start // self.record["shard_frames"]
        arrays = {name: self.record["arrays"][name] for name in names}
        keys = {name: self._key(name, shard, self.record["arrays"][name]["shape"]) for name in names}
        record = {key: self.record[key] for key in ("schema", "version", "provenance", "size", "shard_frames")}
        files = {key: self.record["files"][key] for key in keys.values()}
        record |= {"numbers": range(len(self)), "arrays": arrays, "files": files, "tables": {}}
        return StoredSequence(self.store, self.name, record)

    @cached_property
    def stored(self) -> frozenset[str]:
        """Names of the arrays that are kept."""
        return frozenset(self.record["arrays"])

    def object(self, key: str) -> bytes:
        """Content of one object of the version, as it was written.

        Where the sequence was built again from the same inputs meanwhile, that of the new version.

        Args:
            key: below the version.

        Raises:
            DamagedStoreError: it is missing or other content, or the sequence was built again from other inputs.
        """
        try:
            content = self.store.read(self._place(key))
        except MISSING as error:
            if not self._follow_rebuild():
                where = self.store.where(self._place(key))
                raise DamagedStoreError(where, expected="what the record lists", found="nothing") from error
            return self.object(key)
        require_content(content, self.record["files"][key], self.store.where(self._place(key)))
        return content

    def _key(self, name: str, shard: int, shape: Sequence[int]) -> str:
        return shard_key(name, shard, shape, self.record["schema"])

    def _place(self, key: str) -> str:
        return f"{self.name}/{self.record['version']}/{key}"

    def _follow_rebuild(self) -> bool:
        """Take the record of a newer version made from the same; tells whether there is one."""
        key = f"{self.name}/{RECORD}"
        content = self.store.read_many([key]).get(key)
        if content is None:
            return False
        record = read_record(self.store, self.name, content)
        if record["version"] == self.record["version"]:
            return False
        if record["provenance"] != self.record["provenance"]:
            expected = "the sequence as it was when it was opened"
            raise DamagedStoreError(
                self.store.where(self.name), expected=expected, found="one built again with other inputs"
            )
        self.record, self._last = record, {}
        return True

    def read(self, name: str, index: int | slice) -> np.ndarray:
        """One array at a frame position (without time), or at a slice of positions (time first)."""
        if name not in self.stored:
            where, found = self.store.where(self.name), f"only {', '.join(sorted(self.stored))}"
            raise InputError(where, expected=f"the array {name}", found=found)
        if isinstance(index, slice):
            positions = range(*index.indices(len(self)))
            shape = self.record["arrays"][name]["shape"][1:]
            values = np.empty((len(positions), *shape), self.record["arrays"][name]["dtype"])
            for row, position in enumerate(positions):
                values[row] = self._frame(name, position)
            return values
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame position {index} of {len(self)}")
        return self._frame(name, int(index) % len(self))

    def _frame(self, name: str, position: int) -> np.ndarray:
        described = self.record["arrays"][name]
        frames = self.record["shard_frames"]
        shard, place = divmod(position, frames)
        key = self._key(name, shard, described["shape"])
        if self._last.get(name, ("",))[0] != key:
            self._last[name] = key, self.object(key)
        shape = tuple(described["shape"][1:])
        return decode_frame(self._last[name][1], place, frames, shape, described["dtype"])

    def table(self, name: str) -> np.ndarray:
        """A column of the tables of boxes."""
        described = self.record["tables"][name]
        key = self._key(name, 0, described["shape"])
        # An empty table has no chunk.
        content = self.object(key)[:-CRC_BYTES] if described["shape"][0] else b""
        return np.frombuffer(content, described["dtype"]).reshape(described["shape"])


def shard_key(name: str, shard: int, shape: Sequence[int], schema: int = SCHEMA) -> str:
    """Key of a shard of an array of this shape, below the version."""
    numbers = ("c", str(shard), *"0" * (len(shape) - 1))
    return f"{name}/{SEPARATORS[schema].join(numbers)}"


def require_content(content: bytes, expected: list[int], where: str) -> None:
    """Raise a DamagedStoreError where an object's content is not of the size and CRC32C that were recorded."""
    if len(content) != expected[0]:
        raise DamagedStoreError(where, expected=f"{expected[0]} bytes", found=str(len(content)))
    if (measured := checksum(content)) != expected[1]:
        raise DamagedStoreError(where, expected=f"content of CRC32C {expected[1]:08x}", found=f"{measured:08x}")
    # What ends with its own CRC32C has the same one as all such of its length: another polynomial tells them apart.
    if len(expected) > 2 and (measured := zlib.crc32(content)) != expected[2]:
        raise DamagedStoreError(where, expected=f"content of CRC32 {expected[2]:08x}", found=f"{measured:08x}")
