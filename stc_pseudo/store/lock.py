"""Who builds which sequence: one builder at a time, and a dead one's place is taken.

    STORE/.builders/{builder}.json           host, process, and when it was last seen
    STORE/{sequence}/.lock/{n}.json          its n-th builder; the highest holds the sequence

A builder takes over by *creating* the next number, which one of many succeeds in on a disk and in a bucket alike.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stc_track.io.errors import InputError
from stc_track.io.location import MISSING, Location

BUILDERS, LOCK = ".builders", ".lock"
BEAT_SECONDS = 20.0
SILENT_SECONDS = 180.0  # after which a builder of another machine counts as dead


def process_started(pid: int) -> str | None:
    """When a process of this machine began, in any unit; None where there is none. Numbers of processes recur."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        if os.path.isdir("/proc/self"):
            return None
        try:  # no /proc: it is alive, or nobody's
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except OSError:
            pass
        return "unknown"
    return None if fields[0] == "Z" else fields[19]


def this_machine() -> str:
    """Host, and on Linux its boot and its space of process numbers: containers may share a host's name."""
    parts = [socket.gethostname()]
    for path, read in (("/proc/sys/kernel/random/boot_id", Path.read_text), ("/proc/self/ns/pid", os.readlink)):
        try:
            parts.append(str(read(Path(path))).strip())
        except OSError:
            continue
    return "/".join(parts)


class Builder:
    """This process as a builder of a store; says every now and then that it is alive, while it holds anything.

    Args:
        store: where the store is.

    Attributes:
        name: unique.
    """

    def __init__(self, store: Location) -> None:
        self.store, self.name = store, uuid.uuid4().hex[:12]
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.held: dict[str, int] = {}  # sequence: number of its lock
        self._stop: threading.Event | None = None

    def _describe(self) -> bytes:
        pid = os.getpid()
        return json.dumps(
            {
                "builder": self.name,
                "host": socket.gethostname(),
                "machine": this_machine(),
                "pid": pid,
                "process_started": process_started(pid),
                "started": self.started,
                "seen": time.time(),
            }
        ).encode()

    def acquire(self, sequence: str) -> None:
        """Take a sequence, or take it over from a dead builder.

        Raises:
            InputError: another builder holds it.
        """
        if sequence in self.held:
            return
        if self._stop is None:
            self.store.put(f"{BUILDERS}/{self.name}.json", self._describe())
            self._stop = threading.Event()
            threading.Thread(target=self._beat, args=(self._stop,), daemon=True).start()
        number, owner = self._holder(sequence)
        if owner is not None and alive(owner):
            raise self._refusal(sequence, owner)
        key = f"{sequence}/{LOCK}/{number + 1}.json"
        if not self.store.create(key, json.dumps({"builder": self.name}).encode()):
            raise self._refusal(sequence, self._holder(sequence)[1] or {})
        self.held[sequence] = number + 1
        # The lock below may meanwhile have been given free, and its number taken by a third builder.
        below = self._owner(sequence, number) if number else None
        if below is not None and alive(below):
            self.store.delete([f"{sequence}/{LOCK}/{self.held.pop(sequence)}.json"])
            raise self._refusal(sequence, below)

    def still_holds(self, sequence: str, keys: Iterable[str] | None = None) -> bool:
        """Whether nobody took the sequence over meanwhile, as from a builder that was silent for long.

        Args:
            sequence: its name.
            keys: of all its objects, listed just now; None lists them.
        """
        return self._numbers(sequence, keys)[-1:] == [self.held.get(sequence)]

    def is_held(self, sequence: str) -> bool:
        """Whether a builder that is alive holds a sequence."""
        owner = self._holder(sequence)[1]
        return owner is not None and alive(owner)

    def release(self, sequence: str) -> None:
        """Give a sequence free."""
        number = self.held.pop(sequence, None)
        if number is not None:
            numbers = [n for n in self._numbers(sequence) if n <= number]
            self.store.delete([f"{sequence}/{LOCK}/{n}.json" for n in sorted(numbers)])
            self.store.prune(f"{sequence}/{LOCK}")

    def close(self) -> None:
        """Give free whatever is held, and say no more."""
        for sequence in list(self.held):
            self.release(sequence)
            self.store.prune(sequence)
        if self._stop is not None:
            self._stop.set()
            self._stop = None
            self.store.delete([f"{BUILDERS}/{self.name}.json"])
            self.store.prune(BUILDERS)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                self.store.put(f"{BUILDERS}/{self.name}.json", self._describe())
            except InputError:
                continue  # the build itself will say what is wrong with the place

    def _numbers(self, sequence: str, keys: Iterable[str] | None = None) -> list[int]:
        prefix = f"{sequence}/{LOCK}/"
        keys = self.store.find(prefix) if keys is None else [key for key in keys if key.startswith(prefix)]
        names = (key.rsplit("/", 1)[1][: -len(".json")] for key in keys)
        return sorted(int(name) for name in names if name.isdecimal())

    def _holder(self, sequence: str) -> tuple[int, dict[str, Any] | None]:
        """The highest lock's number, 0 without one, and what its builder said of itself; None of a dead one."""
        numbers = self._numbers(sequence)
        return (numbers[-1], self._owner(sequence, numbers[-1])) if numbers else (0, None)

    def _owner(self, sequence: str, number: int) -> dict[str, Any] | None:
        try:
            name = json.loads(self.store.read(f"{sequence}/{LOCK}/{number}.json"))["builder"]
            return json.loads(self.store.read(f"{BUILDERS}/{name}.json"))
        except (*MISSING, ValueError, KeyError, TypeError):
            return None  # a builder removes its own description last

    def _refusal(self, sequence: str, owner: dict[str, Any]) -> InputError:
        found = f"process {owner.get('pid', '?')} on {owner.get('host', '?')} at it since {owner.get('started', '?')}"
        expected, hint = (
            "no other build of this sequence",
            "wait for it; `stc-pseudo build --sequences` leaves the sequence out",
        )
        return InputError(f"{self.store.url}/{sequence}", expected=expected, found=found, hint=hint)


def alive(owner: dict[str, Any]) -> bool:
    """Whether a builder that said this of itself is at work."""
    if owner.get("machine") == this_machine() and isinstance(owner.get("pid"), int):
        return process_started(owner["pid"]) == owner.get("process_started")
    last_seen = owner.get("seen")
    return isinstance(last_seen, int | float) and time.time() - last_seen < SILENT_SECONDS
