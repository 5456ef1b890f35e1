"""What one value of somebody's file may look like: the same rules in JSON, XML, INI files and columns of text.

A number may be written in any of the ways that programs write it: `3`, `3.0`, `3.000000e+00` (`np.savetxt`), and in
JSON also as a string of one. A whole number is one without a fraction. `true` and `false` are no numbers, but they are
flags, and so are 0 and 1. NaN and infinity are never taken.
"""

from __future__ import annotations

import math
import re

from stc_track.io.errors import InputError

LARGEST = 1e9  # of coordinates and scores: arithmetic with them stays finite
LARGEST_WHOLE = 10**9 - 1  # of frames and classes: nine digits
LARGEST_ID = 2**63 - 1  # of what only names something: 19 digits
_EXACT = 2**53  # up to here a number with a decimal point names one whole number
_DIGITS = re.compile(rb"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_FLAGS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


def whole(value: object, name: str, where: object, low: int = 0, high: int = LARGEST_WHOLE) -> int:
    """A whole number of `low` to `high`.

    Args:
        value: text, or a value of JSON.
        name: what it is, for the message.
        where: file and place, for the message.
        low, high: limits, both included.

    Raises:
        InputError: it is none.

    Examples:
        >>> whole(b"3", "a frame", "a.txt:1"), whole("3.000e+00", "id", "a.json"), whole(3.0, "id", "a.json")
        (3, 3, 3)
    """
    number = _whole(value)
    if number is None or number < low:
        raise InputError(where, expected=f"{name}, a whole number of at least {low}", found=shown(value))
    if number > high:
        raise InputError(where, expected=f"{name}, a whole number of at most {high}", found=shown(value))
    return number


def real(value: object, name: str, where: object) -> float:
    """A finite number of at most `LARGEST`; raises InputError where it is none.

    Examples:
        >>> real(b"-1.5e+01", "x", "a.txt:1"), real(2, "x", "a.json")
        (-15.0, 2.0)
    """
    number = _real(value)
    if not abs(number) <= LARGEST:
        limit = f" of at most {LARGEST:g}" if math.isfinite(number) else ""
        raise InputError(where, expected=f"{name}, a finite number{limit}", found=shown(value))
    return number


def flag(value: object, name: str, where: object) -> bool:
    """Whether something holds: true or false, 1 or 0, as text or as a value; None stands for false.

    Examples:
        >>> [flag(each, "iscrowd", "a.json") for each in (True, 0, "1", b"False", 1.0, None)]
        [True, False, True, False, True, False]
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    text = _text(value)
    number = None if text is None else _FLAGS.get(text.decode("latin-1").lower(), _whole(text))
    if number not in (0, 1):
        raise InputError(where, expected=f"{name}, 0 or 1", found=shown(value))
    return bool(number)


def identity(value: object, name: str, where: object) -> int | str:
    """What names something: a whole number of up to 19 digits, or a string; `"12"` and 12.0 are the number 12.

    A string with another spelling (`"0012"`) stays a string, so that no two names become one.

    Examples:
        >>> identity(9007199254740993, "id", "a.json"), identity("12", "id", "a.json"), identity("0012", "id", "a.json")
        (9007199254740993, 12, '0012')
    """
    if isinstance(value, str):
        if not value or not value.isprintable():
            raise InputError(where, expected=f"{name}, a whole number or a name", found=shown(value))
        number = _whole(value) if value.isascii() else None
        return number if number is not None and str(number) == value and abs(number) <= LARGEST_ID else value
    number = _whole(value)
    if number is None:
        raise InputError(where, expected=f"{name}, a whole number or a name", found=shown(value))
    if abs(number) > LARGEST_ID:
        raise InputError(where, expected=f"{name}, a whole number of at most {LARGEST_ID}", found=shown(value))
    return number


def shown(value: object) -> str:
    """What was found, short and printable."""
    return ascii(value[:40].decode("latin-1")) if isinstance(value, bytes) else ascii(value)[:40]


def _text(value: object) -> bytes | None:
    """A number or text as the text that a file of columns would have; None for anything else."""
    if isinstance(value, bytes):
        return value.strip()
    if isinstance(value, str):
        return value.strip().encode("ascii", "replace")
    return str(value).encode() if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    text = _text(value)
    if text is None:
        return None
    if _DIGITS.fullmatch(text):
        return int(text)
    number = _real(text)
    return int(number) if abs(number) <= _EXACT and number == math.floor(number) else None


def _real(value: object) -> float:
    """The number, infinite where it is too large for one; NaN where it is none."""
    if type(value) is int or type(value) is float:
        return float(value) if abs(value) <= 1e300 else math.inf
    text = _text(value)
    return float(text) if text is not None and _NUMBER.fullmatch(text) else math.nan
