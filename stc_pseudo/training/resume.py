"""State of an interrupted training, from which it resumes with the same result: everything but the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stc_pseudo.nn import weights
from stc_track.io.errors import InputError

RESUME = "`resume=`"
# Settings that a resumed run may change: they say where it runs and what is shown, not what it computes.
FREE = ("device", "workers", "resume", "log_dir", "truth")


def state_path(out: Path) -> Path:
    """Where the state of the training that writes `out` lies; it is removed when the training is complete."""
    return out.with_name(f"{out.stem}.resume.pth")


@dataclass(frozen=True)
class TrainingState:
    """Writes and reads back a training's state.

    Attributes:
        path: the file.
        settings: the training's, by name; those of the interrupted run must be the same.
        network, optimizer, scaler: whose states are kept, with those of torch's random generators.
    """

    path: Path
    settings: dict[str, Any]
    network: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler

    def save(self, step: int) -> None:
        """Write the state after `step` steps; the file is whole or the one before."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        weights.save(
            self.path,
            {
                "step": step,
                "settings": _comparable(self.settings),
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "random": torch.get_rng_state(),
                "random_cuda": cuda,
            },
        )

    def restore(self) -> int:
        """Put everything back as it was when it was saved, and return the steps that were done.

        Raises:
            InputError: nothing was interrupted here, or it was a training with other settings.
        """
        if not self.path.is_file():
            raise InputError(
                self.path,
                expected=f"the state of an interrupted training for {RESUME}",
                found="no file",
                hint=f"leave {RESUME} away to start from the beginning",
            )
        content = weights.load(self.path, RESUME)
        if missing := {"step", "settings", "network", "optimizer", "scaler", "random", "random_cuda"} - set(content):
            raise InputError(
                self.path, expected=f"a training's state with '{min(missing)}'", found="no such entry", hint=RESUME
            )
        settings = _comparable(self.settings)
        for key in sorted(settings.keys() | content["settings"].keys()):
            before, now = content["settings"].get(key), settings.get(key)
            if before != now:
                raise InputError(
                    self.path,
                    expected=f"{key} {before}, as in the interrupted training",
                    found=str(now),
                    hint=f"leave {RESUME} away to start from the beginning",
                )
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        if content["scaler"]:
            self.scaler.load_state_dict(content["scaler"])
        torch.set_rng_state(content["random"])
        if torch.cuda.is_available() and len(content["random_cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(content["random_cuda"])
        return content["step"]

    def remove(self) -> None:
        """The training is complete: there is nothing to resume."""
        self.path.unlink(missing_ok=True)


def _comparable(settings: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in settings.items() if key not in FREE}
