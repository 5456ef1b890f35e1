"""`stc-pseudo doctor`: what is installed here, what is missing, and the command that mends it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util

import click

from stc_track.io.console import Command

DISTRIBUTION = "stc-seg"
# What each extra is for; extras that only developers need are left out.
PURPOSES = {
    "": "stc-track, stc-convert",
    "eval": "stc-eval",
    "video": "stc-video, video files for `stc-pseudo build --frames`",
    "pseudo": "stc-pseudo",
    "train": "stc-train, stc-predict, stc-export",
    "pretrained": "ImageNet start of networks",
}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?[^;]*(?:;.*extra == ['\"]([^'\"]+)['\"].*)?$")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        found: its state, for a person.
        remedy: the command or flag that mends it; empty where all is well.
        needed: whether a command cannot run without it.
    """

    name: str
    found: str
    remedy: str = ""
    needed: bool = True


@click.command(cls=Command)
def main() -> None:
    """Say what is installed, which devices there are, and what mends what is missing. Exit code 1 if a need is open."""
    findings = [*packages(), *devices(), *tools()]
    for finding in findings:
        mark = "ok  " if not finding.remedy else "MISS" if finding.needed else "-   "
        click.echo(f"{mark} {finding.name:<34} {finding.found}" + (f"  ->  {finding.remedy}" if finding.remedy else ""))
    if any(finding.remedy and finding.needed for finding in findings):
        raise click.exceptions.Exit(1)


def requirements() -> dict[str, list[str]]:
    """Names of the packages that each extra of the installed distribution asks for; `""` is the core."""
    by_extra: dict[str, list[str]] = {extra: [] for extra in PURPOSES}
    for line in metadata.requires(DISTRIBUTION) or []:
        match = _REQUIREMENT.match(line)
        name, extra = (match[1], match[2] or "") if match else ("", None)
        if extra in by_extra and name != DISTRIBUTION:
            by_extra[extra].append(name)
    return by_extra


def packages() -> Iterator[Finding]:
    """Python, and every package of every extra."""
    yield Finding("Python", ".".join(map(str, sys.version_info[:3])))
    for extra, names in requirements().items():
        versions = {name: _version(name) for name in names}
        missing = [name for name, version in versions.items() if version is None]
        label = f"{PURPOSES[extra]}"
        if missing:
            yield Finding(label, f"without {', '.join(missing)}", _install(extra), needed=extra == "")
        elif names:
            yield Finding(label, ", ".join(f"{name} {version}" for name, version in versions.items()))


def devices() -> Iterator[Finding]:
    """GPUs that torch sees, and whose operators mmcv's are."""
    if util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(number).total_memory
            yield Finding(f"cuda:{number}", f"{torch.cuda.get_device_name(number)}, {memory / 2**30:.0f} GiB")
    else:
        yield Finding("GPU", "none; networks run on the CPU")
    if util.find_spec("mmcv") is not None:
        compiled = util.find_spec("mmcv._ext") is not None
        yield Finding("mmcv's operators", "compiled" if compiled else "torchvision's in their place")


def tools() -> Iterator[Finding]:
    """Free space for stores and weights."""
    free = shutil.disk_usage(".").free / 2**30
    remedy = "" if free >= 1 else "make room, or `stc-pseudo build --out` another disk"
    yield Finding("free space here", f"{free:.0f} GiB", remedy)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        # one build of OpenCV stands in for the other
        return _version("opencv-python-headless") if name == "opencv-python" else None


def _install(extra: str) -> str:
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install '{DISTRIBUTION}'"
