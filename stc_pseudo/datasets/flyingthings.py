"""FlyingThings3D (Mayer et al., CVPR 2016): rendered video with exact flow, on which the paper trains flow for
YouTube-VIS (IV-D1).

    ROOT/frames_cleanpass/{split}/{A,B,C}/{scene}/{left,right}/{frame}.png          also frames_finalpass
    ROOT/optical_flow/{split}/{A,B,C}/{scene}/into_future/{left,right}/OpticalFlowIntoFuture_{frame}_{L,R}.pfm
    ROOT/optical_flow/{split}/{A,B,C}/{scene}/into_past/{left,right}/OpticalFlowIntoPast_{frame}_{L,R}.pfm
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stc_pseudo.images import list_frames, read_frame
from stc_track.formats.errors import InputError, require_file, require_folder

MEND = "the folder that holds frames_cleanpass and optical_flow"
SPLITS, PASSES, CAMERAS = ("TRAIN", "TEST"), ("cleanpass", "finalpass"), ("left", "right")
# Of the flow: name of its folder, of its files, and how many frames on the other frame is.
DIRECTIONS = {"future": ("into_future", "OpticalFlowIntoFuture", 1), "past": ("into_past", "OpticalFlowIntoPast", -1)}


@dataclass(frozen=True)
class FlowPair:
    """Two frames, and the file of the true flow from the first to the second."""

    first: Path
    second: Path
    flow: Path

    def read(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read all three.

        Returns:
            first, second: (H, W, 3) uint8 RGB.
            flow: (2, H, W) float32, (dx, dy) in pixels, where each pixel of `first` is seen in `second`.

        Raises:
            InputError: a file is missing or damaged, or the three differ in size.
        """
        first = read_frame(self.first)
        flow = read_pfm_flow(self.flow)
        if flow.shape[1:] != first.shape[:2]:
            raise InputError(self.flow, expected="{1}x{0} pixels as the frames".format(*first.shape[:2]),
                             found="{2}x{1}".format(*flow.shape))
        return first, read_frame(self.second, first.shape[:2]), flow


def list_videos(root: Path, split: str = "TRAIN", render_pass: str = "cleanpass",
                cameras: Iterable[str] = CAMERAS) -> list[list[Path]]:
    """Frame paths of every video, in temporal order: what a training without truth needs.

    Args:
        root: the data set's folder.
        split: one of `SPLITS`.
        render_pass: one of `PASSES`; `finalpass` has motion blur and depth of field.
        cameras: some of `CAMERAS`; each gives a video a scene.

    Raises:
        InputError: no such folders, or no frames.
    """
    frames = require_folder(root / f"frames_{render_pass}" / split, "scenes' frames", MEND)
    videos = [list_frames(folder / camera, MEND) for folder in _scenes(frames) for camera in cameras]
    if not videos:
        raise InputError(frames, expected="scenes, as A/0000/left/0006.png", found="none", mend=MEND)
    return videos


def list_pairs(root: Path, split: str = "TRAIN", render_pass: str = "cleanpass", cameras: Iterable[str] = CAMERAS,
               directions: Iterable[str] = tuple(DIRECTIONS)) -> list[FlowPair]:
    """Every two neighbouring frames with the flow between them, scene by scene.

    Args:
        root, split, render_pass, cameras: as for `list_videos`.
        directions: some of `DIRECTIONS`: to the next frame, to the previous one.

    Raises:
        InputError: no such folders, no frames, or a pair whose flow is missing.
    """
    base = root / f"frames_{render_pass}" / split
    flows = require_folder(root / "optical_flow" / split, "scenes' optical flow", MEND)
    directions, pairs = tuple(directions), []
    for video in list_videos(root, split, render_pass, cameras):
        camera = video[0].parent.name
        scene = flows / video[0].parent.parent.relative_to(base)
        for direction in directions:
            folder, name, step = DIRECTIONS[direction]
            for frame, other in zip(video[::step], video[step::step] if step > 0 else video[-2::-1], strict=False):
                flow = scene / folder / camera / f"{name}_{frame.stem}_{camera[0].upper()}.pfm"
                pairs.append(FlowPair(frame, other, require_file(flow, "the flow of a frame", MEND)))
    return pairs


def true_flow(root: Path, videos: Iterable[Iterable[Path]]) -> dict[Path, Path]:
    """The file of the flow to the next frame, of those frames of some videos that have one in `root`.

    Args:
        root: the data set's folder.
        videos: frames of its `frames_cleanpass` or `frames_finalpass`, wherever that is.
    """
    found = {}
    for frame in (frame for video in videos for frame in video):
        *scene, camera = frame.absolute().parts[-5:-1]
        folder, name, _ = DIRECTIONS["future"]
        flow = root.joinpath("optical_flow", *scene, folder, camera,
                             f"{name}_{frame.stem}_{camera[0].upper()}.pfm")
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
    whole = encoded[:2].tobytes() in (b"PF", b"Pf")
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if whole else None
    if picture is None:
        raise InputError(path, expected="a PFM flow map", found=f"{encoded.size} bytes that do not decode")
    if picture.ndim != 3:
        raise InputError(path, expected="a PFM of three channels (dx, dy, nothing)", found="one of one channel")
    flow = picture[..., :0:-1].transpose(2, 0, 1)  # OpenCV's order is the third channel first
    return np.where(np.isfinite(flow).all(0), flow, np.nan).astype(np.float32)


def _scenes(frames: Path) -> list[Path]:
    """Folders `A/0000`, ..., of a split's frames, sorted."""
    return sorted(path for path in frames.glob("*/*") if path.is_dir())
