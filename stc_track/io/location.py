"""Objects under a folder or under a prefix of an object store, behind one small interface.

Nothing here renames: an object is put whole, read whole, listed and deleted, which a bucket can do as well as a disk.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stc_track.io.errors import InputError

READ_ONLY = {"http", "https", "zip", "tar", "libarchive", "reference", "github", "git"}
LOCAL = {"file", "local"}
# Kinds of failure that say that nothing is there, as local and remote file systems raise them.
MISSING = (FileNotFoundError, NotADirectoryError)
READ, WRITTEN = "read", "written to"


class NotWritableError(InputError):
    """A place refused what was to be put there: it is full, read-only, or does not answer."""


class Location:
    """A folder, or a prefix of an object store.

    Cheap to make, to pickle and to carry through a fork: the connection belongs to the process that uses it.

    Args:
        url: a path, where `~` is the user's home, or an fsspec URL.
        writable: whether objects will be put there.

    Attributes:
        url: as given, without a slash at its end.

    Raises:
        InputError: an unknown scheme, one whose package is not installed, a file where a folder is expected, or a place
            that cannot keep what is put there.
    """

    def __init__(self, url: str | Path, writable: bool = False) -> None:
        text = str(url)
        if "://" not in text and "::" not in text:
            text = os.path.expanduser(text)
        elif text.startswith(("file://", "local://")):
            text = text.split("://", 1)[1]
        self.url = text.rstrip("/") or text
        self._scheme = self.url.split("::", 1)[0].split("://", 1)[0] if "://" in self.url else "file"
        if writable and (self._scheme in READ_ONLY or "::" in self.url):
            raise InputError(url, expected="a folder or a bucket to write to", found=f"{self._scheme}://, read-only")
        if writable and self._scheme == "memory":
            raise InputError(url, expected="a folder or a bucket", found="memory://, which is lost with the process")
        if self._scheme in LOCAL and os.path.isfile(self.url):
            raise InputError(url, expected="a folder", found="a file")
        # Workers may have another current folder.
        self._root = os.path.abspath(self.url) if self.is_local else self._connect()[1]

    def __repr__(self) -> str:
        return f"Location({self.url!r})"

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return self._scheme in LOCAL

    def _connect(self) -> tuple[Any, str]:
        """The file system of this process that reaches the service, and the place in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            expected = "the package, which URLs are read with"
            raise InputError("fsspec", expected=expected, found="none", hint="pip install 'stc-seg[pseudo]'") from error
        # Another process may write to the same bucket: a listing is never remembered.
        options: dict[str, Any] = {} if "::" in self.url else {"use_listings_cache": False}
        if self._scheme in ("s3", "s3a"):
            options["max_concurrency"] = 1  # otherwise each read asks for the size first; many keys still go at once
        try:
            fs, path = url_to_fs(self.url, **options)
        except (ValueError, ImportError) as error:
            raise InputError(self.url, expected="a path or an fsspec URL", found=str(error)) from error
        except OSError as error:
            raise InputError(self.url, expected="a place that can be reached", found=reason(error)) from error
        return fs, path.rstrip("/")

    def _path(self, key: str) -> str:
        return "/".join(part for part in (self._root, key) if part)  # an archive's root has no name

    def where(self, key: str) -> str:
        """URL of an object, for messages."""
        return f"{self.url}/{key}" if key else self.url

    @contextlib.contextmanager
    def _reaching(self, key: str, verb: str) -> Iterator[None]:
        """Turn what the system or a service refuses into an InputError; where one reads, nothing there stays that."""
        kinds = OSError if self.is_local else Exception  # services raise errors of their own
        try:
            yield
        except InputError:
            raise
        except kinds as error:
            if verb == READ and isinstance(error, MISSING):
                raise
            kind = NotWritableError if verb == WRITTEN else InputError
            expected = f"a place that can be {verb}"
            raise kind(self.where(key), expected=expected, found=reason(error)) from error

    def read(self, key: str) -> bytes:
        """Content of one object; FileNotFoundError where there is none."""
        with self._reaching(key, READ):
            if self.is_local:
                with open(self._path(key), "rb") as file:
                    return file.read()
            return self._connect()[0].cat_file(self._path(key))

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Content of those objects that there are; a remote service is asked for many at a time."""
        keys = list(keys)
        if self.is_local:
            contents = {}
            for key in keys:
                with contextlib.suppress(*MISSING):
                    contents[key] = self.read(key)
            return contents
        paths = {self._path(key): key for key in keys}
        with self._reaching("", READ):
            answers = self._connect()[0].cat(list(paths), on_error="return") if paths else {}
            if isinstance(answers, bytes):  # fsspec's answer about one path
                answers = {next(iter(paths)): answers}
            contents = {}
            for path, answer in answers.items():
                if isinstance(answer, Exception):
                    if isinstance(answer, (*MISSING, KeyError)):
                        continue
                    raise answer
                contents[paths[path]] = answer
            return contents

    def read_each(self, keys: Iterable[str], at_a_time: int) -> Iterator[tuple[str, bytes | None]]:
        """Keys and contents, None of an object that is not there; so many at a time are asked for and held."""
        keys = list(keys)
        for first in range(0, len(keys), at_a_time):
            some = keys[first : first + at_a_time]
            contents = self.read_many(some)
            yield from ((key, contents.get(key)) for key in some)

    def put(self, key: str, content: bytes) -> None:
        """Put one object: afterwards it is there whole, or, on an error, as it was."""
        with self._reaching(key, WRITTEN):
            if not self.is_local:
                self._connect()[0].pipe_file(self._path(key), content)
                return
            temporary = self._temporary(key, content)
            try:
                os.replace(temporary, self._path(key))
            except BaseException:
                os.unlink(temporary)
                raise

    def create(self, key: str, content: bytes) -> bool:
        """Put one object unless there is one of that name; tells whether it was put. Only one of many succeeds."""
        with self._reaching(key, WRITTEN):
            if not self.is_local:
                try:
                    self._connect()[0].pipe_file(self._path(key), content, mode="create")
                except FileExistsError:
                    return False
                except OSError as error:
                    if "PreconditionFailed" in repr(error) or "ConditionalRequestConflict" in repr(error):
                        return False
                    raise
                return True
            temporary = self._temporary(key, content)
            try:
                os.link(temporary, self._path(key))  # fails where there is one, and shows it whole from the start
            except FileExistsError:
                return False
            finally:
                os.unlink(temporary)
            return True

    def _temporary(self, key: str, content: bytes) -> str:
        path = self._path(key)
        _make_folder(os.path.dirname(path))
        temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(content)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        return temporary

    def put_many(self, objects: Mapping[str, bytes]) -> None:
        """Put objects that nobody reads yet, in any order: where it fails, some are there and some are torn."""
        with self._reaching("", WRITTEN):
            if not self.is_local:
                if objects:
                    self._connect()[0].pipe({self._path(key): content for key, content in objects.items()})
                return
            for folder in {os.path.dirname(self._path(key)) for key in objects}:
                _make_folder(folder)
            for key, content in objects.items():
                with open(self._path(key), "wb") as file:
                    file.write(content)

    def folders(self) -> list[str]:
        """Names of the folders directly in it, sorted; hidden ones are passed over."""
        with self._reaching("", READ):
            try:
                if self.is_local:
                    names = [entry.name for entry in os.scandir(self._root) if entry.is_dir()]
                else:
                    fs, path = self._connect()
                    entries = [entry for entry in fs.ls(path, detail=True) if entry["type"] == "directory"]
                    names = [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in entries]
            except MISSING:
                return []
        return sorted(name for name in names if not name.startswith("."))

    def entries(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """What a remote service says of what lies directly below a prefix, by name: one listing."""
        with self._reaching(prefix, READ):
            fs, _ = self._connect()
            path = self._path(prefix)
            try:
                listed = fs.ls(path, detail=True)
            except MISSING:
                return {}
        # Asked for an object, a service lists it itself; and some a folder's own name as an empty object.
        below = {entry["name"].rstrip("/"): entry for entry in listed}
        return {name.rsplit("/", 1)[-1]: entry for name, entry in below.items() if name != path}

    def find(self, prefix: str = "") -> dict[str, int]:
        """Bytes of every object below a prefix, by key."""
        with self._reaching(prefix, READ):
            if self.is_local:
                return dict(_sizes(self._path(prefix.rstrip("/")), prefix.rstrip("/")))
            fs, root = self._connect()
            try:
                entries = fs.find(self._path(prefix), detail=True)
            except MISSING:
                return {}
        return {name[len(root) :].lstrip("/"): int(entry["size"]) for name, entry in entries.items()}

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone already are no error."""
        keys = list(keys)
        with self._reaching("", WRITTEN):
            if not self.is_local:
                if keys:
                    with contextlib.suppress(*MISSING):
                        self._connect()[0].rm([self._path(key) for key in keys])
                return
            for key in keys:
                with contextlib.suppress(*MISSING):
                    os.unlink(self._path(key))

    def prune(self, prefix: str) -> None:
        """Remove the empty folders below a prefix and itself, if that is empty; a bucket has none."""
        if not self.is_local:
            return
        for folder, _, _ in os.walk(self._path(prefix), topdown=False):
            with contextlib.suppress(OSError):  # somebody put something there
                os.rmdir(folder)


def _sizes(folder: str, key: str) -> Iterator[tuple[str, int]]:
    """Key and bytes of every file below a folder of this key; what is gone since it was listed is left out.

    So is a folder that may not be listed, as a disk's `lost+found`.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            below = f"{key}/{entry.name}" if key else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path, below)
            else:
                with contextlib.suppress(*MISSING):
                    yield below, entry.stat().st_size


def _make_folder(path: str) -> None:
    """Make a folder, and those around it only where it takes them."""
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(path, exist_ok=True)


def reason(error: BaseException) -> str:
    """One line that says why a system or a service refused."""
    message = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(message).split())[:200]
