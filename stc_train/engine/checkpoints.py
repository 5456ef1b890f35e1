"""MMEngine's checkpoints, read without running what is in them and without fetching anything.

A pickle can run any code; `weights_only=True` lets it call only what is on a list. MMEngine's list has `getattr`, by
which a file reaches every function of the process, and what the list refuses MMEngine reads once more without one. And
a checkpoint holds its training's config as Python text, which resuming runs.
"""

from __future__ import annotations

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from stc_pseudo.nn.weights import UNREADABLE
from stc_track.io.errors import InputError, require_file

CHECKPOINT = re.compile(r"iter_(\d+)\.pth")
STATE = ("state_dict", "optimizer", "param_schedulers", "message_hub", "meta")  # what a training goes on from
# Where MMEngine's loaders look, by the beginning of a name; the last is a file's.
PLACES = (
    "torchvision://",
    "pavi://",
    "openmmlab://",
    "open-mmlab://",
    "modelzoo://",
    "mmcls://",
    "https://",
    "http://",
    r"(\S+\:)?s3://",
    r"(\S+\:)?petrel://",
    "",
)
STATISTICS = ("min", "max", "current", "mean")
MEND = "the config names it: `cfg_options=` load_from=FILE, or None; init_cfg=None for a part of the model"


def _statistic(owner: Any, name: Any) -> Any:
    """What `getattr` is for in a checkpoint: the log's own statistics, which each of its buffers lists."""
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise UnpicklingError(f"Unsupported global: GLOBAL getattr of {name}")
    return getattr(HistoryBuffer, name)


# Beyond tensors and plain values: the log's figures, which are arrays of numbers.
ALLOWED = [
    HistoryBuffer,
    (_statistic, "builtins.getattr"),
    np.ndarray,
    np.dtype,
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    *(type(np.dtype(kind)) for kind in (np.float64, np.int64, np.uint32)),
]


def read(path: Path, hint: str, device: Any = "cpu", *, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint of MMEngine's; nothing in it is run.

    Args:
        path: a file that `torch.save` wrote.
        hint: what the user can do if it is not that.
        device: where its tensors go.
        mapped: leave the tensors on the disk until they are used.

    Returns:
        what was saved, without the text of its config.

    Raises:
        InputError: no such file, it is damaged, or holds more than tensors and plain values.
    """
    require_file(path, "a checkpoint", hint)
    try:
        with torch.serialization.safe_globals(ALLOWED):
            content = torch.load(path, map_location=device, weights_only=True, mmap=mapped)
    except UNREADABLE as error:
        named = re.search(r"GLOBAL (getattr of \S+|\S+)", str(error))
        reason = named[1] if named else (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise InputError(path, expected="a checkpoint of tensors and plain values", found=reason, hint=hint) from error
    if not isinstance(content, dict):
        raise InputError(
            path, expected="a checkpoint of tensors and plain values", found=type(content).__name__, hint=hint
        )
    if isinstance(content.get("meta"), dict):
        content["meta"].pop("config", None)  # MMEngine would run it
    return content


def latest(work_dir: Path) -> Path:
    """The checkpoint of the most steps in a work directory.

    Raises:
        InputError: there is none, or it is not one to go on from.
    """
    by_step = {
        int(match[1]): path for path in work_dir.glob("iter_*.pth") if (match := CHECKPOINT.fullmatch(path.name))
    }
    if not by_step:
        raise InputError(
            work_dir,
            expected="a checkpoint iter_N.pth to go on from",
            found="none",
            hint="leave `resume=` out to begin, or name the folder with `work_dir=`",
        )
    path, hint = by_step[max(by_step)], "remove it to go on from the one before"
    content = read(path, hint, mapped=True)
    if missing := [key for key in STATE if key not in content]:
        raise InputError(path, expected="a checkpoint of stc-train", found=f"no {', '.join(missing)}", hint=hint)
    return path


def require_network(name: str) -> None:
    """Check that a config's `load_from` names weights of a whole network.

    Raises:
        InputError: otherwise.
    """
    content = load_from_file(name)
    state = content.get("state_dict", content)
    keys = [str(key) for key in state] if isinstance(state, dict) else []
    if not any(key.removeprefix("module.").startswith("backbone.") for key in keys):
        raise InputError(
            name,
            expected="weights of a network, as 'backbone.conv1.weight'",
            found=f"keys like {', '.join(map(repr, keys[:3]))}",
            hint=MEND,
        )


def load_from_file(name: str, map_location: Any = None) -> dict[str, Any]:
    """What MMEngine calls to load any checkpoint, after `guard`.

    Raises:
        InputError: an address in place of a file, or as `read` says.
    """
    if any(re.match(place, name) for place in PLACES[:-1]):
        raise InputError(name, expected="weights in a file of this machine", found="an address", hint=MEND)
    return read(Path(name).expanduser(), MEND, map_location)


def guard() -> None:
    """Have MMEngine load every checkpoint by `load_from_file`: those of `load_from`, of `init_cfg`, of a teacher."""
    CheckpointLoader.register_scheme(list(PLACES), load_from_file, force=True)
