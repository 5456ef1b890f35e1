"""Short names for the content of files, so that a store knows what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

# A PNG's last bytes hold checksums of all its pixels; enough to tell two maps apart without reading gigabytes.
TAIL_BYTES = 4096


def folder_digest(folder: Path, suffixes: tuple[str, ...]) -> str:
    """Return 16 hexadecimal digits that change with a folder's files: their names, sizes and last bytes.

    Args:
        folder: searched with all its subfolders; its own path does not count.
        suffixes: of the files that count, as `.png`.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in suffixes):
        size = path.stat().st_size
        with open(path, "rb") as file:
            file.seek(max(size - TAIL_BYTES, 0))
            digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0".encode() + file.read())
    return digest.hexdigest()[:16]


def files_digest(paths: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits that change with the bytes of any of the files, or with their order."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
