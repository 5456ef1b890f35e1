"""Lines and fields of the space-separated text files, with errors that name the file and the line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from stc_track.io.errors import InputError, require_file

LARGEST = 1e9
LARGEST_WHOLE = 10**9 - 1  # of frames, ids and classes: nine digits
_WHOLE_NUMBER = re.compile(rb"-?[0-9]{1,9}")


def lines(path: Path, what: str) -> Iterator[tuple[int, list[bytes]]]:
    """Number (from 1) and fields of each line of a file; blank lines are skipped, CRLF is read as LF."""
    with require_file(path, what).open("rb") as file:
        for number, line in enumerate(file, 1):
            if fields := line.split():
                yield number, fields


def whole(text: bytes, name: str, where: str, low: int = 0) -> int:
    """A whole number of at most nine digits, not below `low`."""
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) < low:
        raise InputError(where, expected=f"{name}, a whole number of at least {low}", found=shown(text))
    return int(text)


def real(text: bytes, name: str, where: str) -> float:
    """A finite number, of a size that arithmetic with it stays finite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        expected = (
            f"{name}, a finite number of at most {LARGEST:g}" if math.isfinite(value) else f"{name}, a finite number"
        )
        raise InputError(where, expected=expected, found=shown(text))
    return value


def shown(text: bytes) -> str:
    """What was found, short and printable."""
    return ascii(text[:40].decode("latin-1"))
