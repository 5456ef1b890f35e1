"""MMEngine's Runner with checkpoints that are whole or absent, and several processes on CPUs as well."""

from __future__ import annotations

import os
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from mmengine.runner import Runner
from mmengine.runner.checkpoint import get_torch_safe_globals

from stc_track.formats.errors import InputError

CHECKPOINT = re.compile(r"iter_(\d+)\.pth")


class TrainingRunner(Runner):
    """Writes each checkpoint under a temporary name and renames it."""

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's; `out_dir/filename` appears when it is whole."""
        if self.rank:
            return
        partial = f".{filename}.partial"
        super().save_checkpoint(out_dir, partial, *args, **kwargs)
        os.replace(Path(out_dir) / partial, Path(out_dir) / filename)


def latest_checkpoint(work_dir: Path) -> Path:
    """The checkpoint of the most steps in a work directory.

    Raises:
        InputError: there is none, or it holds more than plain values and tensors.
    """
    found = {int(match[1]): path for path in work_dir.glob("iter_*.pth") if (match := CHECKPOINT.fullmatch(path.name))}
    if not found:
        raise InputError(work_dir, expected="a checkpoint iter_N.pth to go on from", found="none",
                         mend="leave --resume out to begin, or name the folder with --work-dir")
    path = found[max(found)]
    try:
        with torch.serialization.safe_globals(get_torch_safe_globals()):
            torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(path, expected="a checkpoint of stc-train", found=str(error).splitlines()[0][:120],
                         mend="remove it to go on from the one before") from error
    return path


def launcher() -> str:
    """What MMEngine calls the way this process was started: `pytorch` under torchrun, else `none`.

    On machines without a GPU the processes are joined here, by gloo; MMEngine wants a GPU each.
    """
    if "LOCAL_RANK" not in os.environ:
        return "none"
    if not torch.cuda.is_available() and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return "pytorch"
