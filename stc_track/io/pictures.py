"""Frames as picture files, and 16-bit label pictures; Pillow reads and writes them."""

from __future__ import annotations

import bisect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from stc_track.io.errors import InputError, require_file, require_folder

if TYPE_CHECKING:
    from PIL import Image

_MEND = "`frames=` names the folder of all sequences' frames"
MOST_UNLISTED = 100_000
FRAME_ENDINGS = (".png", ".jpg", ".jpeg")


def numbered_pictures(folder: Path, hint: str = "", endings: tuple[str, ...] = FRAME_ENDINGS) -> dict[int, Path]:
    """Pictures of a folder by the number that is their name, as 000042.png, increasing.

    Raises:
        InputError: no such folder, no picture in it, a name that is no number, or a number twice.
    """
    require_folder(folder, "pictures named by their number", hint)
    pictures: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in endings or path.name.startswith("."):
            continue
        if not (path.stem.isascii() and path.stem.isdecimal() and len(path.stem) <= 9):
            raise InputError(path, expected="a picture named by its number, as 000042.png", found=ascii(path.stem))
        if int(path.stem) in pictures:
            raise InputError(path, expected="one picture a number", found=f"{pictures[int(path.stem)].name} as well")
        pictures[int(path.stem)] = path
    if not pictures:
        raise InputError(folder, expected=f"pictures {' or '.join(endings)}", found="none", hint=hint)
    return dict(sorted(pictures.items()))


@dataclass(frozen=True, slots=True)
class Frames:
    """Which frames a sequence has.

    Attributes:
        numbers: of the frames, increasing, at least one.
        names: of their files.
        size: (height, width), pixels.
    """

    numbers: tuple[int, ...]
    names: tuple[str, ...]
    size: tuple[int, int]

    @staticmethod
    def counted(count: int, size: tuple[int, int], where: str) -> Frames:
        """Frames 0 to `count` - 1 that nobody has listed, named as KITTI names them; raises as `require_countable`."""
        require_countable(count - 1, where)
        return Frames(tuple(range(count)), tuple(f"{number:06d}.png" for number in range(count)), size)

    def require(self, number: int, size: tuple[int, int], where: str) -> int:
        """The position of a frame, from 0; an InputError where there is no such frame or its size is another."""
        position = bisect.bisect_left(self.numbers, number)
        if position == len(self.numbers) or self.numbers[position] != number:
            expected = f"one of the {len(self.numbers)} frames {self.numbers[0]} to {self.numbers[-1]}"
            raise InputError(where, expected=expected, found=f"frame {number}", hint="`frames=` names the pictures")
        if size != self.size:
            found, expected = (f"{height} x {width}" for height, width in (size, self.size))
            raise InputError(where, expected=f"masks of {expected} as the pictures", found=found)
        return position


def require_countable(number: int, where: str) -> None:
    """Raise an InputError where a sequence would have too many frames that nobody has listed."""
    if number >= MOST_UNLISTED:
        expected = f"frames below {MOST_UNLISTED} where nobody lists them"
        raise InputError(where, expected=expected, found=f"frame {number}", hint="`frames=` lists them")


def list_frames(root: Path, sequence: str) -> Frames:
    """The frames of a sequence under `root`, laid out as `sequence_folder` knows it; raises as it does."""
    pictures = numbered_pictures(sequence_folder(root, sequence), _MEND)
    first = next(iter(pictures.values()))
    return Frames(tuple(pictures), tuple(path.name for path in pictures.values()), picture_size(first))


def sequence_folder(root: Path, sequence: str, hint: str = _MEND) -> Path:
    """Where a sequence's frames lie: `{root}/{sequence}`, KITTI's `training/image_02/{sequence}`, or MOT's `img1`.

    Raises:
        InputError: none of them is a folder.
    """
    places = [root / "training" / "image_02" / sequence, root / sequence / "img1", root / sequence]
    for place in places:
        if place.is_dir():
            return place
    expected = f"frames of sequence {sequence} in {sequence}/, {sequence}/img1/ or training/image_02/{sequence}/"
    raise InputError(root, expected=expected, found="none of them", hint=hint)


def read_picture(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB.

    Raises:
        InputError: it does not decode, has 16 bits, or is not of the size (height, width).
    """
    with _decoding(path, "a PNG or JPEG picture") as picture:
        if (picture.height, picture.width) != size:
            found, expected = (f"{height} x {width}" for height, width in ((picture.height, picture.width), size))
            raise InputError(path, expected=f"{expected} pixels as the sequence's first picture", found=found)
        if picture.mode.startswith(("I", "F")):
            raise InputError(path, expected="8 bits per channel", found=f"mode {picture.mode}")
        return np.asarray(picture.convert("RGB"))


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture, pixels; reads its head alone."""
    with _decoding(path, "a PNG or JPEG picture") as picture:
        return picture.height, picture.width


_MODES8 = ("P", "L", "1")
_MODES16 = ("I;16", "I")  # older versions of Pillow call 16 bits "I"


def is_labels16(path: Path) -> bool:
    """Whether a file is a 16-bit grey PNG; reads its head alone."""
    try:
        with _decoding(path, "a 16-bit grey PNG", ("PNG",)) as picture:
            return picture.mode in _MODES16
    except InputError:
        return False


def is_labels8(path: Path) -> bool:
    """Whether a file is an indexed or 8-bit grey PNG; reads its head alone."""
    try:
        with _decoding(path, "an indexed or 8-bit grey PNG", ("PNG",)) as picture:
            return picture.mode in _MODES8
    except InputError:
        return False


def read_labels16(path: Path) -> np.ndarray:
    """Read a 16-bit grey picture as (H, W) uint16; raises InputError where it is none."""
    with _decoding(path, "a 16-bit grey PNG", ("PNG",)) as picture:
        if picture.mode not in _MODES16:
            raise InputError(path, expected="a 16-bit grey PNG", found=f"one of mode {picture.mode}")
        return np.asarray(picture).astype(np.uint16)


def read_labels8(path: Path) -> tuple[np.ndarray, bool]:
    """Read the values of an indexed or grey PNG of up to 8 bits.

    Returns:
        (H, W) uint8, indices where there is a palette, and whether there is one.

    Raises:
        InputError: it has colours or 16 bits.
    """
    with _decoding(path, "an indexed or 8-bit grey PNG", ("PNG",)) as picture:
        if picture.mode not in _MODES8:
            hint = "masks are PNG of 16-bit grey (MOTS) or of 8-bit values (DAVIS)"
            raise InputError(
                path, expected="an indexed or 8-bit grey PNG", found=f"one of mode {picture.mode}", hint=hint
            )
        return np.asarray(picture).astype(np.uint8), picture.mode == "P"


def write_labels16(file: IO[bytes], labels: np.ndarray) -> None:
    """Write (H, W) uint16 as a 16-bit grey PNG to an open file."""
    from PIL import Image  # not for who lists frames alone

    Image.fromarray(labels).save(file, format="PNG")


@contextmanager
def _decoding(path: Path, what: str, formats: tuple[str, ...] = ("PNG", "JPEG")) -> Iterator[Image.Image]:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(require_file(path, what), formats=formats) as picture:
                yield picture
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(path, expected=what, found=str(error).replace(str(path), "it")[:80]) from error
