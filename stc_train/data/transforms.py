"""From a frame of a store to what the network takes: image, boxes, and maps on the grid of the predicted masks.

MMDetection's own geometric transforms (Resize, RandomResize, RandomFlip, RandomCrop) go between loading and packing:
they move image and boxes, and note how positions moved. The maps are moved once, at the end, by the sum of it. Some
note nothing (RandomAffine, Expand, Mosaic, MixUp): the maps would stay behind, so packing compares the boxes with where
the note says they went.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.datasets.transforms import PackDetInputs
from torch import Tensor

from stc_pseudo.datasets.images import read_frame
from stc_pseudo.settings import MaskSettings
from stc_track.formats.store import CELL
from stc_track.io.errors import InputError
from stc_track.io.remote_path import as_place
from stc_train.data.object_masks import ObjectMasks
from stc_train.data.resample import axis_weights, nearest
from stc_train.registry import TRANSFORMS

# Position, among the eight directions in row-major order, of each direction's image in a mirror.
MIRRORED_COLUMNS = [2, 1, 0, 4, 3, 7, 6, 5]
MIRRORED_ROWS = [5, 6, 7, 3, 4, 0, 1, 2]
STRAY = 1.0  # pixels that a box may lie off its place: transforms round the frame's size, not the boxes


@TRANSFORMS.register_module()
class LoadFrame(BaseTransform):
    """Reads `img_path` to `img` (H, W, 3) uint8 RGB, with our messages for what is wrong with a file."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add `img`, `img_shape` and `ori_shape`."""
        results["img"] = read_frame(as_place(results["img_path"]), (results["height"], results["width"]))
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadPseudoLabels(BaseTransform):
    """Reads a frame's maps from the store; goes after `LoadAnnotations(with_bbox=True)`.

    Args:
        edges: load the kept edges as well, for the `pairwise` boundary term.
        depth_threshold, flow_threshold: an edge is kept where both similarities reach theirs (Eq. 2, IV-D1).
            `stc-train` sets those that the store records.
        min_score: a pseudo-mask of a lower score has the weight 0; its box is learnt all the same.
        weigh: whether the others' weight is their score, else 1.
    """

    def __init__(
        self,
        edges: bool = False,
        depth_threshold: float = MaskSettings.threshold_depth,
        flow_threshold: float = MaskSettings.threshold_flow,
        min_score: float = 0.0,
        weigh: bool = False,
    ) -> None:
        self.edges, self.min_score, self.weigh = edges, min_score, weigh
        self.thresholds = {"similarity_depth": depth_threshold, "similarity_flow": flow_threshold}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add `instances_map` (h, w) uint16, `coverage` (h, w) uint8, and on request `edges` (8, h, w) bool.

        Where scores count, `mask_weights` (N,) float32 of the instances 1 to N as well.
        """
        reader, index = results.pop("reader"), results["index"]
        results["instances_map"], results["coverage"] = (reader.read(name, index) for name in ("instances", "coverage"))
        # MMDetection's crops keep these numbers beside the boxes that they keep.
        results["gt_instances_ids"] = np.arange(1, len(results["gt_bboxes"]) + 1)
        results["stored_boxes"] = results["gt_bboxes"].numpy().copy()
        if self.min_score or self.weigh:
            scores = reader.column("box_score", index)
            results["mask_weights"] = np.where(scores >= self.min_score, scores if self.weigh else 1, 0)
        if self.edges:
            results["edges"] = np.logical_and(
                *(reader.read(name, index) >= 255 * threshold for name, threshold in self.thresholds.items())
            )
        return results


@TRANSFORMS.register_module()
class LoadPseudoMasks(BaseTransform):
    """Reads a frame's pseudo-masks as MMDetection's `gt_masks`, for any of its networks.

    Goes after `LoadAnnotations(with_bbox=True)`. The masks move with every transform of MMDetection's. A box without
    a pseudo-mask, and an ignore region, take no part.

    Args:
        min_score: boxes whose pseudo-mask has a lower score take no part either.
    """

    def __init__(self, min_score: float = 0.0) -> None:
        self.min_score = min_score

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add `gt_masks`, `ObjectMasks` at the frame's size; mark boxes without one as to be ignored."""
        reader, index = results.pop("reader"), results["index"]
        ignored = results["gt_ignore_flags"]
        nobody = np.iinfo(np.uint16).max  # no object's number
        numbers = np.where(ignored, nobody, np.arange(1, len(ignored) + 1)).astype(np.uint16)
        results["gt_masks"] = ObjectMasks(reader.read("objects", index), numbers)
        ignored |= ~results["gt_masks"].present()
        if self.min_score:
            scores = reader.column("box_score", index)
            ignored[: len(scores)] |= scores < self.min_score
        return results


@TRANSFORMS.register_module()
class IgnoreLostMasks(BaseTransform):
    """Ignores the objects of whose mask no pixel is left after shrinking or cropping; goes before `PackDetInputs`.

    Otherwise a network would learn that there is nothing in their boxes.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mark boxes whose `gt_masks` are empty as to be ignored."""
        masks = results["gt_masks"]
        present = masks.present() if isinstance(masks, ObjectMasks) else masks.masks.any((1, 2))
        results["gt_ignore_flags"] = results["gt_ignore_flags"] | ~present
        return results


@TRANSFORMS.register_module()
class PackPseudoLabels(PackDetInputs):
    """Packs MMDetection's inputs, and the maps on the grid of the predicted masks.

    Adds to `gt_instances`: `pieces` (N, h, w) uint8, the pseudo-mask of each box, 255 times the share of the cell that
    is the object's; `centers` (N, 2) x y pixels, its centre of mass, the box's centre where there is none. Adds to the
    sample, if `LoadPseudoLabels` read them: `edges` (8, h, w) bool, and to `gt_instances` `mask_weights` (N,) float32.

    Args:
        stride: pixels of the network's input per cell.
        centers: of the locations that learn an object: its pseudo-`mask`'s, or with no `centers` added its `box`'s, so
            that nothing but the loss knows the masks. `stc-train` sets what suits loss and labels where None is said.
        kwargs: MMDetection's.
    """

    def __init__(self, stride: int = CELL, centers: Literal["mask", "box"] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if centers not in ("mask", "box", None):
            raise ValueError(f"centers must be one of mask, box; got {centers!r}")
        self.stride, self.centers = stride, centers or "mask"

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack; `results` may have been resized, flipped and cropped."""
        rows, columns = self._axes(results)
        self._check(results)
        packed = super().transform(results)
        sample = packed["data_samples"]
        ids = results["gt_instances_ids"][results["gt_ignore_flags"] == 0]
        pieces = (results["instances_map"] == ids[:, None, None]) * results["coverage"].astype(np.float32)
        pieces = axis_weights(*rows) @ pieces @ axis_weights(*columns).T
        sample.gt_instances.pieces = torch.from_numpy(pieces.round().astype(np.uint8))
        if "mask_weights" in results:
            sample.gt_instances.mask_weights = torch.from_numpy(results["mask_weights"][ids - 1].astype(np.float32))
        if self.centers == "mask":
            boxes = sample.gt_instances.bboxes.tensor
            sample.gt_instances.centers = _centers(boxes, sample.gt_instances.pieces, self.stride)
        if "edges" in results:
            edges = results["edges"][:, nearest(*rows)][:, :, nearest(*columns)]
            for (_, _, scale, _), order in ((rows, MIRRORED_ROWS), (columns, MIRRORED_COLUMNS)):
                if scale < 0:
                    edges = edges[order]
            sample.set_data({"edges": torch.from_numpy(np.ascontiguousarray(edges))})
        return packed

    def _check(self, results: dict[str, Any]) -> None:
        """Stop if the boxes are not where the noted movement puts them: some transform did not note its own."""
        moved = results.get("homography_matrix", np.eye(3))
        scale, shift = np.diag(moved)[:2], moved[:2, 2]
        height, width = results["img_shape"]
        corners = results["stored_boxes"][results["gt_instances_ids"] - 1].reshape(-1, 2, 2) * scale + shift
        expected = np.concatenate([corners.min(1), corners.max(1)], 1).clip(0, [width, height, width, height])
        boxes = results["gt_bboxes"].numpy()
        if boxes.shape != expected.shape or (abs(boxes - expected) > STRAY + 0.01 * abs(scale).max()).any():
            raise InputError(
                "train_pipeline",
                found="boxes elsewhere than the transforms noted",
                expected="Resize, RandomResize, RandomFlip and RandomCrop as the only geometry",
                hint="the store's maps cannot follow the others: take them out",
            )

    def _axes(self, results: dict[str, Any]) -> tuple[tuple[int, int, float, float], ...]:
        """For rows and columns: source cells, target cells, scale and shift, as `resample` takes them."""
        moved = results.get("homography_matrix", np.eye(3))  # from pixels of the frame to pixels of the input
        if np.abs(moved[[0, 1, 2, 2], [1, 0, 0, 1]]).max() > 0:
            raise InputError(
                "train_pipeline",
                found="a transform that turns or shears",
                expected="Resize, RandomResize, RandomFlip and RandomCrop as the only geometry",
                hint="the store's maps cannot follow the others: take them out",
            )
        sizes = zip(results["instances_map"].shape, results["img_shape"], (1, 0), strict=True)
        return tuple(
            (
                source,
                -(-target // self.stride),
                float(moved[axis, axis]) * CELL / self.stride,
                float(moved[axis, 2]) / self.stride,
            )
            for source, target, axis in sizes
        )


def _centers(boxes: Tensor, pieces: Tensor, stride: int) -> Tensor:
    """Centre of mass (N, 2) x y, pixels, of each pseudo-mask; of its box (N, 4) where it is empty."""
    weight = pieces.float()
    mass = weight.sum((1, 2))[:, None]
    along = [(torch.arange(size) + 0.5) * stride for size in (pieces.shape[2], pieces.shape[1])]
    moments = torch.stack([weight.sum(1) @ along[0], weight.sum(2) @ along[1]], 1)
    return torch.where(mass > 0, moments / mass.clamp(min=1), (boxes[:, :2] + boxes[:, 2:]) / 2)
