"""Depth and flow at the diagonal corners of boxes (III-C4, Eq. 9), read from a store of pseudo-labels.

The store's layout: `stc_track.formats.store`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stc_track.formats.store import CELL, StoredSequence
from stc_track.io.errors import InputError
from stc_track.tracking.ego_motion import background_motion
from stc_track.tracking.settings import CueTerms

# What two thirds of the pairs of one object's next detections stay below, on the rendered demo with its networks' maps.
_DEVIATIONS = 0.1, 0.03  # of depth, share of itself, and flow, share of the box


class CueReader:
    """Cues of one sequence, one frame in memory at a time.

    Args:
        store: path or URL of the store.
        sequence: name of the sequence.

    Raises:
        InputError: zarr is not installed, no such store or sequence, one of another schema, or a damaged one.
    """

    def __init__(self, store: Path | str, sequence: str) -> None:
        hint = "`cues=` names a store that `stc-pseudo build` made of the same sequences"
        try:
            import google_crc32c  # noqa: F401 (both come with zarr)
            import numcodecs  # noqa: F401
        except ImportError as error:
            expected, install = "the package, which `cues=` reads with", "pip install 'stc-seg[pseudo]'"
            raise InputError("zarr", expected=expected, found="none", hint=install) from error
        self._stored = StoredSequence.open(str(store), sequence, hint)
        self._where = f"{store}/{sequence}"
        if missing := {"inverse_depth", "flow"} - self._stored.stored:
            found = f"no {min(missing)}"
            raise InputError(self._where, expected="arrays inverse_depth and flow", found=found, hint=hint)
        self._size = self._stored.size
        self._positions = {number: position for position, number in enumerate(self._stored.numbers)}

    def at(self, frame: int, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Cues of one frame's boxes.

        Args:
            frame: number of the frame.
            boxes: (N, 4) x1 y1 x2 y2, pixels of the frame; corners outside it are read at its border.
            size: (height, width) of the frame, pixels.

        Returns:
            (N, 2, 3) float64 inverse depth, as a share of the frame's median (the scale of estimated depth differs from
            frame to frame), and flow (dx, dy; pixels of the frame) at the upper left and the lower right corner.

        Raises:
            InputError: the store has no such frame, or frames of another size.
        """
        position = self._position(frame, size)
        depth, flow = self._maps(position)
        return at_corners(np.concatenate((depth[None], flow)), boxes)

    def camera(self, last: int, frame: int, size: tuple[int, int]) -> np.ndarray | None:
        """How the background moved from the frame `last` to `frame`, over every frame of the store between them.

        Returns:
            (S, 2, 6) float64, each as `ego_motion.background_motion`; None where the store does not know `last`, or no
            motion. Raises as `at`.
        """
        end, start = self._position(frame, size), self._positions.get(last)
        if start is None:
            return None
        motions = [background_motion(*self._maps(position)) for position in range(start, end)]
        measured = [motion for motion in motions if motion is not None]
        return np.stack(measured) if measured else None

    def _maps(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """Inverse depth (h, w) in shares of its median over known cells, and flow (2, h, w)."""
        depth, flow = (self._stored.read(name, position).astype(np.float64) for name in ("inverse_depth", "flow"))
        valid = depth[(depth > 0) & np.isfinite(depth)]
        return depth / (np.median(valid) if len(valid) else 1.0), flow

    def _position(self, frame: int, size: tuple[int, int]) -> int:
        if frame not in self._positions:
            raise InputError(self._where, expected=f"frame {frame}", found=f"{len(self._positions)} others")
        if size != self._size:
            found, expected = (f"{height} x {width}" for height, width in (self._size, size))
            raise InputError(self._where, expected=f"frames of {expected} as the detections'", found=found)
        return self._positions[frame]


def at_corners(maps: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Values of the cells that hold the boxes' upper left and lower right pixels.

    Args:
        maps: (C, h, w), cells of CELL x CELL pixels.
        boxes: (N, 4) x1 y1 x2 y2, pixels, x2 and y2 exclusive.

    Returns:
        (N, 2, C).
    """
    corners = boxes.reshape(-1, 2, 2) - [[0, 0], [1, 1]]
    x, y = np.moveaxis((corners // CELL).astype(np.int64), -1, 0)
    _, height, width = maps.shape
    return np.moveaxis(maps[:, y.clip(0, height - 1), x.clip(0, width - 1)], 0, -1)


def discrepancy(
    tracks: np.ndarray, detections: np.ndarray, sizes: np.ndarray, terms: CueTerms
) -> tuple[np.ndarray, np.ndarray]:
    """The second and third term of Eq. 9, in standard deviations like the first.

    Args:
        tracks: (P, 2, 3) cues of the last detection of each pair's track.
        detections: (P, 2, 3) cues of each pair's detection.
        sizes: (P,) pixels, the mean diagonal of both boxes.
        terms: which are asked for; the others are 0.

    Returns:
        depth (P,): difference of the inverse depths as a share of their mean; flow (P,): length of the difference of
        the flows as a share of the box; both divided by how much they usually differ. Both are means over the corners;
        a corner unknown on either side counts 0.
    """
    depth = flow = np.zeros(len(sizes))
    if terms in ("depth", "both"):
        total = tracks[..., 0] + detections[..., 0]
        valid = (tracks[..., 0] > 0) & (detections[..., 0] > 0) & np.isfinite(total)
        depth = _mean(2 * np.abs(tracks[..., 0] - detections[..., 0]) / np.where(valid, total, 1), valid)
    if terms in ("flow", "both"):
        length = np.linalg.norm(tracks[..., 1:] - detections[..., 1:], axis=-1)
        flow = _mean(length / sizes[:, None], np.isfinite(length))
    return depth / _DEVIATIONS[0], flow / _DEVIATIONS[1]


def plain_discrepancy(tracks: np.ndarray, detections: np.ndarray, terms: CueTerms) -> tuple[np.ndarray, np.ndarray]:
    """The second and third term of Eq. 9 as printed.

    Args:
        tracks, detections, terms: as of `discrepancy`.

    Returns:
        depth (P,): Euclidean distance between both corners' inverse depths, shares of the frame's median; flow (P,):
        of their flows, pixels. A corner unknown on either side counts 0.
    """
    depth = flow = np.zeros(len(tracks))
    if terms in ("depth", "both"):
        total = tracks[..., 0] + detections[..., 0]
        valid = (tracks[..., 0] > 0) & (detections[..., 0] > 0) & np.isfinite(total)
        depth = np.sqrt((np.where(valid, tracks[..., 0] - detections[..., 0], 0) ** 2).sum(1))
    if terms in ("flow", "both"):
        flow = np.sqrt((np.nan_to_num(tracks[..., 1:] - detections[..., 1:]) ** 2).sum((1, 2)))
    return depth, flow


def _mean(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid, values, 0).mean(-1)
