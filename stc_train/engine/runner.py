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
        try:
            super().save_checkpoint(out_dir, partial, *args, **kwargs)
            os.replace(Path(out_dir) / partial, Path(out_dir) / filename)
        finally:
            (Path(out_dir) / partial).unlink(missing_ok=True)

    def _build_param_scheduler(self, scheduler: Any, optim_wrapper: Any) -> list[Any]:
        """As MMEngine's, of schedulers by steps where the config has some by epochs, or shares of one."""
        epoch = len(self.train_dataloader)
        described = scheduler if isinstance(scheduler, list | tuple) else [scheduler]
        return super()._build_param_scheduler([in_steps(policy, epoch) for policy in described], optim_wrapper)


def in_steps(scheduler: Any, epoch: int) -> Any:
    """A scheduler's config with its beginning and end in steps, at least two, where it is to be converted.

    MMEngine rounds down, to no step at all where an epoch or the share of one is short; and its linear warm-up over a
    single step never leaves its beginning.

    Args:
        scheduler: MMEngine's config.
        epoch: steps of an epoch.
    """
    if not isinstance(scheduler, dict) or not scheduler.get("convert_to_iter_based"):
        return scheduler
    begin, end = (scheduler.get(key) for key in ("begin", "end"))
    converted = {**scheduler, "begin": round((begin or 0) * epoch) / epoch}
    if end is not None:
        converted["end"] = max(round(end * epoch), round((begin or 0) * epoch) + 2) / epoch
    return converted


def launcher() -> str:
    """What MMEngine calls the way this process was started: `pytorch` under torchrun, else `none`.

    On machines without a GPU the processes are joined here, by gloo; MMEngine wants a GPU each.
    """
    if "LOCAL_RANK" not in os.environ:
        return "none"
    if not torch.cuda.is_available() and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo")
    return "pytorch"
