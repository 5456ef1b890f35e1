"""The error raised for a user's bad input."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

_NAMED = re.compile(r"`(\w+)=([^`\s]*)`")


class Place(Protocol):
    """A `pathlib.Path`, or what is like one in a bucket."""

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        ...

    def is_file(self) -> bool:
        """Whether it is a file."""
        ...


P = TypeVar("P", bound=Place)
FlagOf = Callable[[str], str | None]


def with_flags(text: str, flag_of: FlagOf) -> str:
    """A text of library code as a command prints it: a flag in place of each setting, `` `root=` `` or `` `root=a` ``.

    Args:
        text: any.
        flag_of: from a setting's name to the command's flag, None where it has none.

    Examples:
        >>> with_flags("see `root=`; `mode=mono` needs none", "--{}".format)
        'see --root; --mode mono needs none'
    """

    def flag(match: re.Match[str]) -> str:
        name = flag_of(match[1])
        return match[0] if name is None else f"{name} {match[2]}".rstrip()

    return _NAMED.sub(flag, text)


class UserError(click.ClickException):
    """An error that a command prints as one line."""

    def with_flags(self, flag_of: FlagOf) -> UserError:
        """The error as a command prints it.

        Args:
            flag_of: from a setting's name to the command's flag, None where it has none.

        Examples:
            >>> InputError("a.png", expected="a map", found="nothing", hint="`depth_dir=`").with_flags("--{}".format)
            InputError('a.png: expected a map, found nothing (--depth_dir)')
        """
        return _rebuilt(type(self), with_flags(self.message, flag_of))

    def __reduce__(self) -> tuple[Any, ...]:
        # an exception is rebuilt from its arguments, of which only the message is left
        return _rebuilt, (type(self), self.message)


class InputError(UserError):
    """Bad input from the user. Commands print its one line and exit with code 2.

    Args:
        where: the file, `file:line`, or frame that is wrong.
        expected: what should have been there.
        found: what was there.
        hint: what the user can do about it, naming the flag that helps; may be empty.

    In library code a text names a setting as a Python caller writes it, `` `root=` `` or `` `mode=mono` ``; a command
    prints its flag there (`with_flags`).

    Examples:
        >>> InputError("0000.txt:3", expected="5 columns", found="2").message
        '0000.txt:3: expected 5 columns, found 2'
    """

    exit_code = 2

    def __init__(self, where: object, *, expected: str, found: str, hint: str = "") -> None:
        super().__init__(f"{where}: expected {expected}, found {found}" + (f" ({hint})" if hint else ""))


def _rebuilt(kind: type[UserError], message: str) -> UserError:
    """The error as another process raised it."""
    error = kind.__new__(kind)
    click.ClickException.__init__(error, message)
    return error


class SettingError(InputError, ValueError):
    """A setting - an argument, or a field of a settings class - has a value that it cannot have.

    Args:
        name: the setting's, dotted where settings lie in settings.
        expected: what it may hold.
        found: what it holds.
        hint: as of `InputError`.

    Examples:
        >>> SettingError("dilation", "a whole number from 1 to 3", "7").message
        'dilation: expected a whole number from 1 to 3, found 7'
    """

    def __init__(self, name: str, expected: str, found: str, hint: str = "") -> None:
        super().__init__(name, expected=expected, found=found, hint=hint)
        self.name, self.expected, self.found, self.hint = name, expected, found, hint

    def with_flags(self, flag_of: FlagOf) -> UserError:
        """See `UserError.with_flags`; the flag stands in the setting's own place as well."""
        where = flag_of(self.name) or self.name
        return InputError(where, expected=self.expected, found=self.found, hint=self.hint).with_flags(flag_of)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.expected, self.found, self.hint)


# below os.path, not Path's methods, which raise where a name is too long for the system: there is nothing there


def require_folder(path: P, what: str, hint: str = "") -> P:
    """Return `path` if it is a folder, or raise an InputError that says what it should have held."""
    if not isinstance(path, str | os.PathLike):  # in a bucket
        if not path.is_dir():
            raise InputError(path, expected=f"a folder of {what}", found="nothing", hint=hint)
        return path
    if not os.path.isdir(path):
        found = "a file" if os.path.exists(path) else "nothing"
        raise InputError(path, expected=f"a folder of {what}", found=found, hint=hint)
    if not os.access(path, os.R_OK | os.X_OK):
        raise InputError(path, expected=f"a folder of {what}", found="one that may not be read", hint=hint)
    return path


def require_file(path: P, what: str, hint: str = "") -> P:
    """Return `path` if it is a file, or raise an InputError that says what it should have been."""
    if not isinstance(path, str | os.PathLike):  # in a bucket
        if not path.is_file():
            raise InputError(path, expected=what, found="nothing", hint=hint)
        return path
    if not os.path.isfile(path):
        raise InputError(path, expected=what, found="a folder" if os.path.isdir(path) else "nothing", hint=hint)
    if not os.access(path, os.R_OK):
        raise InputError(path, expected=what, found="a file that may not be read", hint=hint)
    return path
