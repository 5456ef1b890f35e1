"""Text files of somebody else: lines and fields, with errors that name the file and the line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from stc_track.io.errors import InputError, require_file
from stc_track.io.remote_path import AnyPath

_UTF8_MARK = codecs.BOM_UTF8
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def plain_lines(path: AnyPath, what: str) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and content of each line of a file, without blanks around it.

    Blank lines are skipped, CRLF is read as LF, and a byte order mark of UTF-8 at the start is nothing.

    Raises:
        InputError: no file, or one in UTF-16.
    """
    with require_file(path, what).open("rb") as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                _require_bytes(path, line)
                line = line.removeprefix(_UTF8_MARK)
            if line := line.strip():
                yield number, line


def lines(path: AnyPath, what: str) -> Iterator[tuple[int, list[bytes]]]:
    """Number (from 1) and blank-separated fields of each line of a file; as `plain_lines` for the rest."""
    return ((number, line.split()) for number, line in plain_lines(path, what))


def read_text(path: AnyPath, what: str, errors: str = "strict") -> str:
    """A whole small file of UTF-8, without byte order mark.

    Args:
        path: the file.
        what: it should be, for the message.
        errors: "replace" for files of which only numbers count.

    Raises:
        InputError: no file, or one in another encoding.
    """
    content = require_file(path, what).read_bytes()
    _require_bytes(path, content)
    try:
        return content.removeprefix(_UTF8_MARK).decode(errors=errors)
    except UnicodeDecodeError as error:
        found = f"byte {content[error.start]:#04x} at {error.start}"
        raise InputError(path, expected=f"{what}, in UTF-8", found=found, hint="save it as UTF-8") from error


def _require_bytes(path: AnyPath, start: bytes) -> None:
    if start.startswith(_WIDE_MARKS):
        raise InputError(path, expected="text in UTF-8", found="UTF-16", hint="save it as UTF-8")
