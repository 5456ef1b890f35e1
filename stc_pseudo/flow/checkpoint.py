"""UPFlow's weights on disk: a checkpoint of `stc-pseudo train-flow`, or the authors' published file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from stc_pseudo.flow.dis_init import STARTS
from stc_pseudo.flow.upflow import NAME, UPFlow
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError

log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """UPFlow as a file holds it.

    Attributes:
        network: on the CPU.
        size: (height, width) of the frames it learnt from; None for a bare state dict.
        start: the initialisation that its decoder was trained with, one of `STARTS`.
    """

    network: UPFlow
    size: tuple[int, int] | None
    start: str


def describe(size: tuple[int, int], start: str = "none") -> dict[str, Any]:
    """Metadata of a checkpoint; the arguments are `Checkpoint`'s."""
    return {"network": NAME, "height": size[0], "width": size[1], "start": start}


def load_network(path: Path, flag: str) -> Checkpoint:
    """Read UPFlow's weights.

    Args:
        path: a checkpoint of `stc-pseudo train-flow`, or a bare state dict as the authors published it. Of a bare one,
            keys that are not the network's are skipped, as in the authors' reader.
        flag: the command's flag that named the file, for messages.

    Returns:
        the network and its metadata; a bare state dict, and a checkpoint without that entry, has no initialisation.

    Raises:
        InputError: no such file, the weights of another network, or a start that is not known here.
    """
    content = weights.load(path, flag)
    network = UPFlow()
    if "state" in content:
        if content.get("network") != NAME:
            raise InputError(
                path, expected=f"weights of {NAME}", found=f"weights of {content.get('network')}", hint=flag
            )
        weights.load_state(network, content["state"], path, flag, NAME)
        start = content.get("start", "none")
        if start not in STARTS:
            raise InputError(path, expected=f"a start, one of {', '.join(STARTS)}", found=repr(start), hint=flag)
        return Checkpoint(network, (int(content["height"]), int(content["width"])), start)
    state = network.state_dict()
    other = sorted(content.keys() - state.keys())
    if other:
        log.warning("%s: %d keys that UPFlow has not are passed over, as '%s'", path, len(other), other[0])
    weights.load_state(network, {key: content[key] for key in state if key in content}, path, flag, NAME)
    return Checkpoint(network, None, "none")
