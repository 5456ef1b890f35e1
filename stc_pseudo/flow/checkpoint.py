"""UPFlow's weights on disk: a checkpoint of `stc-pseudo train-flow`, or the authors' published file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from stc_pseudo import weights
from stc_pseudo.flow.upflow import NAME, UPFlow
from stc_track.formats.errors import InputError

log = logging.getLogger(__name__)


def describe(size: tuple[int, int]) -> dict[str, Any]:
    """What a checkpoint says besides its weights: the network, and the (height, width) of the frames it learnt from."""
    return {"network": NAME, "height": size[0], "width": size[1]}


def load_network(path: Path, flag: str) -> tuple[UPFlow, tuple[int, int] | None]:
    """Read UPFlow's weights.

    Args:
        path: a checkpoint of `stc-pseudo train-flow`, or a bare state dict as the authors published it. Of a bare one,
            keys that are not the network's are passed over, as the authors' own reader does.
        flag: the command's flag that named the file, for messages.

    Returns:
        the network on the CPU, and the (height, width) of the frames it learnt from; None for a bare state dict.

    Raises:
        InputError: no such file, or the weights of another network.
    """
    content = weights.load(path, flag)
    network = UPFlow()
    if "state" in content:
        if content.get("network") != NAME:
            raise InputError(path, expected=f"weights of {NAME}", found=f"weights of {content.get('network')}",
                             mend=flag)
        weights.load_state(network, content["state"], path, flag, NAME)
        return network, (int(content["height"]), int(content["width"]))
    own = network.state_dict()
    other = sorted(content.keys() - own.keys())
    if other:
        log.warning("%s: %d keys that UPFlow has not are passed over, as '%s'", path, len(other), other[0])
    weights.load_state(network, {key: content[key] for key in own if key in content}, path, flag, NAME)
    return network, None
