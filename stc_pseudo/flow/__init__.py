"""Optical flow of frames: precomputed maps, UPFlow, RAFT, or OpenCV's DIS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stc_track.io.errors import SettingError

if TYPE_CHECKING:
    from stc_pseudo.estimators import FlowEstimator

FLOW_METHODS = ("precomputed", "upflow", "raft", "dis")


def make_flow_estimator(name: str, *, weights: Path | None, folder: Path | None, device: str) -> FlowEstimator:
    """Return the source of flow that the user chose.

    Args:
        name: one of `FLOW_METHODS`.
        weights: for `upflow`, a checkpoint of `stc-pseudo train-flow` or the published file; for `raft`, torchvision's.
        folder: for `precomputed`, `{sequence}/{frame}.png`, `.flo`, `.npy` or `.pfm`.
        device: for `upflow` and `raft`, `cpu`, `cuda`, ...

    Raises:
        SettingError: the name is unknown, or its file or folder is not given.
        InputError: its file or folder is missing, or is of another kind.
    """
    if name == "precomputed":
        if folder is None:
            raise SettingError("flow_dir", "a folder of flow maps, for precomputed flow", "none")
        from stc_pseudo.flow.precomputed import PrecomputedFlow

        return PrecomputedFlow(folder, "`flow_dir=` names the folder")
    if name == "upflow":
        if weights is None:
            expected = "a file of network weights, for upflow"
            raise SettingError("flow_weights", expected, "none", "`stc-pseudo train-flow` makes one")
        from stc_pseudo.flow.upflow_estimator import UpflowFlow

        return UpflowFlow(weights, device)
    if name == "raft":
        if weights is None:
            expected, hint = "a file of network weights, for raft", "torchvision publishes some"
            raise SettingError("flow_weights", expected, "none", hint)
        from stc_pseudo.flow.raft_estimator import RaftFlow

        return RaftFlow(weights, device)
    if name == "dis":
        from stc_pseudo.flow.dis import DisFlow

        return DisFlow()
    raise SettingError("flow", f"one of {', '.join(FLOW_METHODS)}", repr(name))
