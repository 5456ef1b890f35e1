"""Reading frames from disk."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath, RemotePath, read_all

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp")
MAX_PIXELS = 2**26  # 67 million, a frame of 8K twice over; 200 MB decoded
PIXELS_VARIABLE = "STC_MAX_PIXELS"
DIGITS = re.compile(r"([0-9]+)")


def list_frames(folder: AnyPath, hint: str = "") -> list[AnyPath]:
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


def require_unique(numbers: Sequence[int], folder: Path) -> None:
    """Raise an InputError where two pictures of a folder are of one frame."""
    if len(set(numbers)) < len(numbers):
        expected, found = "one picture a frame number", "two of the same number"
        raise InputError(folder, expected=expected, found=found, hint="keep either PNG or JPEG")


def pixel_limit() -> int:
    """Most pixels that a picture may have: `--max-pixels`, which worker processes inherit through the environment.

    Raises:
        InputError: the environment holds no number.
    """
    text = os.environ.get(PIXELS_VARIABLE, str(MAX_PIXELS))
    if not text.isdecimal():
        raise InputError(PIXELS_VARIABLE, expected="a number of pixels", found=text)
    return int(text)


def require_pixels(size: tuple[int, int], path: AnyPath) -> None:
    """Raise an InputError where (height, width) are too many pixels to decode: a few MB can become gigabytes."""
    height, width = size
    if height * width > (limit := pixel_limit()):
        found, hint = f"{width}x{height} = {height * width}", f"`max_pixels={height * width}` allows it"
        raise InputError(path, expected=f"a picture of at most {limit} pixels", found=found, hint=hint)


def decode_picture(encoded: np.ndarray, path: AnyPath) -> np.ndarray | None:
    """Decode a picture as it is stored, after a look at the size that its head states.

    Args:
        encoded: (n,) uint8, the file's bytes.
        path: for messages.

    Returns:
        (H, W) or (H, W, channels), BGR; None where it does not decode.

    Raises:
        InputError: more pixels than `pixel_limit`.
    """
    import cv2

    Image.MAX_IMAGE_PIXELS = limit = pixel_limit()  # Pillow warns beyond it, and refuses twice as many
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(encoded.tobytes())) as picture:
                size = picture.height, picture.width
    except Image.DecompressionBombError as error:
        found, hint = str(error).removeprefix("Image size (").split(" pixels")[0], "`max_pixels=` allows more"
        raise InputError(path, expected=f"a picture of at most {limit} pixels", found=found, hint=hint) from error
    except (OSError, SyntaxError, ValueError):
        return None
    require_pixels(size, path)
    return cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)


def read_frames(paths: Sequence[AnyPath], size: tuple[int, int]) -> np.ndarray:
    """Read frames of one size as (n, H, W, 3) uint8 RGB, as `read_frame`; a bucket is asked for all at once."""
    if not any(isinstance(path, RemotePath) for path in paths):
        return np.stack([read_frame(path, size) for path in paths])
    contents = read_all(paths)
    return np.stack([decode_frame(content, path, size) for content, path in zip(contents, paths, strict=True)])


def read_frame(path: AnyPath, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one frame as (H, W, 3) uint8 RGB.

    A grey frame becomes RGB of three equal channels; a 16-bit one is refused, because its scale is not known.

    Args:
        path: a PNG or JPEG file.
        size: (height, width) that the frame must have, or None.

    Raises:
        InputError: the file is missing, cannot be decoded, is not 8-bit, or has another size.
    """
    return decode_frame(read_all([path])[0], path, size)


def decode_frame(content: bytes | None, path: AnyPath, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode one frame as (H, W, 3) uint8 RGB; see `read_frame`.

    Args:
        content: of the file, or None where there is none.
        path: for messages.
        size: as of `read_frame`.
    """
    import cv2

    if content is None:
        raise InputError(path, expected="a PNG or JPEG frame", found="no file")
    encoded = np.frombuffer(content, np.uint8)
    picture = decode_picture(encoded, path)
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
