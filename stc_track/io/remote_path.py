"""Files and folders in a bucket, with what of `pathlib.Path` reading a data set takes.

A folder is listed once, with sizes and the service's name for each content (an ETag): whether a frame is there, and
whether it changed, needs no request of its own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, NamedTuple

from stc_track.io.location import READ_ONLY, Location

CONTENT_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "last_modified", "mtime", "created")


class Entry(NamedTuple):
    """An object or a folder as a listing shows it.

    Attributes:
        is_folder: whether it is a prefix of others.
        size: bytes.
        tag: changes with the content.
    """

    is_folder: bool
    size: int
    tag: str


class RemotePath:
    """A place in a bucket. Cheap to pickle: what was listed stays behind, but for what is known of itself.

    Args:
        url: `s3://bucket/key`, or of another service that fsspec knows.

    Raises:
        InputError: an unknown scheme, or one whose package is not installed.
    """

    def __init__(self, url: str) -> None:
        scheme, rest = url.split("://", 1)
        bucket, _, key = rest.partition("/")
        self.store, self.key = Location(f"{scheme}://{bucket}"), "/".join(part for part in key.split("/") if part)
        self._entry: Entry | None = None
        self._listings: dict[str, dict[str, Entry]] = {}

    def _place(self, key: str, entry: Entry | None = None) -> RemotePath:
        place = object.__new__(RemotePath)
        place.store, place.key, place._entry, place._listings = self.store, key, entry, self._listings
        return place

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_listings": {}}

    def __str__(self) -> str:
        return self.store.where(self.key)

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __lt__(self, other: RemotePath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __truediv__(self, below: str | PurePath) -> RemotePath:
        return self.joinpath(below.as_posix() if isinstance(below, PurePath) else below)

    def joinpath(self, *parts: str) -> RemotePath:
        """See `pathlib.Path`, and so on."""
        return self._place("/".join(part.strip("/") for part in (self.key, *parts) if part.strip("/")))

    @property
    def name(self) -> str:
        """The last part."""
        return self.key.rsplit("/", 1)[-1]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        """The name's ending."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder that it is in."""
        return self._place(self.key.rpartition("/")[0])

    def as_posix(self) -> str:
        """The URL."""
        return str(self)

    def is_dir(self) -> bool:
        """Whether anything lies below it."""
        return self._entry.is_folder if self._entry else bool(self._children())

    def is_file(self) -> bool:
        """Whether it is an object."""
        entry = self._known()
        return entry is not None and not entry.is_folder

    def exists(self) -> bool:
        """Whether it is either."""
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[RemotePath]:
        """What lies directly in it."""
        for name, entry in self._children().items():
            yield self._place(f"{self.key}/{name}" if self.key else name, entry)

    def identity(self) -> str:
        """Size and the service's name for the content; FileNotFoundError where there is nothing."""
        entry = self._known()
        if entry is None:
            raise FileNotFoundError(str(self))
        return f"{entry.size}\0{entry.tag}"

    def read_bytes(self) -> bytes:
        """Its content; FileNotFoundError where there is none."""
        return self.store.read(self.key)

    def open(self, mode: str = "rb") -> io.BytesIO:
        """Its content as a file that is read."""
        if mode != "rb":
            raise ValueError(f"mode must be 'rb', got {mode!r}")
        return io.BytesIO(self.read_bytes())

    def is_relative_to(self, folder: object) -> bool:
        """Whether it lies in a folder."""
        return isinstance(folder, RemotePath) and f"{self}/".startswith(f"{folder}/")

    def relative_to(self, folder: RemotePath) -> PurePosixPath:
        """Its path below a folder that it lies in."""
        if not self.is_relative_to(folder):
            raise ValueError(f"{self} is not in {folder}")
        return PurePosixPath(str(self)[len(str(folder)) + 1 :])

    def _known(self) -> Entry | None:
        if self._entry is None and self.key:
            self._entry = self.parent._children().get(self.name)
        return self._entry

    def _children(self) -> dict[str, Entry]:
        if self.key not in self._listings:
            self._listings[self.key] = {
                name: Entry(info["type"] == "directory", int(info.get("size") or 0), _tag(info))
                for name, info in self.store.entries(self.key).items()
            }
        return self._listings[self.key]


AnyPath = Path | RemotePath


def _tag(info: dict[str, Any]) -> str:
    return next((str(info[key]) for key in CONTENT_TAGS if info.get(key)), "")


def as_place(text: str | AnyPath) -> AnyPath:
    """The path or bucket that a text names.

    Raises:
        ValueError: an archive, or a service that cannot be listed.
    """
    if not isinstance(text, str):
        return text
    if "://" not in text:
        return Path(text)
    scheme = text.split("://", 1)[0]
    if scheme in READ_ONLY or scheme == "memory" or "::" in text:
        raise ValueError(f"expected a folder or a bucket, found {scheme}://")
    return RemotePath(text)


def read_all(paths: Sequence[AnyPath]) -> list[bytes | None]:
    """Content of files, None where there is none; those of a bucket are asked for at once."""
    contents: dict[AnyPath, bytes] = {}
    remote: dict[str, list[RemotePath]] = {}
    for path in paths:
        if isinstance(path, RemotePath):
            remote.setdefault(path.store.url, []).append(path)
        elif path.is_file():
            contents[path] = path.read_bytes()
    for group in remote.values():
        objects = group[0].store.read_many([path.key for path in group])
        contents |= {path: objects[path.key] for path in group if path.key in objects}
    return [contents.get(path) for path in paths]
