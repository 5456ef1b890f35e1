"""Which source of depth and flow a build takes when the user names none (`--depth auto`, `--flow auto`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stc_pseudo.datasets.base import VideoSequence
from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath, RemotePath

AUTO = "auto"
# Where the KITTI layout keeps maps that were made elsewhere, under the data set's folder.
LAYOUT_DEPTH, LAYOUT_FLOW = Path("training/depth"), Path("training/flow")


@dataclass(frozen=True)
class Source:
    """A source of depth or flow, and why it was taken.

    Attributes:
        name: of `DEPTH_METHODS` or `FLOW_METHODS`.
        reason: for the person who reads the screen, and for the store.
        weights: of a network.
        folder: of precomputed maps.
    """

    name: str
    reason: str
    weights: Path | None = None
    folder: Path | None = None


def choose_depth(
    videos: Sequence[VideoSequence], *, weights: Path | None, folder: Path | None, layout: AnyPath | None
) -> Source | None:
    """Return the best source of depth that is at hand: maps, then weights, then stereo.

    Args:
        videos: what is built.
        weights: of Monodepth2, if the user named any.
        folder: of maps, if the user named one.
        layout: the data set's folder, in which `training/depth` may lie; None for video outside a data set.

    Returns:
        None where a network must be fitted to these frames first.
    """
    laid_out = layout and layout / LAYOUT_DEPTH
    if source := _at_hand("depth", "monodepth2", videos, weights, folder, laid_out):
        return source
    if all(video.right and video.calibration and video.calibration.baseline for video in videos):
        return Source("sgbm", "right frames and their calibration are there")
    return None


def choose_flow(
    videos: Iterable[VideoSequence], *, weights: Path | None, folder: Path | None, layout: AnyPath | None
) -> Source:
    """Return the best source of flow that is at hand: maps, then weights, else OpenCV's DIS.

    Args: as of `choose_depth`.
    """
    laid_out = layout and layout / LAYOUT_FLOW
    at_hand = _at_hand("flow", "upflow", videos, weights, folder, laid_out)
    return at_hand or Source("dis", "no maps and no weights are there")


def _at_hand(
    kind: str, network: str, videos: Iterable[VideoSequence], weights: Path | None, folder: Path | None,
    laid_out: AnyPath | None,
) -> Source | None:  # fmt: skip
    """Maps or weights that the user named, or maps of every video where the data set's layout keeps them.

    Raises:
        InputError: maps lie there, in a bucket, where they are not read.
    """
    if folder is not None:
        return Source("precomputed", f"`{kind}_dir=` names maps", folder=folder)
    if weights is not None:
        return Source(network, f"`{kind}_weights=` names a network", weights=weights)
    if laid_out is not None and all((laid_out / video.name).is_dir() for video in videos):
        if isinstance(laid_out, RemotePath):
            hint = "copy them, or name another source"
            raise InputError(laid_out, expected="maps on a disk", found="maps in a bucket", hint=hint)
        return Source("precomputed", f"maps lie in {laid_out}", folder=laid_out)
    return None
