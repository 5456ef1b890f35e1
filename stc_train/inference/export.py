"""A trained CondInst as one exported graph: from a picture to detections, without MMDetection or this project.

`torch.export` writes the network, its normalisation and the choice of detections to one `.pt2` file, which

    torch.export.load("model.pt2").module()(picture)

runs wherever torch and torchvision are. The size of the picture and the kind of device are fixed when it is exported:
a graph names the device of every tensor that it makes. `torch.export.passes.move_to_device_pass(program, "cuda")` moves
one that was exported for another.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from stc_pseudo.nn.devices import require_device
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_train.models.condinst_dense import dense_outputs, detect, require_condinst, soft_masks
from stc_train.models.model_file import TrainedModel


class Deployed(nn.Module):
    """A CondInst from picture to detections.

    Args:
        model: as `model_file.load` gives it.
        score_threshold: least class probability of a candidate.
    """

    def __init__(self, model: TrainedModel, score_threshold: float) -> None:
        super().__init__()
        require_condinst(model.network, "stc-export")
        self.network, self.score_threshold = model.network, score_threshold
        preprocessor = model.network.data_preprocessor
        for name in ("mean", "std"):
            self.register_buffer(name, getattr(preprocessor, name).clone().view(1, 3, 1, 1))
        if getattr(preprocessor, "_channel_conversion", False):
            raise InputError("stc-export", expected="a model that takes RGB", found="one that exchanges the channels")
        self.divisor = preprocessor.pad_size_divisor
        self.cfg = model.network.bbox_head.test_cfg

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Find the objects of one picture.

        Args:
            picture: (3, H, W) uint8 RGB, of the network's input size.

        Returns:
            boxes (N, 4) float32 xyxy in pixels of the picture; scores (N,), best first; labels (N,) int64 from 0; masks
            (N, h, w) float32, the probability of each cell of 4 pixels of the picture, padded to multiples of 32.
            N is always the model's `max_per_img`: after the last detection come rows of score 0.
        """
        height, width = picture.shape[1:]
        inputs = (picture[None].float() - self.mean) / self.std
        inputs = nn.functional.pad(inputs, (0, -width % self.divisor, 0, -height % self.divisor))
        dense = dense_outputs(self.network, inputs)
        positions, labels, scores, boxes = detect(
            dense,
            0,
            (height, width),
            score_threshold=self.score_threshold,
            nms_iou=self.cfg.nms.iou_threshold,
            before_nms=self.cfg.nms_pre,
            most=self.cfg.max_per_img,
        )

        def filled(rows: Tensor) -> Tensor:
            return torch.cat([rows, rows.new_zeros(self.cfg.max_per_img, *rows.shape[1:])]).narrow(
                0, 0, self.cfg.max_per_img
            )

        return filled(boxes), filled(scores), filled(labels), soft_masks(self.network, dense, 0, filled(positions))


def export(model: TrainedModel, path: Path, size: tuple[int, int], score_threshold: float, device: str = "cpu") -> None:
    """Write a `.pt2` file; it appears when it is whole.

    Args:
        model: a CondInst.
        path: the file.
        size: (height, width) of the pictures that it will take.
        score_threshold: least class probability of a candidate.
        device: that it will run on: `cpu`, `cuda`, ...

    Raises:
        InputError: the model is no CondInst, or torch cannot compute on the device here.
    """
    target = require_device(device)
    deployed = Deployed(model, score_threshold).eval()
    picture = torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        program = torch.export.export(deployed, (picture,), strict=False)
    with replacing(path) as file:
        torch.export.save(on_device(program, target), file)


def on_device(program: ExportedProgram, device: torch.device) -> ExportedProgram:
    """The program with weights, constants and every tensor that it makes on a device."""
    return program if device.type == "cpu" else move_to_device_pass(program, str(device))
