"""Network weights on disk: written whole or not at all, read without running code, checked key by key."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path
from typing import Any

import torch

from stc_track.io.errors import InputError, require_file
from stc_track.io.files import replacing

# What reading a damaged or crafted file raises.
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,  # and RecursionError
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,  # torch's words for a file that was cut are "Invalid argument"
)


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint under a temporary name, then rename it: `path` is whole or absent."""
    with replacing(path) as file:
        torch.save(content, file)


def load(path: Path, flag: str) -> dict[str, Any]:
    """Read a checkpoint to the CPU with `weights_only=True`.

    Args:
        path: a file that `torch.save` wrote.
        flag: what named the file, for the message: a flag, or a setting as `InputError` writes it.

    Raises:
        InputError: no such file, or not a dictionary of plain tensors and values.
    """
    require_file(path, "a file of network weights", f"{flag} names it")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        reason = named[1] if named else (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(path, expected="a checkpoint of plain tensors", found=reason, hint=flag) from error
    if not isinstance(content, dict):
        raise InputError(path, expected="a dictionary of weights", found=type(content).__name__, hint=flag)
    return content


def load_state(network: torch.nn.Module, state: dict[str, Any], path: Path, flag: str, name: str) -> None:
    """Copy `state` into `network`, or say which key does not fit.

    Args:
        network: takes the weights (half-precision tensors are widened).
        state: key to tensor; keys must be exactly the network's.
        path: the file they came from, for the message.
        flag: as in `load`.
        name: the network's name, for the message.

    Raises:
        InputError: a key is missing, left over, or of another shape: the weights are another network's.
    """
    if not isinstance(state, dict):
        raise InputError(path, expected=f"weights of {name}", found=f"a {type(state).__name__}", hint=flag)
    parameters = network.state_dict()
    expected = f"weights of {name}"
    for key in parameters:
        if key not in state:
            raise InputError(path, expected=f"{expected} with key '{key}'", found="no such key", hint=flag)
        if not _is_plain(state[key]):
            raise InputError(path, expected=f"{expected}, '{key}' a tensor", found=type(state[key]).__name__, hint=flag)
        if tuple(state[key].shape) != tuple(parameters[key].shape):
            found = f"shape {tuple(state[key].shape)}"
            raise InputError(
                path, expected=f"{expected}, '{key}' of shape {tuple(parameters[key].shape)}", found=found, hint=flag
            )
    for key in state:
        if key not in parameters:
            raise InputError(path, expected=expected, found=f"the unknown key '{key}'", hint=flag)
    network.load_state_dict(state)


def _is_plain(value: Any) -> bool:
    """Whether a value is a dense tensor of real numbers."""
    return (
        isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and not (value.is_quantized or value.is_complex() or value.is_nested or value.is_meta)
    )


def fingerprint(path: Path) -> str:
    """Return the first 16 hexadecimal digits of a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
