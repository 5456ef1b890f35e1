"""Reading frames from disk."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from stc_track.io.errors import InputError

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp")
DIGITS = re.compile(r"([0-9]+)")


def list_frames(folder: Path, hint: str = "") -> list[Path]:
    """Return the pictures in a folder, sorted by name, the numbers in names as numbers: `f2.png` before `f10.png`.

    Raises:
        InputError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(folder, expected="a folder of PNG or JPEG frames", found="nothing there", hint=hint)
    frames = [
        path for path in folder.iterdir() if path.suffix.lower() in FRAME_SUFFIXES and not path.name.startswith(".")
    ]
    if not frames:
        raise InputError(folder, expected="PNG or JPEG frames", found="none", hint=hint)
    # Every other part of a name is a number.
    return sorted(
        frames,
        key=lambda path: ([int(part) if k % 2 else part for k, part in enumerate(DIGITS.split(path.stem))], path.name),
    )


def read_frame(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one frame as (H, W, 3) uint8 RGB.

    A grey frame becomes RGB of three equal channels; a 16-bit one is refused, because its scale is not known.

    Args:
        path: a PNG or JPEG file.
        size: (height, width) that the frame must have, or None.

    Raises:
        InputError: the file is missing, cannot be decoded, is not 8-bit, or has another size.
    """
    import cv2

    encoded = np.fromfile(path, np.uint8) if path.is_file() else None
    if encoded is None:
        raise InputError(path, expected="a PNG or JPEG frame", found="no file")
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if picture is None:
        raise InputError(path, expected="a PNG or JPEG frame", found=f"{encoded.size} bytes that do not decode")
    if picture.dtype != np.uint8:
        raise InputError(path, expected="8 bits per channel", found=f"{picture.dtype}", hint="convert it to 8 bits")
    if size is not None and picture.shape[:2] != size:
        found = "{1}x{0}".format(*picture.shape[:2])
        raise InputError(path, expected=f"{size[1]}x{size[0]} pixels as the sequence's first frame", found=found)
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB)
