"""Small stores, drawn by hand."""

from pathlib import Path

import numpy as np
import pytest


def write_store(
    store: Path,
    name: str,
    numbers: list[int],
    size: tuple[int, int],
    tables: dict[str, np.ndarray] | None = None,
    class_names: dict[str, str] | None = None,
    **arrays: np.ndarray,
) -> None:
    """Add a complete sequence of these arrays (T, ...) and tables to a store, as docs/reference/store.md describes."""
    from stc_track.formats.shards import checksum, encode_shard, with_checksum
    from stc_track.formats.store import SCHEMA, seal, shard_key

    files = {shard_key(key, 0, values.shape): encode_shard(values, 16) for key, values in arrays.items()}
    tables = tables or {}
    files |= {shard_key(key, 0, values.shape): with_checksum(values.tobytes()) for key, values in tables.items()}
    for key, content in files.items():
        path = store / name / "v1" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    record = {
        "schema": SCHEMA,
        "sequence": name,
        "version": "v1",
        "provenance": {},
        "frames": [f"{number:06d}.png" for number in numbers],
        "numbers": numbers,
        "size": list(size),
        "shard_frames": 16,
        "arrays": {key: {"dtype": str(values.dtype), "shape": list(values.shape)} for key, values in arrays.items()},
        "tables": {key: {"dtype": str(values.dtype), "shape": list(values.shape)} for key, values in tables.items()},
        "class_names": class_names or {},
        "files": {key: [len(content), checksum(content)] for key, content in files.items()},
    }
    (store / name / "record.json").write_bytes(seal(record))
    (store / "manifest.json").write_bytes(seal({"schema": SCHEMA, "dataset": "drawn"}))


@pytest.fixture
def store_of():
    """`write_store`."""
    pytest.importorskip("zarr")
    return write_store
