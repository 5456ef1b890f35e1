"""FlyingThings3D (Mayer et al., CVPR 2016): rendered video with exact flow, on which the paper trains flow for
YouTube-VIS (IV-D1).

    ROOT/frames_cleanpass/{split}/{A,B,C}/{scene}/{left,right}/{frame}.png          also frames_finalpass
    ROOT/optical_flow/{split}/{A,B,C}/{scene}/into_future/{left,right}/OpticalFlowIntoFuture_{frame}_{L,R}.pfm

The flow into the past, which is there too, is not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stc_track.io.errors import InputError, require_file


def true_flow(root: Path, videos: Iterable[Iterable[Path]]) -> dict[Path, Path]:
    """The file of the flow to the next frame, of those frames of some videos that have one in `root`.

    Args:
        root: the data set's folder.
        videos: frames of its `frames_cleanpass` or `frames_finalpass`, wherever that is.
    """
    found = {}
    for frame in (frame for video in videos for frame in video):
        *scene, camera = frame.absolute().parts[-5:-1]
        flow = root.joinpath(
            "optical_flow", *scene, "into_future", camera, f"OpticalFlowIntoFuture_{frame.stem}_{camera[0].upper()}.pfm"
        )
        if flow.is_file():
            found[frame] = flow
    return found


def read_pfm_flow(path: Path) -> np.ndarray:
    """Read flow in the Portable Float Map format (three channels: dx, dy, nothing).

    Returns:
        (2, H, W) float32, (dx, dy) in pixels; NaN where it is not finite.

    Raises:
        InputError: no such file, or not a whole PFM of three channels.
    """
    import cv2

    encoded = np.fromfile(require_file(path, "a PFM flow map"), np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded[:2].tobytes() in (b"PF", b"Pf") else None
    if picture is None:
        raise InputError(path, expected="a PFM flow map", found=f"{encoded.size} bytes that do not decode")
    if picture.ndim != 3:
        raise InputError(path, expected="a PFM of three channels (dx, dy, nothing)", found="one of one channel")
    flow = picture[..., :0:-1].transpose(2, 0, 1)  # OpenCV's order is the third channel first
    return np.where(np.isfinite(flow).all(0), flow, np.nan).astype(np.float32)
