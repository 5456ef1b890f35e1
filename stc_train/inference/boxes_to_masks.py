"""`stc-predict --boxes`: a data set of tracked boxes becomes one of tracked masks (MOTS)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch

from stc_pseudo.datasets.base import FrameBoxes, VideoSequence
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.evaluation.overlap import drawn_shapes
from stc_pseudo.nn.precision import autocast
from stc_track.formats.mots import IDS_PER_CLASS, IGNORE_CLASS, MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.io.progress import Bar
from stc_track.masks import rle
from stc_train.data.resample import axis_weights
from stc_train.engine.adapt_config import plain
from stc_train.inference.box_prompts import box_probabilities
from stc_train.inference.refine_masks import NETWORK_WEIGHT, owners
from stc_train.models.condinst_dense import dense_outputs, require_condinst
from stc_train.models.model_file import TrainedModel

SCALE = 1.5  # finer cells of the masks; chosen with the refinement's constants


class Converted(NamedTuple):
    """How many boxes there were, and how many got a mask."""

    boxes: int
    masks: int


def convert(
    model: TrainedModel,
    sequences: list[VideoSequence],
    out: Path,
    *,
    scale: float = SCALE,
    network_weight: float = NETWORK_WEIGHT,
    batch_size: int = 1,
    flip: bool = False,
    precision: str = "float32",
    device: str = "cpu",
) -> Converted:
    """Write `out/{sequence}.txt` in KITTI MOTS text: a mask for each box, with its track id.

    Masks share no pixel and stay within their boxes. A box that loses every pixel to others gets no line. Ignore
    regions become one mask of class 10 each frame, less the objects.

    Args:
        model: a CondInst, as `model_file.load` gives it.
        sequences: frames and boxes.
        out: folder, created if need be.
        scale: the network sees frames at this multiple of the size it sees in `stc-predict` without boxes.
        network_weight: how much the network's mask probability counts beside box and colours, 0..1; raising it lets the
            network remove more of a box.
        batch_size: frames at a time.
        flip: average the masks with those of the mirror image.
        precision: as of `predict`.
        device: `cpu`, `cuda`, ...

    Raises:
        InputError: the model is no CondInst, a box is of the class that MOTS keeps for ignore regions, or a frame is
            missing or cannot be read.
    """
    require_condinst(model.network, "boxes")
    for sequence in sequences:
        for number, frame_boxes in sequence.boxes.items():
            if (frame_boxes.class_ids == IGNORE_CLASS).any():
                raise InputError(
                    f"{sequence.name}, frame {number}",
                    expected=f"no class {IGNORE_CLASS}, which MOTS keeps for ignore regions",
                    found=f"a box of class {IGNORE_CLASS}",
                    hint="give the class another number",
                )
    network = model.network.to(device)
    boxes = masks = 0
    with Bar(total=sum(map(len, sequences)), desc="masks", unit="frame") as bar:
        for sequence in sequences:
            size = input_size(model.pipeline, sequence.size, scale)
            objects: list[MotsObject] = []
            for start in range(0, len(sequence), batch_size):
                chosen = range(start, min(start + batch_size, len(sequence)))
                frames = [read_frame(sequence.frames[t], sequence.size) for t in chosen]
                boxes_of_frames = [sequence.boxes_at(t) for t in chosen]
                probabilities = frame_probabilities(network, frames, boxes_of_frames, size, flip, precision, device)
                for t, frame, frame_boxes, probability in zip(
                    chosen, frames, boxes_of_frames, probabilities, strict=True
                ):
                    frame_masks = frame_objects(sequence.numbers[t], frame, frame_boxes, probability, network_weight)
                    boxes += len(frame_boxes)
                    masks += sum(not o.ignored for o in frame_masks)
                    objects += frame_masks
                bar.update(len(chosen))
            write_mots(out / f"{sequence.name}.txt", objects)
    return Converted(boxes, masks)


def input_size(pipeline: list[dict], size: tuple[int, int], scale: float) -> tuple[int, int]:
    """(height, width) that a test pipeline's Resize gives frames of `size`, times `scale`."""
    for step in pipeline:
        if plain(step["type"]) == "Resize":
            width, height = step["scale"]
            if not step.get("keep_ratio", False):
                return round(height * scale), round(width * scale)
            factor = min(max(width, height) / max(size), min(width, height) / min(size))
            return round(size[0] * factor * scale), round(size[1] * factor * scale)
    return round(size[0] * scale), round(size[1] * scale)


def frame_probabilities(
    network: torch.nn.Module,
    frames: list[np.ndarray],
    boxes: list[FrameBoxes],
    size: tuple[int, int],
    flip: bool,
    precision: str,
    device: str,
) -> list[Probabilities]:
    """The network's mask probability of each box of some frames.

    Args:
        network: our CondInst on `device`.
        frames: (H, W, 3) uint8 RGB each, of one size.
        boxes: of each frame.
        size: (height, width) that the network sees.
        flip, precision, device: as in `convert`.

    Returns:
        for each frame those of its boxes.
    """
    if not any(len(frame_boxes) for frame_boxes in boxes):
        return [Probabilities() for _ in frames]
    inputs = [
        torch.from_numpy(cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)).permute(2, 0, 1)
        for frame in frames
    ]
    height, width = frames[0].shape[:2]
    factors = size[0] / height, size[1] / width
    probabilities = []
    with torch.inference_mode(), autocast(device, precision):
        batch = network.data_preprocessor({"inputs": inputs})["inputs"]
        dense = dense_outputs(network, batch, flip)
        for image, frame_boxes in enumerate(boxes):
            if not len(frame_boxes):
                probabilities.append(Probabilities())
                continue
            moved = torch.from_numpy(frame_boxes.xyxy).to(device) * batch.new_tensor(factors[::-1]).repeat(2)
            cells = box_probabilities(network, dense, image, moved).float().cpu().numpy()
            rows, columns = (
                axis_weights(source, target, network.mask_head.mask_out_stride / factor)
                for source, target, factor in zip(cells.shape[1:], (height, width), factors, strict=True)
            )
            probabilities.append(Probabilities(cells, rows, columns))
    return probabilities


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Mask probabilities of the boxes of a frame, brought to its size one by one: all together may be gigabytes.

    Attributes:
        cells: (n, h, w) float32 in 0..1, on the network's grid.
        rows, columns: (H, h) and (W, w) weights of the cells in each row and column of pixels.
    """

    cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 1), np.float32))
    rows: np.ndarray = field(default_factory=lambda: np.ones((1, 1), np.float32))
    columns: np.ndarray = field(default_factory=lambda: np.ones((1, 1), np.float32))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Give (H, W) float32 for each box."""
        return (self.rows @ cell_values @ self.columns.T for cell_values in self.cells)


def frame_objects(
    number: int,
    frame: np.ndarray,
    boxes: FrameBoxes,
    probabilities: Iterable[np.ndarray],
    network_weight: float = NETWORK_WEIGHT,
) -> list[MotsObject]:
    """The masks of one frame's boxes, and of its ignore regions, as MOTS objects.

    Args:
        number: the frame's.
        frame: (H, W, 3) uint8 RGB.
        boxes: N of them.
        probabilities: for each box (H, W) float32 in 0..1.
        network_weight: as in `convert`.
    """
    height, width = frame.shape[:2]
    owner = owners(frame, boxes.xyxy, probabilities, network_weight)
    objects = [
        MotsObject(
            number, int(boxes.track_ids[k - 1]), int(boxes.class_ids[k - 1]), height, width, rle.encode(owner == k)
        )
        for k in np.unique(owner[owner > 0]).tolist()
    ]
    ignored = np.zeros((height, width), bool)
    for box in boxes.ignore:
        ignored |= drawn_shapes(box, (height, width))[0]
    ignored &= owner == 0
    if ignored.any():
        objects.append(
            MotsObject(
                number, IGNORE_CLASS * IDS_PER_CLASS, IGNORE_CLASS, height, width, rle.encode(ignored), ignored=True
            )
        )
    return objects
