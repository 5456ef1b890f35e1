"""Records of complete sequences, and what tells that one is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from stc_pseudo.store.lock import LOCK
from stc_pseudo.store.versions import BEGUN, DONE
from stc_track.formats.store import RECORD, DamagedStoreError, read_record
from stc_track.io.location import Location

log = logging.getLogger(__name__)

READ_AT_A_TIME = 256


def read_records(store: Location, damaged: str = "raise") -> dict[str, dict[str, Any]]:
    """Records of the complete sequences, by name, sorted; arguments as of `iter_records`."""
    return dict(iter_records(store, damaged))


def iter_records(store: Location, damaged: str = "raise") -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and records of the complete sequences, sorted, so many at a time.

    Args:
        store: where the store is.
        damaged: `raise`, or `leave out` with a warning, as a build does that makes them again.
    """
    keys = {f"{name}/{RECORD}": name for name in store.folders()}
    for key, content in store.read_each(keys, READ_AT_A_TIME):
        name = keys[key]
        if content is None:
            if damaged == "raise" and without_record(store.find(f"{name}/"), name):
                raise DamagedStoreError(store.where(key), expected="a record", found="none")
            continue
        try:
            yield name, read_record(store, name, content)
        except DamagedStoreError as error:
            if damaged == "raise":
                raise
            log.warning("%s: made again: %s", name, error.message)


def without_record(sizes: dict[str, int], name: str) -> bool:
    """Whether a sequence without a record was complete once: no build of it is under way, or was cut short.

    Args:
        sizes: every object of the sequence, by key.
        name: of the sequence.
    """
    versions = {key.split("/")[1] for key in sizes if key.count("/") > 1}
    if not versions or LOCK in versions:
        return False
    marks = tuple(f"{name}/{version}/{mark}" for version in versions for mark in (BEGUN, f"{DONE}/"))
    return not any(key.startswith(marks) for key in sizes)


def recorded_version(store: Location, name: str, content: bytes | None) -> str | None:
    """Name of the version that a record speaks of; None without a record, or with a damaged one.

    Args:
        store: where the store is.
        name: of the sequence.
        content: of the record's object, None where there is none.
    """
    try:
        return None if content is None else read_record(store, name, content)["version"]
    except DamagedStoreError:
        return None
