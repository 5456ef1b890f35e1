"""True masks of a sequence, and whether they are of its frames."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from stc_pseudo.datasets.kitti import instances_file
from stc_pseudo.store.reader import SequenceReader
from stc_track.evaluation.frame_alignment import better_shift, tight_boxes
from stc_track.formats.mots import IGNORE_CLASS, MotsObject, read_mots
from stc_track.formats.youtube_vis import objects_of, read_annotations
from stc_track.io.errors import InputError, require_file


def true_masks(truth: Path, name: str) -> dict[int, list[MotsObject]]:
    """A sequence's true masks by frame number, without ignore regions and crowds; `truth` as for `inspect_store`."""
    frames: dict[int, list[MotsObject]] = {}
    if truth.is_file():
        annotations = _annotations(truth)
        video = next((video for video in annotations.videos.values() if video.name == name), None)
        if video is None:
            raise InputError(truth, expected=f"masks of a video '{name}'", found="none", hint="`truth=`")
        for item in objects_of((track for track in annotations.tracks if not track.crowd), video):
            frames.setdefault(item.frame, []).append(item)
        return frames
    by_frame = read_mots(truth_file(truth, name))
    return {frame: [mask for mask in objects if mask.class_id != IGNORE_CLASS] for frame, objects in by_frame.items()}


def truth_file(truth: Path, name: str) -> Path:
    """The file that holds a sequence's true masks; `truth` as for `inspect_store`."""
    if truth.is_file():
        return truth
    plain = truth / f"{name}.txt"
    if plain.is_file():
        return plain
    return require_file(instances_file(truth, name, "`truth=`"), "masks in MOTS text", "`truth=`")


_annotations = lru_cache(maxsize=1)(read_annotations)  # one file holds all sequences


def require_truth_of(sequence: SequenceReader, truth: dict[int, list[MotsObject]], where: str, hint: str) -> None:
    """Refuse true masks of another size or of other frames than the sequence's.

    Args:
        sequence: of the store; its boxes tell whether the truth is a frame early or late.
        truth: true masks by frame number; frames that the store leaves out do not count.
        where: names the truth in messages.
        hint: the flag that named it.

    Raises:
        InputError: another size, no frame in common, or masks that fit the boxes of the frame before or after clearly
            better.
    """
    for number, objects in truth.items():
        for o in objects:
            if (o.height, o.width) != sequence.size:
                place = f"{where}: frame {number}, id {o.track_id}"
                expected = f"{sequence.size[1]}x{sequence.size[0]} pixels as in {sequence.name}"
                raise InputError(place, expected=expected, found=f"{o.width}x{o.height}", hint=hint)
    if truth and not set(truth) & set(sequence.numbers):
        expected = f"true masks of frames {sequence.numbers[0]} to {sequence.numbers[-1]} of {sequence.name}"
        raise InputError(where, expected=expected, found=f"of {min(truth)} to {max(truth)}", hint=hint)
    boxes = {number: sequence.boxes_at(t).xyxy for t, number in enumerate(sequence.numbers)}
    if shift := better_shift(boxes, tight_boxes(truth)):
        found = f"those of a frame {'earlier' if shift > 0 else 'later'}: numbers that count from another frame"
        raise InputError(where, expected=f"true masks of the frames of {sequence.name}", found=found, hint=hint)


def fitting_masks(sequence: SequenceReader, truth: Path, hint: str = "`truth=`") -> dict[int, list[MotsObject]]:
    """As `true_masks`, of a sequence of a store; refused where they do not fit it (`require_truth_of`)."""
    masks = true_masks(truth, sequence.name)
    require_truth_of(sequence, masks, str(truth), hint)
    return masks
