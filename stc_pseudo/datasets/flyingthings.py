"""FlyingThings3D (Mayer et al., CVPR 2016): rendered video with exact flow, on which the paper trains flow for
YouTube-VIS (IV-D1).

    ROOT/frames_cleanpass/{split}/{A,B,C}/{scene}/{left,right}/{frame}.png          also frames_finalpass
    ROOT/optical_flow/{split}/{A,B,C}/{scene}/into_future/{left,right}/OpticalFlowIntoFuture_{frame}_{L,R}.pfm

The flow into the past, which is there too, is not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def true_flow(root: Path, videos: Iterable[Iterable[Path]]) -> dict[Path, Path]:
    """The file of the flow to the next frame, of those frames of some videos that have one in `root`.

    Args:
        root: the data set's folder.
        videos: frames of its `frames_cleanpass` or `frames_finalpass`, wherever that is.
    """
    flows = {}
    for frame in (frame for video in videos for frame in video):
        *scene, camera = frame.absolute().parts[-5:-1]
        flow = root.joinpath(
            "optical_flow", *scene, "into_future", camera, f"OpticalFlowIntoFuture_{frame.stem}_{camera[0].upper()}.pfm"
        )
        if flow.is_file():
            flows[frame] = flow
    return flows
