"""Flow maps on disk: KITTI's 16-bit PNG, Middlebury's `.flo`, FlyingThings3D's `.pfm`, and `.npy`."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from stc_pseudo.datasets.images import decode_picture
from stc_track.io.errors import InputError, require_file

# KITTI (Geiger et al.): red is dx, green dy, each 64 * flow + 2^15; blue is 1 where the flow is known.
KITTI_SCALE, KITTI_ZERO = 64.0, 2**15
# Middlebury (Baker et al.): float32 tag, int32 width and height, then dx, dy of each pixel; above 1e9 is unknown.
FLO_TAG, FLO_UNKNOWN = 202021.25, 1e9


def read_kitti_flow(path: Path) -> np.ndarray:
    """Read KITTI's flow PNG.

    Returns:
        (2, H, W) float32, (dx, dy) in pixels, a multiple of 1/64 in [-512, 512); NaN where the flow is not known.

    Raises:
        InputError: no such file, or not a PNG of three 16-bit channels.
    """
    require_file(path, "a KITTI flow map")
    encoded = np.fromfile(path, np.uint8)
    picture = decode_picture(encoded, path)
    if picture is None:
        raise InputError(path, expected="a PNG flow map", found=f"{encoded.size} bytes that do not decode")
    if picture.dtype != np.uint16 or picture.ndim != 3 or picture.shape[2] != 3:
        channels = picture.shape[2] if picture.ndim == 3 else 1
        raise InputError(
            path, expected="a KITTI flow map, three channels of uint16", found=f"{channels} of {picture.dtype}"
        )
    flow = (picture[..., :0:-1].astype(np.float32) - KITTI_ZERO) / KITTI_SCALE
    flow[picture[..., 0] == 0] = np.nan
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def write_kitti_flow(path: Path, flow: np.ndarray) -> None:
    """Write KITTI's flow PNG, whole or not at all.

    Args:
        path: the file; its folder must exist.
        flow: (2, H, W) float, (dx, dy) in pixels, stored to 1/64 pixel; what is NaN or outside [-512, 512) is stored as
            not known.
    """
    values = np.rint(flow.astype(np.float64) * KITTI_SCALE + KITTI_ZERO)
    valid = ((values >= 0) & (values < 2**16)).all(0)
    dx, dy = np.where(valid, values, 0).astype(np.uint16)
    picture = np.stack([valid.astype(np.uint16), dy, dx], -1)
    _replace(path, cv2.imencode(".png", picture)[1].tobytes())


def read_flo(path: Path) -> np.ndarray:
    """Read a Middlebury `.flo` file: (2, H, W) float32, (dx, dy) in pixels; NaN where the flow is not known.

    Raises:
        InputError: no such file, another kind of file, or a truncated one.
    """
    require_file(path, "a .flo flow map")
    content = path.read_bytes()
    if len(content) < 12 or np.frombuffer(content, "<f4", 1)[0] != FLO_TAG:
        raise InputError(path, expected=f"a .flo flow map, tag {FLO_TAG}", found="another kind of file")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, offset=4))
    if width <= 0 or height <= 0 or len(content) != 12 + 8 * width * height:
        raise InputError(path, expected=f"{width}x{height} flow vectors of 8 bytes", found=f"{len(content) - 12} bytes")
    flow = np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).transpose(2, 0, 1)
    valid = (np.abs(flow) < FLO_UNKNOWN).all(0)
    return np.where(valid, flow, np.float32(np.nan))


def write_flo(path: Path, flow: np.ndarray) -> None:
    """Write a Middlebury `.flo` file, whole or not at all; `flow` is (2, H, W), NaN where not known."""
    unknown = np.isnan(flow).any(0)
    vectors = np.where(unknown, 2 * FLO_UNKNOWN, flow).transpose(1, 2, 0)
    sides = np.array([flow.shape[2], flow.shape[1]], "<i4")
    _replace(path, np.array(FLO_TAG, "<f4").tobytes() + sides.tobytes() + vectors.astype("<f4").tobytes())


def read_pfm_flow(path: Path) -> np.ndarray:
    """Read flow in the Portable Float Map format (three channels: dx, dy, nothing).

    Returns:
        (2, H, W) float32, (dx, dy) in pixels; NaN where it is not finite.

    Raises:
        InputError: no such file, or not a whole PFM of three channels.
    """
    encoded = np.fromfile(require_file(path, "a PFM flow map"), np.uint8)
    picture = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded[:2].tobytes() in (b"PF", b"Pf") else None
    if picture is None:
        raise InputError(path, expected="a PFM flow map", found=f"{encoded.size} bytes that do not decode")
    if picture.ndim != 3:
        raise InputError(path, expected="a PFM of three channels (dx, dy, nothing)", found="one of one channel")
    flow = picture[..., :0:-1].transpose(2, 0, 1)  # OpenCV's order is the third channel first
    return np.where(np.isfinite(flow).all(0), flow, np.nan).astype(np.float32)


def read_npy_flow(path: Path) -> np.ndarray:
    """Read a NumPy file of (2, H, W) floats, (dx, dy) in pixels, as float32; what is not finite becomes NaN.

    Raises:
        InputError: no such file, not NumPy's, or not (2, H, W) of floats.
    """
    require_file(path, "a .npy flow map")
    try:
        flow = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(path, expected="a .npy flow map", found=str(error).splitlines()[0][:120]) from error
    if not isinstance(flow, np.ndarray) or flow.ndim != 3 or flow.shape[0] != 2 or flow.dtype.kind != "f":
        found = f"{flow.dtype} of shape {flow.shape}" if isinstance(flow, np.ndarray) else "an archive"
        raise InputError(path, expected="floats of shape (2, height, width)", found=found)
    return np.where(np.isfinite(flow).all(0), flow, np.nan).astype(np.float32)


READERS = {".png": read_kitti_flow, ".flo": read_flo, ".npy": read_npy_flow, ".pfm": read_pfm_flow}


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
