"""One writer at a time for a place of work: the second is refused with a line that names the first."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from stc_track.io.errors import InputError

log = logging.getLogger(__name__)


class TakenError(click.ClickException):
    """Another process writes there. No `InputError`: what is cleaned up after one of these would be the other's."""

    exit_code = InputError.exit_code


@contextmanager
def only_writer(place: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a place; it is free again when the block is left or the process ends, however it ends.

    Args:
        place: a folder, created if need be, or the file that will be written.
        what: writes there, as "training".
        hint: the flag that names another place.

    Raises:
        TakenError: another process holds it.
    """
    try:
        import fcntl  # noqa: F401
    except ImportError:  # no POSIX: the system has no such lock
        log.warning("%s: nothing keeps a second process from writing there as well", place)
        yield
        return
    lock = place.parent / f".{place.name}.lock" if place.suffix else place / ".lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with _locked(lock, place, what, hint) as file:
        if file is None:
            yield
            return
        since = datetime.now().isoformat(" ", "seconds")
        file.truncate(0)
        file.write(f"{what} on {socket.gethostname()}, process {os.getpid()}, since {since}\n")
        file.flush()
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def _locked(lock: Path, place: Path, what: str, hint: str) -> Iterator[TextIO | None]:
    """The lock's file, held until the block is left; None on a file system without locks."""
    import fcntl

    while True:
        # Not closed before the end: the system gives the lock free with the file.
        with open(lock, "a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                found = file.read(200).strip() or "another"
                message = f"{place}: expected a place that no other {what} writes to, found {found} ({hint})"
                raise TakenError(message) from error
            except OSError as error:
                log.warning("%s: nothing keeps a second process from writing there as well (%s)", place, error.strerror)
                yield None
                return
            # Its holder may have removed the file between the opening and the locking: then it locks nothing.
            if _same(lock, file):
                yield file
                return


def _same(lock: Path, file: TextIO) -> bool:
    """Whether the path still leads to the open file."""
    try:
        return os.path.samestat(os.stat(lock), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
