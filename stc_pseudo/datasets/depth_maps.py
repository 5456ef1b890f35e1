"""Depth maps on disk: KITTI's 16-bit PNG, `.npy`, and `.pfm`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stc_pseudo.datasets.images import decode_picture
from stc_track.io.errors import InputError

# KITTI's depth maps hold metres * 256, and 0 where nothing was measured.
PNG_PER_METRE = 256
SUFFIXES = (".npy", ".png", ".pfm")


def read_depth(path: Path, hint: str = "") -> np.ndarray:
    """Read one depth map.

    Args:
        path: `.npy` or one-channel `.pfm` of floating-point metres (infinity is allowed, NaN is unknown), or 16-bit
            `.png` of metres * 256 (0 is unknown).
        hint: what the user can do, naming the flag of the folder.

    Returns:
        (H, W) float32 metres, positive, NaN where unknown.

    Raises:
        InputError: another encoding, a depth that is not positive, or no depth at all.
    """
    depth = {".npy": _read_npy, ".pfm": _read_pfm}.get(path.suffix, _read_png)(path, hint)
    if (depth <= 0).any():
        raise InputError(path, expected="positive depth, NaN where unknown", found=f"{np.nanmin(depth):g}", hint=hint)
    if np.isnan(depth).all():
        raise InputError(path, expected="a depth somewhere in the map", found="none", hint=hint)
    return depth


def _read_npy(path: Path, hint: str) -> np.ndarray:
    try:
        depth = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(path, expected="an array in NumPy's format", found=str(error), hint=hint) from error
    if depth.ndim != 2 or not np.issubdtype(depth.dtype, np.floating):
        raise InputError(
            path,
            expected="a (height, width) array of floating-point metres",
            found=f"{depth.shape} {depth.dtype}",
            hint=hint,
        )
    return depth.astype(np.float32)


def _read_pfm(path: Path, hint: str) -> np.ndarray:
    encoded = np.fromfile(path, np.uint8)
    stored = decode_picture(encoded, path) if encoded[:2].tobytes() == b"Pf" else None
    if stored is None or stored.ndim != 2:
        raise InputError(
            path, expected="a PFM of one channel, metres", found=f"{encoded.size} bytes of others", hint=hint
        )
    return stored.astype(np.float32)


def _read_png(path: Path, hint: str) -> np.ndarray:
    encoded = np.fromfile(path, np.uint8)
    stored = decode_picture(encoded, path)
    if stored is None:
        raise InputError(path, expected="a PNG depth map", found=f"{encoded.size} bytes that do not decode", hint=hint)
    if stored.ndim != 2 or stored.dtype != np.uint16:
        channels = 1 if stored.ndim == 2 else stored.shape[2]
        raise InputError(
            path,
            expected="one channel of 16 bits, metres * 256",
            found=f"{channels} of {8 * stored.itemsize} bits",
            hint=hint,
        )
    return np.where(stored > 0, stored / np.float32(PNG_PER_METRE), np.float32(np.nan)).astype(np.float32)
