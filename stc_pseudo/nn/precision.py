"""Mixed precision: what the networks compute in. Losses, weights and optimisers are always float32."""

from __future__ import annotations

import torch

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def autocast(device: str | torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in `precision`, a key of `PRECISIONS`."""
    dtype = PRECISIONS[precision]
    return torch.autocast(torch.device(device).type, dtype, enabled=dtype != torch.float32)


def grad_scaler(device: str | torch.device, precision: str) -> torch.amp.GradScaler:
    """Return the scaler of the loss: float16 loses gradients below 6e-8 without one, the other types need none."""
    return torch.amp.GradScaler(torch.device(device).type, enabled=precision == "float16")
