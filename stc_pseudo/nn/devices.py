"""Devices that networks run on."""

from __future__ import annotations

import torch

from stc_track.io.errors import SettingError

AUTO = "auto"


def require_device(name: str) -> torch.device:
    """Return the device of a name, or raise a SettingError if torch cannot compute on it here.

    Args:
        name: `cpu`, `cuda`, `cuda:N`, ..., or `auto` for cuda where there is one.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:100]
        raise SettingError(
            "device", "a device that torch can use here, as cpu or cuda", f"{name}, of which it says: {reason}"
        ) from error
    return device
