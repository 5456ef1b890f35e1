"""Which source of depth and flow a build takes when the user names none (`--depth auto`, `--flow auto`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stc_pseudo.datasets.base import VideoSequence

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
    videos: Sequence[VideoSequence], *, weights: Path | None, folder: Path | None, layout: Path | None
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
    if folder is not None:
        return Source("precomputed", "`depth_dir=` names maps", folder=folder)
    if weights is not None:
        return Source("monodepth2", "`depth_weights=` names a network", weights=weights)
    if layout is not None and _covers(layout / LAYOUT_DEPTH, videos):
        return Source("precomputed", f"maps lie in {layout / LAYOUT_DEPTH}", folder=layout / LAYOUT_DEPTH)
    if all(video.right and video.calibration and video.calibration.baseline for video in videos):
        return Source("sgbm", "right frames and their calibration are there")
    return None


def choose_flow(
    videos: Iterable[VideoSequence], *, weights: Path | None, folder: Path | None, layout: Path | None
) -> Source:
    """Return the best source of flow that is at hand: maps, then weights, else OpenCV's DIS.

    Args: as of `choose_depth`.
    """
    if folder is not None:
        return Source("precomputed", "`flow_dir=` names maps", folder=folder)
    if weights is not None:
        return Source("upflow", "`flow_weights=` names a network", weights=weights)
    if layout is not None and _covers(layout / LAYOUT_FLOW, videos):
        return Source("precomputed", f"maps lie in {layout / LAYOUT_FLOW}", folder=layout / LAYOUT_FLOW)
    return Source("dis", "no maps and no weights are there")


def _covers(folder: Path, videos: Iterable[VideoSequence]) -> bool:
    """Whether a folder has maps of every video."""
    return all((folder / video.name).is_dir() for video in videos)
