"""CondInst learning its masks from the puzzle loss: mask head and data preprocessor (IV-C; Tian et al., ECCV 2020)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.models.dense_heads import CondInstMaskHead
from mmdet.models.utils import aligned_bilinear
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData
from torch import Tensor

from stc_train.models.paste_masks import whole_frame_masks
from stc_train.models.puzzle_loss import PuzzleLoss
from stc_train.registry import MODELS

MODELS.register_module(module=PuzzleLoss)


@MODELS.register_module()
class PuzzlePreprocessor(DetDataPreprocessor):
    """MMDetection's preprocessor; pads `pieces` and `edges` as it pads the images.

    Args:
        stride: pixels of the network's input per cell of the maps.
        kwargs: MMDetection's.
    """

    def __init__(self, stride: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride = stride

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Move to the device, normalise, pad."""
        data = super().forward(data, training)
        if training:
            height, width = (size // self.stride for size in data["inputs"].shape[-2:])
            for sample in data["data_samples"]:
                sample.gt_instances.pieces = _pad(sample.gt_instances.pieces, height, width)
                if "edges" in sample:
                    sample.edges = _pad(sample.edges, height, width)
        return data


def _pad(maps: Tensor, height: int, width: int) -> Tensor:
    return F.pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))


@MODELS.register_module()
class PuzzleMaskHead(CondInstMaskHead):
    """CondInst's mask head with the puzzle loss; the forward pass equals MMDetection's to rounding.

    Only the masks that are supervised are computed: at most `topk_masks_per_img` of each image (all, if -1), shared
    evenly among its objects; of more objects than that, the best predicted (MMDetection computes all, then selects).

    Args:
        loss_mask: config of `PuzzleLoss`.
        warmup_iters: steps over which the boundary term's weight rises from 0 to 1, as BoxInst's pairwise term.
        learn_in_ignored: whether the boundary term counts an object's cells that lie in ignore regions. What is ignored
            in an object's box is not that object, so by default it does, as MMDetection's losses do.
        kwargs: MMDetection's.
    """

    def __init__(self, *args: Any, warmup_iters: int = 0, learn_in_ignored: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.in_channels != self.feat_channels:
            raise ValueError(
                f"the mask features' out_channels must equal feat_channels; got {self.in_channels} and "
                f"{self.feat_channels}"
            )
        self.warmup_iters, self.learn_in_ignored = warmup_iters, learn_in_ignored

    def loss(
        self, x: tuple[Tensor, ...], batch_data_samples: list[Any], positive_infos: list[InstanceData], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The puzzle loss of the selected positives, and what it was computed from.

        Returns:
            `loss_mask_box`, `loss_mask_boundary`; `positives`, masks per image; `coverage` and `kept_edge_share`
            as in `PuzzleTerms`.
        """
        selected = [info[self._select(info)] for info in positive_infos]
        return self.loss_of_logits(torch.cat(self(x, selected)[0]), batch_data_samples, selected)

    def loss_of_logits(
        self, logits: Tensor, batch_data_samples: list[Any], selected: list[InstanceData]
    ) -> dict[str, Tensor]:
        """The loss of masks that were computed.

        Args:
            logits: (N, h, w), those of each image's proposals one after the other.
            batch_data_samples: `gt_instances` with `bboxes` and `pieces`, and with `mask_weights`, or not;
                `ignored_instances` with `bboxes`, if they count; `edges`, or not.
            selected: each image's proposals, with `pos_assigned_gt_inds`.
        """
        size = logits.shape[-2:]
        boxes, pieces, image, weights = [], [], [], []
        for position, (sample, info) in enumerate(zip(batch_data_samples, selected, strict=True)):
            instance = info.pos_assigned_gt_inds
            boxes.append(box_cells(sample.gt_instances.bboxes, size, self.mask_out_stride)[instance])
            pieces.append(sample.gt_instances.pieces[instance])
            image.append(torch.full_like(instance, position))
            if "mask_weights" in sample.gt_instances:
                weights.append(sample.gt_instances.mask_weights[instance])
        edges = None
        if "edges" in batch_data_samples[0]:
            edges = torch.stack([sample.edges for sample in batch_data_samples])
        image = torch.cat(image)
        counted = None if self.learn_in_ignored else self._outside_ignored(batch_data_samples, size)[image]
        trust = torch.cat(weights) if weights else None
        terms = self.loss_mask(logits, torch.cat(boxes), torch.cat(pieces).float() / 255, edges, image, counted, trust)
        figures = {
            "loss_mask_box": terms.box,
            "loss_mask_boundary": terms.boundary * self._warmup(),
            "positives": logits.new_tensor(len(logits) / len(selected)),
            "coverage": terms.coverage,
        }
        return figures if edges is None else figures | {"kept_edge_share": terms.kept_edge_share}

    def _outside_ignored(self, batch_data_samples: list[Any], size: tuple[int, int]) -> Tensor:
        """Of each image the cells outside its ignore regions, (B, h, w) bool."""
        return torch.stack(
            [
                ~box_cells(sample.ignored_instances.bboxes, size, self.mask_out_stride).any(0)
                for sample in batch_data_samples
            ]
        )

    def _warmup(self) -> float:
        if not self.warmup_iters:
            return 1.0
        return min(MessageHub.get_current_instance().get_info("iter") / self.warmup_iters, 1.0)

    def _select(self, info: InstanceData) -> Tensor:
        """Positions of the proposals to supervise: for each object its best by score and centreness."""
        instance = info.pos_assigned_gt_inds
        if self.topk_masks_per_img < 0 or len(instance) <= self.topk_masks_per_img:
            return torch.arange(len(instance), device=instance.device)
        quality = info.scores.detach().sigmoid().amax(1) * info.centernesses.detach().sigmoid().flatten()
        order = quality.argsort(descending=True)
        order = order[instance[order].argsort(stable=True)]  # by object, best first
        sorted_instance = instance[order]
        rank = torch.arange(len(order), device=order.device) - torch.searchsorted(sorted_instance, sorted_instance)
        objects = (rank == 0).sum()
        chosen = order[rank < (self.topk_masks_per_img // objects).clamp(min=1)]
        if len(chosen) > self.topk_masks_per_img:
            chosen = chosen[quality[chosen].argsort(descending=True)[: self.topk_masks_per_img]]
        return chosen

    def forward_single(self, mask_feat: Tensor, positive_info: InstanceData) -> tuple[Tensor]:
        """Apply each proposal's three 1x1 layers to the mask features and the positions relative to it.

        A position enters linearly, `(centre - position) / reach`, so the first layer is one matrix product of all
        proposals' filters with the same features and positions, instead of a copy of them for each proposal.

        Args:
            mask_feat: (C, H, W) of one image.
            positive_info: `param_preds` (n, P), `points` (n, 2) and `strides` (n,) of its proposals.

        Returns:
            ((n, H * f, W * f) logits,), f = mask feature stride / mask output stride.
        """
        with torch.autocast(mask_feat.device.type, enabled=False):
            return self._apply_filters(mask_feat.float(), positive_info.param_preds.float(), positive_info)

    def _apply_filters(self, mask_feat: Tensor, params: Tensor, positive_info: InstanceData) -> tuple[Tensor]:
        """In float32: half precision has no digits left for positions of more than a thousand pixels."""
        (channels, height, width), n = mask_feat.shape, len(params)
        if not n:
            factor = self.mask_feat_stride // self.mask_out_stride
            # Of everything that gives masks, so that processes which have some wait for no gradient from this one.
            nothing = mask_feat.sum() * 0 + params.sum() * 0
            return (params.new_zeros((0, height * factor, width * factor)) + nothing,)
        parts = params.split(self.weight_nums + self.bias_nums, dim=1)
        weights, biases = parts[: self.num_layers], parts[self.num_layers :]
        positions = self.prior_generator.single_level_grid_priors((height, width), 0, device=mask_feat.device)
        reach = (positive_info.strides * self.size_of_interest)[:, None]
        first = weights[0].reshape(n, self.feat_channels, channels + 2)
        along = first[..., :2] / reach[..., None]  # n x F x 2, per pixel
        filters = torch.cat([first[..., 2:], -along], 2).flatten(0, 1)
        offset = biases[0] + (along * positive_info.points[:, None]).sum(2)
        features = torch.cat([mask_feat.flatten(1), positions.T.to(mask_feat.dtype)])
        x = (filters @ features).unflatten(0, (n, -1)) + offset[..., None]
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            x = torch.baddbmm(bias[..., None], weight.reshape(n, -1, self.feat_channels), x.relu())
        logits = x.reshape(1, n, height, width)
        return (aligned_bilinear(logits, self.mask_feat_stride // self.mask_out_stride)[0],)

    def predict(
        self,
        x: tuple[Tensor, ...],
        batch_data_samples: list[Any],
        rescale: bool = False,
        results_list: list[InstanceData] | None = None,
        **kwargs: Any,
    ) -> list[InstanceData]:
        """As MMDetection's, but only for results whose final score reaches `score_thr`.

        MMDetection applies it before the score is multiplied by the centreness, and computes masks of what is below.
        """
        kept = [results[results.scores >= self.test_cfg.score_thr] for results in results_list or ()]
        return super().predict(x, batch_data_samples, rescale, kept, **kwargs)

    def _predict_by_feat_single(
        self, mask_preds: Tensor, bboxes: Tensor, img_meta: dict[str, Any], rescale: bool, cfg: Any = None
    ) -> Tensor:
        """As `masks_of_frame`, of logits; MMDetection calls it."""
        return self.masks_of_frame(mask_preds.sigmoid(), bboxes, img_meta, rescale, cfg)

    def masks_of_frame(
        self, soft: Tensor, bboxes: Tensor, img_meta: dict[str, Any], rescale: bool, cfg: Any = None
    ) -> Tensor:
        """Masks of one image at the frame's size (or the input's).

        Args:
            soft, bboxes, img_meta, rescale: as in `whole_frame_masks`.
            cfg: has `mask_thr`, the probability above which a pixel is the object's; the test config by default.

        Returns:
            (n, H, W) bool.
        """
        return whole_frame_masks(soft, bboxes, img_meta, rescale, self.mask_out_stride, (cfg or self.test_cfg).mask_thr)


def box_cells(boxes: Tensor, size: tuple[int, int], stride: int) -> Tensor:
    """The cells whose centre lies in each box, and for a box between centres the cell that holds its own.

    Args:
        boxes: (N, 4) xyxy, pixels.
        size: (h, w) cells.
        stride: pixels per cell.

    Returns:
        (N, h, w) bool, at least one cell true for a box in the frame.
    """
    inside = []
    for axis, cells in ((1, size[0]), (0, size[1])):
        low, high = boxes[:, axis, None] / stride, boxes[:, axis + 2, None] / stride
        cell = torch.arange(cells, device=boxes.device)
        middle = ((low + high) / 2).floor().clamp(max=cells - 1)
        inside.append((low <= cell + 0.5) & (cell + 0.5 < high) | (cell == middle))
    return inside[0][:, :, None] & inside[1][:, None, :]
