"""Training examples: crops around boxes, with their features cached, and the labels that they learn.

Every box has one reference view, centred and neither flipped nor occluded, in whose crop labels are kept; and further
views off-centre, flipped, in other light, and some with another box's object pasted over, so that outlines between
objects are learnt from outlines that are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from stc_pseudo.refine.crops import GROWTH, SHIFT, Crop, FrameData, cut, cut_picture, move, region_around
from stc_pseudo.refine.encoder import Encoder
from stc_pseudo.refine.instances import Instance, by_frame, read_frame_data
from stc_pseudo.refine.network import side_channels
from stc_pseudo.refine.settings import RefineSettings
from stc_pseudo.store.reader import StoreReader
from stc_track.io.progress import Bar

ENCODE = 32  # crops at a time
DONORS = 64  # objects that may be pasted over others
HIDDEN = (0.1, 0.6)  # of a label, that a pasted object may hide
DONOR_SCALE = (0.5, 1.0)  # of a pasted object beside its size in its own crop
TRIES = 4
LIGHT = 0.2  # largest change of brightness, contrast and saturation


@dataclass(frozen=True, eq=False)
class View:
    """A crop, the rectangle (4,) that it is of, whether it is flipped, and what of it is pasted over, (S, S) bool."""

    crop: Crop
    region: np.ndarray
    flipped: bool
    hidden: np.ndarray


@dataclass(eq=False)
class Views:
    """M cached views of N boxes, a box's views together, its reference view first.

    Attributes:
        instances: the N boxes.
        size: S, pixels a side of a crop.
        regions: (M, 4) rectangles of the frame.
        flipped: (M,) bool.
        features: the encoder's levels, (M, C, S / stride, S / stride) float16.
        lab: (M, 3, S, S) uint8, OpenCV's 8-bit CIELAB.
        box, others, maps: as in `Crop`, (M, ...).
        hidden: (M, S, S) bool, what a pasted object covers.
        labels: (M, S, S) uint8, 255 for the object: the targets, as `set_labels` leaves them.
    """

    instances: list[Instance]
    size: int
    regions: np.ndarray
    flipped: np.ndarray
    features: list[Tensor]
    lab: Tensor
    box: Tensor
    others: Tensor
    maps: Tensor
    hidden: Tensor
    labels: Tensor = field(init=False)

    @property
    def per_box(self) -> int:
        """Views of each box."""
        return len(self.regions) // len(self.instances)

    def set_labels(self, labels: np.ndarray) -> None:
        """Cut every view's label out of those of the reference crops, (N, S, S) uint8."""
        cuts = []
        for m, (region, flipped) in enumerate(zip(self.regions, self.flipped, strict=True)):
            i = m // self.per_box
            label = move(labels[i], self.instances[i].region, region, self.size)
            cuts.append(label[:, ::-1] if flipped else label)
        self.labels = torch.from_numpy(np.stack(cuts)).masked_fill_(self.hidden, 0)

    def batch(self, index: Tensor, device: str) -> dict[str, Any]:
        """Some views, on a device.

        Returns:
            `features` (levels), `side` (n, C, S, S), `lab` (n, 3, S, S) in CIELAB units, `box` (n, 4), `label`
            (n, S, S) in 0..1, `hidden` (n, S, S) bool.
        """
        lab, box = in_units(self.lab[index].to(device)), self.box[index].to(device)
        side = side_channels(box, self.others[index].to(device), self.maps[index].to(device), lab)
        return {
            "features": [level[index].to(device) for level in self.features],
            "side": side,
            "lab": lab,
            "box": box,
            "hidden": self.hidden[index].to(device),
            "label": self.labels[index].to(device).float() / 255,
        }


def make_views(
    reader: StoreReader, instances: list[Instance], encoder: Encoder, settings: RefineSettings, device: str
) -> tuple[Views, np.ndarray]:
    """Cut and encode the views of boxes, and read their labels.

    Args:
        reader: the store.
        instances: sorted by frame.
        encoder: of the features.
        settings: how many views, how large, how often occluded.
        device: of the encoder.

    Returns:
        the views, and the labels of their reference crops, (N, S, S) uint8, from the store's masks.
    """
    random = np.random.default_rng(settings.seed)
    views: list[View] = []
    labels: list[np.ndarray] = []
    donors: list[tuple[np.ndarray, np.ndarray]] = []
    for sequence, t, of_frame in by_frame(reader, instances):
        frame, objects = read_frame_data(sequence, t), sequence.read("objects", t)
        for instance in of_frame:
            label = cut_picture(np.uint8(255) * (objects == instance.row + 1), instance.region, settings.crop)
            reference = cut(frame, instance.row, instance.region, settings.crop)
            views.append(View(reference, instance.region, False, np.zeros(label.shape, bool)))
            views += [draw_view(frame, instance, label, donors, random, settings) for _ in range(settings.views - 1)]
            labels.append(label)
            if len(donors) == DONORS:
                donors.pop(random.integers(DONORS))
            donors.append((reference.rgb, label))
    crops = [view.crop for view in views]
    features = encode([crop.rgb for crop in crops], encoder, device, "features")
    columns = [
        torch.from_numpy(np.stack(column))
        for column in (
            [to_lab(crop.rgb) for crop in crops],
            [crop.box for crop in crops],
            [crop.others for crop in crops],
            [crop.maps for crop in crops],
            [view.hidden for view in views],
        )
    ]
    return Views(
        instances,
        settings.crop,
        np.stack([view.region for view in views]),
        np.array([view.flipped for view in views]),
        features,
        *columns,
    ), np.stack(labels)


def draw_view(
    frame: FrameData,
    instance: Instance,
    label: np.ndarray,
    donors: list[tuple[np.ndarray, np.ndarray]],
    random: np.random.Generator,
    settings: RefineSettings,
) -> View:
    """Cut a box at random: off-centre, maybe with another object before it, in other light, maybe flipped."""
    region = region_around(instance.box, random.uniform(*GROWTH), tuple(random.uniform(-SHIFT, SHIFT, 2)))
    crop = cut(frame, instance.row, region, settings.crop)
    rgb, hidden = crop.rgb, np.zeros(label.shape, bool)
    if donors and random.random() < settings.occlude:
        rgb, hidden = paste(rgb, move(label, instance.region, region, settings.crop), donors, random)
    crop = Crop(change_light(rgb, random), crop.box, crop.others, crop.maps)
    flipped = bool(random.random() < 0.5)
    return View(flip(crop), region, True, hidden[:, ::-1]) if flipped else View(crop, region, False, hidden)


def paste(
    rgb: np.ndarray, label: np.ndarray, donors: list[tuple[np.ndarray, np.ndarray]], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste a donor's object over a crop so that it hides a share of the label within `HIDDEN`, if a few tries can.

    Args:
        rgb: (S, S, 3) uint8.
        label: (S, S) uint8.
        donors: pictures and labels of other boxes' reference crops.
        random: draws donor, size and place.

    Returns:
        the crop, and (S, S) bool, what the pasted object covers.
    """
    size = len(label)
    labelled = label > 127
    for _ in range(TRIES):
        picture, mask = donors[random.integers(len(donors))]
        factor = random.uniform(*DONOR_SCALE)
        shift = (1 - factor) * size / 2 + random.uniform(-0.5, 0.5, 2) * size
        matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
        soft = cv2.warpAffine(mask, matrix, (size, size))
        hidden = soft > 127
        if HIDDEN[0] * labelled.sum() <= (hidden & labelled).sum() <= HIDDEN[1] * labelled.sum() and hidden.any():
            share = soft[..., None].astype(np.float32) / 255
            pasted = rgb + share * (cv2.warpAffine(picture, matrix, (size, size)).astype(np.float32) - rgb)
            return pasted.astype(np.uint8), hidden
    return rgb, np.zeros(label.shape, bool)


def change_light(rgb: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast and saturation of (S, S, 3) uint8 by up to `LIGHT`."""
    brightness, contrast, saturation = 1 + random.uniform(-LIGHT, LIGHT, 3)
    picture = rgb.astype(np.float32)
    grey, mean = picture.mean(2, keepdims=True), picture.mean()
    picture = mean + contrast * (grey + saturation * (picture - grey) - mean)
    return (brightness * picture).clip(0, 255).astype(np.uint8)


def flip(crop: Crop) -> Crop:
    """Mirror a crop; flow along x changes its sign."""
    x1, y1, x2, y2 = crop.box
    size = len(crop.others)
    sign = np.array([1, -1, 1], np.float16)[:, None, None]
    return Crop(
        crop.rgb[:, ::-1],
        np.array([size - x2, y1, size - x1, y2], np.float32),
        crop.others[:, ::-1],
        sign * crop.maps[..., ::-1],
    )


def encode(pictures: list[np.ndarray], encoder: Encoder, device: str, what: str | None = None) -> list[Tensor]:
    """Features of (S, S, 3) uint8 pictures, on the CPU; `what` shows a progress bar of that name."""
    starts = Bar(range(0, len(pictures), ENCODE), desc=what, unit="batch", disable=what is None)
    batches = [torch.from_numpy(np.stack(pictures[k : k + ENCODE])).permute(0, 3, 1, 2).to(device) for k in starts]
    encoded = [[level.cpu() for level in encoder(batch)] for batch in batches]
    return [torch.cat(level) for level in zip(*encoded, strict=True)]


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """OpenCV's 8-bit CIELAB of (S, S, 3) uint8, as (3, S, S)."""
    return cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB).transpose(2, 0, 1)


def in_units(lab: Tensor) -> Tensor:
    """CIELAB units of (n, 3, S, S) in OpenCV's 8 bits; a and b keep their offset of 128."""
    return lab.float() * torch.tensor([100 / 255, 1, 1], device=lab.device)[:, None, None]
