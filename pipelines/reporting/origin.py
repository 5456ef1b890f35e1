"""Where figures come from: the checkout's commit, and the kind of machine."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def commit() -> str:
    """The checkout's commit, with a plus where files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
        ).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def machine() -> str:
    """Architecture and number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} cores"
