"""Inverse depth of frames: precomputed maps, Monodepth2, or stereo matching."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stc_track.io.errors import SettingError

if TYPE_CHECKING:
    from stc_pseudo.estimators import DepthEstimator

DEPTH_METHODS = ("precomputed", "monodepth2", "sgbm")


def make_depth_estimator(
    name: str, *, weights: Path | None, folder: Path | None, device: str, fill_artefacts: bool = True
) -> DepthEstimator:
    """Return the source of depth that the user chose.

    Args:
        name: one of `DEPTH_METHODS`.
        weights: for `monodepth2`, a checkpoint file or a folder with the published `encoder.pth` and `depth.pth`.
        folder: for `precomputed`, `{sequence}/{frame}.png` or `.npy`.
        device: for `monodepth2`, `cpu`, `cuda`, ...
        fill_artefacts: for `monodepth2`, fill infinite-depth artefacts (`stc_pseudo.depth.ground_fill`).

    Raises:
        SettingError: the name is unknown, or its file or folder is not given.
    """
    if name == "precomputed":
        if folder is None:
            raise SettingError("depth_dir", "a folder of depth maps, for precomputed depth", "none")
        from stc_pseudo.depth.precomputed import PrecomputedDepth

        return PrecomputedDepth(folder)
    if name == "monodepth2":
        if weights is None:
            expected = "a file of network weights, for monodepth2"
            raise SettingError("depth_weights", expected, "none", "`stc-pseudo train-depth` makes one")
        from stc_pseudo.depth.monodepth2_estimator import Monodepth2Depth

        estimator = Monodepth2Depth(weights, device)
        if not fill_artefacts:
            return estimator
        from stc_pseudo.depth.ground_fill import GroundFilledDepth

        return GroundFilledDepth(estimator)
    if name == "sgbm":
        from stc_pseudo.depth.sgbm import SgbmDepth

        return SgbmDepth()
    raise SettingError("depth", f"one of {', '.join(DEPTH_METHODS)}", repr(name))
