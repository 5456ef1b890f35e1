"""Whether a store holds what its records say, and mending it as far as that can be done without the inputs.

Repairing removes what nothing refers to, and turns a damaged sequence into an unfinished one whose sound shards count
as done: the next build makes exactly the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stc_pseudo.store.lock import BUILDERS, LOCK, Builder, alive
from stc_pseudo.store.records import without_record
from stc_pseudo.store.schema import RESULT_TABLES
from stc_pseudo.store.versions import BEGUN, DONE, drop_version, is_chunk
from stc_track.formats.store import (
    MANIFEST,
    RECORD,
    DamagedStoreError,
    StoredSequence,
    read_manifest,
    read_record,
    require_content,
    seal,
    shard_key,
)
from stc_track.io.errors import InputError
from stc_track.io.location import MISSING, Location

DAMAGED, ORPHAN, UNFINISHED, BUSY = "damaged", "orphan", "unfinished", "being built"
READ_AT_A_TIME = 64  # objects


@dataclass
class SequenceState:
    """What is wrong with one sequence.

    Attributes:
        name: of the sequence.
        record: its record, or None without a readable one.
        sizes: bytes of every object of it, by key.
        damaged: reason by key of what is missing or not what was written.
        orphans: keys that nothing refers to.
        unfinished: versions that a build can go on with.
        busy: somebody builds it.
        objects, size: how much was looked at, in objects and bytes.
    """

    name: str
    record: dict[str, Any] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    busy: bool = False

    @property
    def complete(self) -> bool:
        """Whether it may be read."""
        return self.record is not None and not self.damaged

    @property
    def bytes(self) -> int:
        """Of all objects that its record lists."""
        return sum(size for size, *_ in self.record["files"].values()) if self.record else 0

    def findings(self) -> Iterator[tuple[str, str, str]]:
        """Kind, key and reason of everything that is not as it should be."""
        for key, reason in self.damaged.items():
            yield DAMAGED, key, reason
        for version in self.unfinished:
            yield UNFINISHED, f"{self.name}/{version}", "`stc-pseudo build` goes on with it"
        for key in self.orphans:
            yield ORPHAN, key, "nothing refers to it"
        if self.busy:
            yield BUSY, self.name, "another process is at it"


def verify_store(store: Location, deep: bool = False) -> Iterator[SequenceState]:
    """Look at every sequence.

    Args:
        store: where the store is.
        deep: read every object and compare its CRC32C; otherwise its size alone is asked for.

    Raises:
        InputError: no store; DamagedStoreError: its manifest is damaged.
    """
    read_manifest(store)
    builder = Builder(store)
    for name in store.folders():
        yield verify_sequence(store, name, deep, builder)


def verify_sequence(store: Location, name: str, deep: bool, builder: Builder) -> SequenceState:
    """Look at one sequence; `builder` asks for its locks."""
    state = SequenceState(name, sizes=store.find(f"{name}/"))
    key = f"{name}/{RECORD}"
    locks = [path for path in state.sizes if path.startswith(f"{name}/{LOCK}/")]
    state.busy = bool(locks) and builder.is_held(name)
    if key in state.sizes:
        try:
            state.record = read_record(store, name, store.read(key))
        except InputError as error:
            state.damaged[key] = error.message
    version = state.record["version"] if state.record else None
    if state.record:
        state.damaged |= damage(store, state.record, state.sizes, deep)
    listed = {f"{name}/{version}/{path}" for path in state.record["files"]} if state.record else set()
    others = set(state.sizes) - listed - {key} - set(locks)
    if state.busy:
        return state
    marked = {path.split("/")[1] for path in others if path.split("/")[2:3] in ([BEGUN], [DONE])}
    state.unfinished = sorted(marked - {version})
    if key not in state.sizes and without_record(state.sizes, name):
        state.damaged[key] = "missing"
    goes_on = tuple(f"{name}/{path}/" for path in state.unfinished)
    state.orphans = sorted(
        [path for path in others if not path.startswith(goes_on) or path.rsplit("/", 1)[1].startswith(".")] + locks
    )
    return state


def damage(store: Location, record: dict[str, Any], sizes: dict[str, int], deep: bool) -> dict[str, str]:
    """Reason by key of each object of a record that is missing or not what was written.

    Args:
        store: where the store is.
        record: the sequence's.
        sizes: bytes of every object of the sequence, by key.
        deep: read them.
    """
    prefix, reasons = f"{record['sequence']}/{record['version']}", {}
    for key, (size, *_) in record["files"].items():
        there = sizes.get(f"{prefix}/{key}")
        if there != size:
            reasons[f"{prefix}/{key}"] = "missing" if there is None else f"{there} bytes instead of {size}"
    if not deep:
        return reasons
    keys = {f"{prefix}/{key}": key for key in record["files"] if f"{prefix}/{key}" not in reasons}
    for place, content in store.read_each(keys, READ_AT_A_TIME):
        if content is None:
            reasons[place] = "missing"
            continue
        try:
            require_content(content, record["files"][keys[place]], keys[place])
        except DamagedStoreError as error:
            reasons[place] = error.message.split(": ", 1)[1].split(" (")[0]
    return reasons


def repair_sequence(store: Location, state: SequenceState, builder: Builder) -> None:
    """Remove a sequence's orphans, and let the next build redo what is damaged.

    Args:
        store: where the store is.
        state: what was found.
        builder: takes the sequence meanwhile; an InputError where somebody else has it.
    """
    name = state.name
    builder.acquire(name)
    for version in {orphan.split("/")[1] for orphan in state.orphans if orphan.count("/") > 1} - {LOCK}:
        sizes = {key: size for key, size in state.sizes.items() if key.startswith(f"{name}/{version}/")}
        if version not in {*state.unfinished, state.record and state.record["version"]}:
            drop_version(store, name, version, sizes)
    store.delete(key for key in state.orphans if not key.startswith(f"{name}/{LOCK}/"))
    if state.damaged and state.record is None:
        store.delete([f"{name}/{RECORD}"])
    elif state.damaged:
        unfinish(store, state)
    builder.release(name)
    store.prune(name)


def unfinish(store: Location, state: SequenceState) -> None:
    """Turn a damaged complete sequence into an unfinished one in which the sound shards are done."""
    record, name = state.record, state.name
    if record is None:
        raise ValueError(f"{name} has no record")
    prefix = f"{name}/{record['version']}"
    bad = {key[len(prefix) + 1 :] for key in state.damaged}
    frames, length = record["shard_frames"], len(record["numbers"])
    marks = {}
    lost = _touches_tables(bad, record)
    columns, box_frames = ({}, np.zeros(0)) if lost else _columns(StoredSequence(store, name, record))
    for start in () if lost else range(0, length, frames):
        keys = [
            shard_key(array, start // frames, spec["shape"], record["schema"])
            for array, spec in record["arrays"].items()
        ]
        if not bad & set(keys):
            rows = slice(*np.searchsorted(box_frames, (start, start + frames)))
            column_values = {column: values[rows].tolist() for column, values in columns.items()}
            mark = {"files": {key: record["files"][key] for key in keys}, "columns": column_values}
            marks[f"{prefix}/{DONE}/{start:08d}.json"] = seal(mark)
    store.put_many(marks)
    if not any(key.endswith("zarr.json") or key.split("/")[0] in record["tables"] for key in bad):
        begun = {"provenance": record["provenance"], "frames_seen": record["frames_seen"]}
        store.put(f"{prefix}/{BEGUN}", seal(begun))
    store.delete([f"{name}/{RECORD}"])
    store.delete(key for key in state.damaged if key in state.sizes)


def _touches_tables(bad: set[str], record: dict[str, Any]) -> bool:
    """Whether a column that only the tasks can make is lost, or the rows that tell its frames."""
    needed = {name for name in RESULT_TABLES if name in record["tables"]}
    return bool(needed) and any(is_chunk(key) and key.split("/")[0] in needed | {"box_frame"} for key in bad)


def _columns(stored: StoredSequence) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The columns that tasks made, and the frame of each row."""
    names = [name for name in RESULT_TABLES if name in stored.record["tables"]]
    return {name: stored.table(name) for name in names}, stored.table("box_frame")


def stale_files(store: Location) -> list[str]:
    """Objects beside the sequences that a killed build left: what dead builders said of themselves, torn manifests."""
    import json

    stale = []
    for key in store.find():
        if key.startswith(f"{BUILDERS}/"):
            try:
                owner = json.loads(store.read(key))
            except (*MISSING, ValueError):
                owner = {}
            if not isinstance(owner, dict) or not alive(owner):
                stale.append(key)
        elif "/" not in key and key.startswith(f".{MANIFEST}.") and key.endswith(".tmp"):
            stale.append(key)
    return stale
