"""Measuring a store: mean IoU of pseudo-masks with true masks, beside what a box alone gives."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from tqdm import tqdm

from stc_pseudo.datasets.kitti import instances_file
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.evaluation.fit import better_shift
from stc_track.formats.mots import IGNORE_CLASS, MotsObject, read_mots
from stc_track.formats.youtube_vis import objects_of, read_annotations
from stc_track.io.errors import InputError, require_file
from stc_track.masks import rle

SHAPES = ("pseudo_mask", "filled_box", "ellipse")
MATCH_IOU = 0.5  # least IoU of a box with a true mask's tight box for both to be one object


def inspect_store(store: StoreReader, truth: Path, sequences: tuple[str, ...], min_area: int) -> dict[str, Any]:
    """Compare every pseudo-mask with the true mask of its object, at the frame's size.

    Args:
        store: what to measure.
        truth: a data set in the KITTI MOTS layout, a folder of `{sequence}.txt` in MOTS text, or a YouTube-VIS JSON
            file.
        sequences: names.
        min_area: true masks of fewer pixels are left out.

    Returns:
        JSON values: for each class and for `all`, `instances` (true masks that a box was found for), `without_box`,
        and the mean IoU of each of `SHAPES`.
    """
    rows: list[tuple[str, np.ndarray | None]] = []
    for name in tqdm(sequences, desc="inspect", unit="sequence"):
        rows += inspect_sequence(store.sequence(name), true_masks(truth, name), store.class_names, min_area, str(truth))
    report = {}
    for class_name in (*store.class_names.values(), "all"):
        scores = [row[1] for row in rows if class_name in (row[0], "all")]
        found = np.array([score for score in scores if score is not None]).reshape(-1, len(SHAPES))
        means = [round(float(mean), 4) for mean in found.mean(0)] if len(found) else [None] * len(SHAPES)
        report[class_name] = {
            "instances": len(found),
            "without_box": len(scores) - len(found),
            **dict(zip(SHAPES, means, strict=True)),
        }
    return {"min_area": min_area, "sequences": list(sequences), "mean_iou": report}


def true_masks(truth: Path, name: str) -> dict[int, list[MotsObject]]:
    """A sequence's true masks by frame number, without ignore regions and crowds; `truth` as for `inspect_store`."""
    frames: dict[int, list[MotsObject]] = {}
    if truth.is_file():
        annotations = _annotations(truth)
        video = next((video for video in annotations.videos.values() if video.name == name), None)
        if video is None:
            raise InputError(truth, expected=f"masks of a video '{name}'", found="none", hint="--truth")
        for each in objects_of((track for track in annotations.tracks if not track.crowd), video):
            frames.setdefault(each.frame, []).append(each)
        return frames
    plain = truth / f"{name}.txt"
    path = (
        plain
        if plain.is_file()
        else require_file(instances_file(truth, name, "--truth"), "masks in MOTS text", "--truth")
    )
    return {
        frame: [each for each in objects if each.class_id != IGNORE_CLASS] for frame, objects in read_mots(path).items()
    }


_annotations = lru_cache(maxsize=1)(read_annotations)  # one file holds all sequences


def inspect_sequence(
    sequence: SequenceReader, truth: dict[int, list[MotsObject]], class_names: dict[int, str], min_area: int, where: str
) -> list[tuple[str, np.ndarray | None]]:
    """Compare one sequence's pseudo-masks with true masks.

    Args:
        sequence: of the store.
        truth: true masks by frame number.
        class_names: class number to name.
        min_area: true masks of fewer pixels are left out.
        where: names the truth in messages.

    Returns:
        a row for each true mask: its class's name, and its IoU with each of `SHAPES` (None without a box).
    """
    require_truth_of(sequence, truth, where, "--truth")
    rows = []
    for t, number in enumerate(sequence.numbers):
        objects = [o for o in truth.get(number, ()) if rle.area(o.counts, o.height, o.width) >= min_area]
        if not objects:
            continue
        for o in objects:
            if (o.height, o.width) != sequence.size or o.class_id not in class_names:
                raise InputError(
                    f"{where}: frame {number}, id {o.track_id}",
                    expected=f"{sequence.size[1]}x{sequence.size[0]} pixels and a class of {class_names}",
                    found=f"{o.width}x{o.height}, class {o.class_id}",
                    hint="--truth",
                )
        boxes = sequence.boxes_at(t)
        tight = np.stack([rle.tight_box(o.counts, o.height, o.width) for o in objects])
        overlap = box_iou(tight, boxes.xyxy)
        overlap[np.array([o.class_id for o in objects])[:, None] != boxes.class_ids[None]] = 0
        pairs = {i: k for i, k in zip(*linear_sum_assignment(-overlap), strict=True) if overlap[i, k] >= MATCH_IOU}
        pieces = sequence.read("objects", t)
        for i, o in enumerate(objects):
            name = class_names[o.class_id]
            if i not in pairs:
                rows.append((name, None))
                continue
            box = boxes.xyxy[pairs[i]]
            pseudo = pieces == pairs[i] + 1
            true = rle.decode(o.counts, o.height, o.width)
            rows.append((name, np.array([mask_iou(shape, true) for shape in (pseudo, *drawn_shapes(box, true.shape))])))
    return rows


def require_truth_of(sequence: SequenceReader, truth: dict[int, list[MotsObject]], where: str, hint: str) -> None:
    """Refuse true masks of other frames than the sequence's.

    Args:
        sequence: of the store; its boxes tell whether the truth is a frame early or late.
        truth: true masks by frame number; frames that the store leaves out do not count.
        where: names the truth in messages.
        hint: the flag that named it.

    Raises:
        InputError: no frame in common, or masks that fit the boxes of the frame before or after clearly better.
    """
    if truth and not set(truth) & set(sequence.numbers):
        expected = f"true masks of frames {sequence.numbers[0]} to {sequence.numbers[-1]} of {sequence.name}"
        raise InputError(where, expected=expected, found=f"of {min(truth)} to {max(truth)}", hint=hint)
    boxes = {number: sequence.boxes_at(t).xyxy for t, number in enumerate(sequence.numbers)}
    masks = {
        number: np.array([rle.tight_box(o.counts, o.height, o.width) for o in objects])
        for number, objects in truth.items()
    }
    if shift := better_shift(boxes, masks):
        found = f"those of a frame {'earlier' if shift > 0 else 'later'}: numbers that count from another frame"
        raise InputError(where, expected=f"true masks of the frames of {sequence.name}", found=found, hint=hint)


def drawn_shapes(box: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the filled box and the ellipse inscribed in it, each (H, W) bool."""
    y, x = np.ogrid[: size[0], : size[1]]
    x, y = x + 0.5, y + 0.5  # a pixel is inside where its centre is
    filled = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return filled, ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two (H, W) bool masks, not both empty."""
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box in (N, 4) with every one in (M, 4), x1 y1 x2 y2: (N, M)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    intersection = np.prod((high - low).clip(min=0), axis=-1)
    area_a, area_b = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    return intersection / np.maximum(area_a[:, None] + area_b[None] - intersection, 1e-9)
