"""What the system refuses - a full disk, a folder that may not be written, an address that does not answer - in a line.

Such errors come from everywhere, through every library, so they are caught in one place: around each command.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import click

from stc_track.io.errors import InputError

TRACEBACK = "STC_TRACEBACK"  # set in the environment, errors of the system keep their tracebacks
# Of libraries that need not be installed, or not be imported: base classes by full name.
FOREIGN = (
    "aiohttp.client_exceptions.ClientError",
    "botocore.exceptions.BotoCoreError",
    "botocore.exceptions.ClientError",
    "http.client.HTTPException",
    "torch.OutOfMemoryError",
    "torch.cuda.OutOfMemoryError",
    "torch.distributed.DistBackendError",
    "urllib3.exceptions.HTTPError",
)
# What torch says of a disk and of memory, in its general error.
TORCH = re.compile(
    r"PytorchStreamWriter failed|unexpected pos|open file failed|unable to open file|unable to write|No space left"
    r"|Read-only file system|CUDA out of memory|DefaultCPUAllocator: (can't|not enough)|unable to open shared memory"
    r"|unable to mmap|DataLoader worker .* (is killed by signal|exited unexpectedly)",
    re.IGNORECASE,
)
OUT_OF_MEMORY = re.compile(r"out of memory|DefaultCPUAllocator: (can't|not enough)", re.IGNORECASE)
SMALLER = "a smaller batch, smaller frames or another device"
HINTS = {
    errno.ENOSPC: "free some space, or write to another place",
    errno.EDQUOT: "free some of the quota, or write to another place",
    errno.EACCES: "permissions of the file or its folder",
    errno.EPERM: "permissions of the file or its folder",
    errno.EROFS: "write to another place",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENOMEM: "fewer workers, or smaller batches",
}


class SystemRefusal(click.ClickException):
    """The system, or one beyond the network, did not do what was asked of it. One line, exit code 2."""

    exit_code = InputError.exit_code


@contextmanager
def one_line() -> Iterator[None]:
    """Turn errors of the system into a `SystemRefusal`; any other error is a fault of ours, and passes."""
    try:
        yield
    except (click.ClickException, BrokenPipeError):  # click's own, and a reader that has seen enough
        raise
    except Exception as error:
        message = None if os.environ.get(TRACEBACK) else describe(error)
        if message is None:
            raise
        raise SystemRefusal(f"{message} ({TRACEBACK}=1 shows where)") from error


def describe(error: BaseException) -> str | None:
    """Say in a line what the system refused; None for any other error.

    Examples:
        >>> describe(PermissionError(13, "Permission denied", "masks/0000.txt"))
        'masks/0000.txt: Permission denied; permissions of the file or its folder'
        >>> describe(KeyError("x")) is None
        True
    """
    known = isinstance(error, OSError | MemoryError | subprocess.SubprocessError) or any(
        f"{base.__module__}.{base.__qualname__}" in FOREIGN for base in type(error).__mro__
    )
    if not known and not (isinstance(error, RuntimeError) and TORCH.search(str(error))):
        return None
    where = [str(name) for name in (getattr(error, "filename", None), getattr(error, "filename2", None)) if name]
    number = getattr(error, "errno", None)
    what = getattr(error, "strerror", None) or _last_line(error)
    said = f"{' -> '.join(where)}: {what}" if where else f"the system says: {what}"
    hint = SMALLER if is_out_of_memory(error) else HINTS.get(number or 0, "")
    return said + (f"; {hint}" if hint else "")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or this machine has not as much memory as was asked for.

    Examples:
        >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
        True
    """
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and bool(OUT_OF_MEMORY.search(str(error)))
    )


def _last_line(error: BaseException) -> str:
    """The message's last line: what another process raised comes as the text of its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = next((line for line in lines if TORCH.search(line)), lines[-1] if lines else "")
    if isinstance(error, MemoryError) and not text:
        return "not enough memory"
    name = type(error).__name__
    return f"{text[:200]}" if name in ("OSError", "RuntimeError") and text else f"{name}: {text[:200]}".rstrip(": ")
