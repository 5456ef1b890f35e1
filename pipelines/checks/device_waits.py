"""Operations that make a program wait for its device, told on a CPU: where one runs, a GPU would stand still."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_consecutive", "linalg_matrix_exp"}


class NoWaiting(TorchDispatchMode):
    """Fails where something inside it waits: a scalar that is read, or a result whose size depends on values."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        masked = name in ("index", "index_put_", "index_put") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in args[1]
        )
        if name in WAITING or masked:
            raise AssertionError(f"{name} waits for the device")
        return function(*args, **(kwargs or {}))
