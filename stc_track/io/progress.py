"""The progress bar of every stage: redrawn at a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from tqdm import tqdm

LOG_INTERVAL = 30  # seconds between lines where nobody sees a bar move
START = 0.1  # seconds; in a log, a stage that ends before LOG_INTERVAL is over says nothing


class Bar(tqdm):  # type: ignore[type-arg]
    """As tqdm, on stderr; where that is no terminal, a plain line each `LOG_INTERVAL` seconds.

    Args:
        args, settings: tqdm's.

    Examples:
        >>> for frame in Bar(range(3), desc="build", unit="frame"):
        ...     pass
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._in_log = not sys.stderr.isatty()
        if self._in_log:
            settings |= {"file": _Lines(sys.stderr), "ncols": 0, "mininterval": LOG_INTERVAL}
            settings["delay"] = max(settings.get("delay", 0), START)
        super().__init__(*args, **{"mininterval": 0.5} | settings)

    def refresh(self, *args: Any, **settings: Any) -> Any:
        """As tqdm's; a log gets no line for a mere change of what stands behind the bar."""
        if not self._in_log or time.time() - getattr(self, "last_print_t", 0) >= self.mininterval:
            return super().refresh(*args, **settings)
        return False


class _Lines:
    """What is drawn in place comes out as lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None)

    def write(self, text: str) -> None:
        if text := text.strip():
            self._stream.write(f"{text}\n")

    def flush(self) -> None:
        self._stream.flush()
