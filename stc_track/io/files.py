"""Files that are whole or absent, and folders of one file a sequence."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from stc_track.io.errors import InputError, require_folder

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what the system says of a full disk


@contextmanager
def _writable(path: Path, numbers: Sequence[int] | None = None) -> Iterator[None]:
    """Turn the system's refusal to write `path` into an InputError; `numbers` are the errors that count, None all."""
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        found = error.strerror or str(error)
        raise InputError(path, expected="a place that can be written to", found=found) from error


@contextmanager
def replacing(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary neighbour of `path`; renamed to `path` on success, removed on an exception.

    The folder is made when it is missing. Text modes write UTF-8 with `\\n` line ends.

    Raises:
        InputError: the system lets nobody write there, or the disk is full.
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    with _writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open(mode, **text)
    try:
        with _writable(path, _FULL), file:
            yield file
        with _writable(path):
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """Write values as JSON, whole or not at all, as `replacing`; without `indent`, in one line."""
    with replacing(path, "w") as file:
        json.dump(content, file, indent=indent)


@contextmanager
def replacing_folder(path: Path, ending: str) -> Iterator[Path]:
    """A temporary neighbour of the folder `path`; takes its place on success, is removed on an exception.

    Args:
        path: the folder; what it held before is replaced.
        ending: of the names of all files that are written, and that may be replaced.

    Raises:
        InputError: the folder holds anything else, or is a file; the system lets nobody write there, or the disk is
            full.
    """
    if os.path.exists(path):
        require_folder(path, f"files {ending}", "`out=` names another place")
        if other := next((file for file in path.iterdir() if file.suffix != ending), None):
            hint = "`out=` names another place"
            raise InputError(path, expected=f"an empty folder, or one of {ending} alone", found=other.name, hint=hint)
    temporary, old = (path.with_name(f".{path.name}.{os.getpid()}.{role}") for role in ("tmp", "old"))
    with _writable(path):
        temporary.mkdir(parents=True)
    try:
        with _writable(path, _FULL):
            yield temporary
        with _writable(path):
            if path.exists():
                path.rename(old)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def is_plain(name: str) -> bool:
    """Whether a name from a file may name a file or folder of ours: printable, not hidden, and it leaves no folder.

    Examples:
        >>> is_plain("MOT17-02 left"), is_plain("../0000"), is_plain("a/b"), is_plain(".hidden"), is_plain("")
        (True, False, False, False, False)
    """
    foreign = "/\\:" if os.name == "nt" else "/\\"  # C:name is a place on another drive
    return bool(name) and name.isprintable() and name[0] != "." and ".." not in name and not set(name) & set(foreign)


def sequence_files(
    folder: Path, sequences: Sequence[str] | None, hint: str, endings: Sequence[str] = (".txt",)
) -> dict[str, Path]:
    """Path of each sequence's file in a folder, by the sequence's name; hidden files are passed over.

    Args:
        folder: holds one file a sequence.
        sequences: which to take; None takes all.
        hint: what the user can do where something is missing.
        endings: of the files' names.

    Raises:
        InputError: no file, named sequences without one, two files of one sequence, or a name that is not plain.
    """
    kinds = " or ".join(f"{{sequence}}{ending}" for ending in endings)
    require_folder(folder, f"files {kinds}", hint)
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in endings or path.name.startswith(".") or not path.is_file():
            continue
        if not is_plain(path.stem) or path.stem in files:
            found = f"{files[path.stem].name} as well" if path.stem in files else ascii(path.stem)
            raise InputError(path, expected="a plain name, one file a sequence", found=found)
        files[path.stem] = path
    if not files:
        raise InputError(folder, expected=f"files {kinds}", found="none", hint=hint)
    if sequences is None:
        return files
    if missing := [name for name in sequences if name not in files]:
        expected = ", ".join(name + endings[0] for name in missing)
        raise InputError(folder, expected=expected, found="none", hint=hint)
    return {name: files[name] for name in sequences}
