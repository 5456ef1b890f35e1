"""Whether results and truth are of the same frames: measured against other frames, every figure is wrong.

MOTS text says neither a video's length nor where its numbers begin. What can be told: results of frames that the truth
does not reach, and results that agree with the truth a frame earlier or later clearly better than on the same frame.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from stc_track.formats.mots import Detection, MotsObject
from stc_track.io.errors import InputError
from stc_track.masks import rle
from stc_track.masks.iou import box_iou

log = logging.getLogger(__name__)

FEWEST_OBJECTS, FEWEST_FRAMES = 10, 5  # less tells nothing of a shift
GAIN = 0.03  # of the mean box IoU, and
SHARE = 0.7  # of the objects that a shift changes, better by it: then it is no accident
# So many frames after the truth's last, or this share of the results', may be false positives at a video's empty end.
BEYOND, BEYOND_SHARE = 2, 0.1

Boxes = Mapping[int, np.ndarray]  # by frame number: (N, 4) x1 y1 x2 y2, pixels
Objects = Mapping[int, Sequence[MotsObject | Detection]]  # by frame number


def require_same_frames(
    predicted: Boxes,
    true: Boxes,
    where: str | Path,
    truth: str | Path,
    numbers: Collection[int] | None = None,
    hint: str = "",
) -> None:
    """Refuse results of other frames than the truth's.

    Args:
        found: boxes of the results, or of whatever is measured.
        true: boxes of the truth.
        where, truth: name both in messages.
        numbers: the video's frame numbers, where they are known.
        hint: what the user can do.

    Raises:
        InputError: a frame that the video does not have; many frames beyond the truth's last; boxes that are a frame
            early or late.
    """
    if numbers is not None:
        for frames, name in ((predicted, where), (true, truth)):
            if other := sorted(set(frames) - set(numbers)):
                expected = f"frames {min(numbers)} to {max(numbers)}, those of the video"
                raise InputError(name, expected=expected, found=f"frame {other[0]}", hint=hint)
    elif true and predicted:
        beyond = sum(frame > max(true) for frame in predicted)
        if beyond > max(BEYOND, BEYOND_SHARE * len(predicted)):
            found_frames = f"{beyond} frames beyond it, to {max(predicted)}"
            raise InputError(where, expected=f"frames to {max(true)} as in {truth}", found=found_frames, hint=hint)
        if beyond:
            log.warning(
                "%s: results up to frame %d, and the last object of %s is on frame %d: what is after counts as false",
                where,
                max(predicted),
                truth,
                max(true),
            )
    if shift := better_shift(predicted, true):
        when = "later" if shift > 0 else "earlier"
        raise InputError(
            where,
            expected=f"objects on the frames of {truth}",
            found=f"objects that fit those {abs(shift)} frame {when}: numbers that count from another frame",
            hint=hint,
        )


def require_one_size(predicted: Objects, true: Objects, where: str | Path) -> None:
    """Refuse results of frames of another size than the truth's; `where` names them. Each has one size in itself.

    Raises:
        InputError: the sizes differ.
    """
    sizes = [
        {(obj.height, obj.width) for obj in next(filter(None, of_frames.values()), ())}
        for of_frames in (predicted, true)
    ]
    if all(sizes) and sizes[0] != sizes[1]:
        (found_size,), (true_size,) = sizes
        expected = f"masks of {true_size[0]} x {true_size[1]} as in the truth"
        raise InputError(where, expected=expected, found=f"{found_size[0]} x {found_size[1]}")


def require_fit(predicted: Objects, true: Objects, where: str | Path, truth: str | Path, hint: str = "") -> None:
    """Refuse results of another size or of other frames than the truth's; see `require_same_frames`."""
    require_one_size(predicted, true, where)
    require_same_frames(tight_boxes(predicted), tight_boxes(true), where, truth, hint=hint)


def tight_boxes(frames: Objects) -> dict[int, np.ndarray]:
    """Tight boxes (N, 4) of each frame's masks, without ignore regions and empty masks."""
    return {
        number: np.array(
            [
                rle.tight_box(obj.counts, obj.height, obj.width)
                for obj in objects
                if not getattr(obj, "ignored", False) and rle.area(obj.counts, obj.height, obj.width)
            ]
        )
        for number, objects in frames.items()
    }


def better_shift(predicted: Boxes, true: Boxes) -> int:
    """By how many frames, -1 or 1, the results lie later than the truth; 0 where they fit as they are, or none tells.

    Examples:
        >>> boxes = {t: np.array([[9.0 * t, 0, 9 * t + 30, 20]]) for t in range(20)}
        >>> better_shift(boxes, boxes), better_shift({t + 1: own for t, own in boxes.items()}, boxes)
        (0, 1)
    """
    frames = [t for t in true if len(true[t]) and all(len(predicted.get(t + s, ())) for s in (-1, 0, 1))]
    if len(frames) < FEWEST_FRAMES:
        return 0
    best = {s: np.concatenate([box_iou(true[t], predicted[t + s]).max(1) for t in frames]) for s in (-1, 0, 1)}
    for shift in (-1, 1):
        gain = best[shift] - best[0]
        changed = gain[abs(gain) > 1e-6]
        if len(changed) >= FEWEST_OBJECTS and gain.mean() > GAIN and (changed > 0).mean() > SHARE:
            return shift
    return 0
