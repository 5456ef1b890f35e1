"""Text files that are whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary neighbour of `path`; renamed to `path` on success, removed on an exception.

    The folder is made when it is missing. Text modes write UTF-8 with `\\n` line ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with temporary.open(mode, **text) as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
