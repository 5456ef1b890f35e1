"""Short names for the content of files, so that a store knows what it was made from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stc_track.io.remote_path import AnyPath, RemotePath

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


_known: Mapping[str, str] = {}
_used: dict[str, str] = {}


@contextmanager
def known_digests(known: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Let `files_digest` take for unchanged what has the sizes and times of an earlier run, while this lasts.

    Args:
        known: digest of the bytes by `stat_digest`.

    Yields:
        a dictionary that is filled with those that were asked for.
    """
    global _known, _used
    before = _known, _used
    _known, _used = known, {}
    try:
        yield _used
    finally:
        _known, _used = before


def files_digest(paths: Iterable[AnyPath]) -> str:
    """Return 16 hexadecimal digits that change with the bytes of any of the files, or with their order.

    A bucket is not read for it: it names contents itself.
    """
    paths = list(paths)
    if any(isinstance(path, RemotePath) for path in paths):
        return stat_digest(paths)
    stat = stat_digest(paths)
    if (content_digest := _known.get(stat)) is None:
        digest = hashlib.sha256()
        for path in paths:
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        content_digest = digest.hexdigest()[:16]
    _used[stat] = content_digest
    return content_digest


def stat_digest(paths: Iterable[AnyPath]) -> str:
    """Return 16 hexadecimal digits that change with the name, size or time of any of the files, or with their order."""
    digest = hashlib.sha256()
    for path in paths:
        if isinstance(path, RemotePath):
            digest.update(f"{path.name}\0{path.identity()}\0".encode())
            continue
        stat = os.stat(path)
        digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]
