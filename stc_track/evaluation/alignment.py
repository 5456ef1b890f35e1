"""Whether results and truth speak of the same frames: numbers off by one, frames that a sequence does not have."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from stc_track.formats.mot_boxes import sequence_length
from stc_track.formats.mots import MotsObject
from stc_track.io.errors import InputError

log = logging.getLogger(__name__)

SHIFTS = (-1, 1)  # a count from 0 taken for one from 1, and the other way round
_FEWEST = 5  # objects that must tell
_SHARE = 0.9  # of them that must lie better when shifted
Frames = Mapping[int, Sequence[MotsObject]]


def check_frames(result: Path, truth: Path, found: Frames, true: Frames) -> None:
    """Refuse results beyond a sequence's length where it is known, and warn of what looks like another count of frames.

    Args:
        result, truth: the files, for messages; beside a truth `gt/gt.txt` lies MOT-Challenge's `seqinfo.ini`.
        found, true: their objects by frame number.

    Raises:
        InputError: a frame after the one that `seqinfo.ini` says is the last.
    """
    last, last_true = max(found, default=0), max(true, default=0)
    length = sequence_length(truth.parents[1]) if truth.parent.name == "gt" else None
    if length is not None and last > length:
        raise InputError(
            result, expected=f"frames up to {length}, as {truth.parents[1] / 'seqinfo.ini'} says", found=f"frame {last}"
        )
    if (shift := best_shift(found, true)) is not None:
        log.warning(
            "%s: frames do not fit %s: its masks lie better on frames counted %+d (`stc-convert --shift %d`)",
            result,
            truth,
            shift,
            shift,
        )
    elif length is None and last > last_true:
        log.warning(
            "%s: results up to frame %d, but the truth's last object is on frame %d: what is after counts as false",
            result,
            last,
            last_true,
        )


def best_shift(found: Frames, true: Frames) -> int | None:
    """What added to results' frames makes nearly all true objects overlap more; None if nothing does.

    Examples:
        >>> best_shift({}, {}) is None
        True
    """
    here = _overlaps(found, true, 0)
    better = {}
    for shift in SHIFTS:
        there = _overlaps(found, true, shift)
        differ = here != there
        share = float((there > here)[differ].mean()) if differ.any() else 0.0
        if differ.sum() >= _FEWEST and share >= _SHARE:
            better[shift] = float((there - here).sum())
    return max(better, key=lambda shift: better[shift]) if better else None


def _overlaps(found: Frames, true: Frames, shift: int) -> np.ndarray:
    """IoU of each true object with the result that it meets most, results moved by `shift` frames; (N,)."""
    overlaps = [np.zeros(0)]
    for frame, objects in true.items():
        wanted = [each for each in objects if not each.ignored]
        results = found.get(frame - shift, ())
        if wanted and results:
            overlaps.append(coco_mask.iou(_coco(wanted), _coco(results), [0] * len(results)).max(1))
        else:
            overlaps.append(np.zeros(len(wanted)))
    return np.concatenate(overlaps)


def _coco(objects: Sequence[MotsObject]) -> list[dict[str, Any]]:
    return [{"size": [each.height, each.width], "counts": each.counts} for each in objects]
