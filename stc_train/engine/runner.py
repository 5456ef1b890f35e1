"""MMEngine's Runner with checkpoints that are whole or absent, and several processes on CPUs as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import Runner


class TrainingRunner(Runner):
    """Writes each checkpoint under a temporary name and renames it."""

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """As MMEngine's; `out_dir/filename` appears when it is whole."""
        if self.rank:
            return
        partial = f".{filename}.partial"
        super().save_checkpoint(out_dir, partial, *args, **kwargs)
        os.replace(Path(out_dir) / partial, Path(out_dir) / filename)


def launcher() -> str:
    """What MMEngine calls the way this process was started: `pytorch` under torchrun, else `none`.

    On machines without a GPU the processes are joined here, by gloo; MMEngine wants a GPU each.
    """
    if "LOCAL_RANK" not in os.environ:
        return "none"
    if not torch.cuda.is_available() and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return "pytorch"
