"""CondInst's box head, with less work and with regions where nothing is known."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.dense_heads import CondInstBboxHead
from mmdet.models.losses import FocalLoss
from mmengine.structures import InstanceData
from torch import Tensor, nn

from stc_train.registry import MODELS


class SparseController(nn.Conv2d):
    """The 3x3 convolution that writes each proposal's mask filters; in training only where there are proposals.

    It is the widest layer of the network (593 channels at every position of every level), and training reads it at a
    few hundred positions.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Filters everywhere, (B, P, H, W); in training `x` itself, for `at`."""
        return x if self.training else super().forward(x)

    def at(self, levels: list[Tensor], positions: Tensor) -> Tensor:
        """Filters at some positions of one image.

        Args:
            levels: (C, H, W) features of each level.
            positions: (n,) int64, row-major numbers counted on from level to level.

        Returns:
            (n, P), equal to the convolution there.
        """
        padded = torch.cat([F.pad(level, (1, 1, 1, 1)).flatten(1) for level in levels], 1)
        corners, steps, before = [], [], 0
        for level in levels:
            height, width = level.shape[1:]
            rows, columns = torch.arange(height, device=level.device), torch.arange(width, device=level.device)
            corners.append((before + rows[:, None] * (width + 2) + columns).flatten())
            steps.append(torch.full_like(corners[-1], width + 2))
            before += (height + 2) * (width + 2)
        corner, step = torch.cat(corners)[positions], torch.cat(steps)[positions]
        offset = torch.arange(9, device=corner.device)
        patches = padded[:, corner[:, None] + offset // 3 * step[:, None] + offset % 3]  # C x n x 9
        return F.linear(patches.transpose(0, 1).flatten(1), self.weight.flatten(1), self.bias)


@MODELS.register_module()
class SparseBboxHead(CondInstBboxHead):
    """CondInst's box head: the same results, filters only where they are used, ignore regions not background.

    Use it with `IgnoringFocalLoss`; MMDetection's head takes the inside of ignore regions for background.
    """

    def _init_layers(self) -> None:
        super()._init_layers()
        with torch.random.fork_rng(devices=()):  # a seed gives all layers the weights that it gives MMDetection's head
            self.controller = SparseController(self.feat_channels, self.num_params, 3, padding=1)

    def loss_by_feat(
        self,
        cls_scores: list[Tensor],
        bbox_preds: list[Tensor],
        centernesses: list[Tensor],
        param_preds: list[Tensor],
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict[str, Any]],
        batch_gt_instances_ignore: list[InstanceData | None] | None = None,
    ) -> dict[str, Tensor]:
        """As MMDetection's."""
        self._ignored = [regions.bboxes if regions is not None else () for regions in batch_gt_instances_ignore or ()]
        return super().loss_by_feat(
            cls_scores, bbox_preds, centernesses, param_preds, batch_gt_instances, batch_img_metas
        )

    def get_targets(self, points: list[Tensor], batch_gt_instances: list[InstanceData]) -> tuple[list[Tensor], ...]:
        """As MMDetection's, but background inside an ignore region gets the label `num_classes + 1`."""
        labels, *rest = super().get_targets(points, batch_gt_instances)
        for image, boxes in enumerate(self._ignored):
            if len(boxes):
                for level, level_labels in zip(points, labels, strict=True):
                    inside = ((level[:, None] > boxes[:, :2]) & (level[:, None] < boxes[:, 2:])).all(2).any(1)
                    of_image = level_labels.view(-1, len(level))[image]
                    of_image[inside & (of_image == self.num_classes)] += 1
        return labels, *rest

    def _get_targets_single(
        self, gt_instances: InstanceData, points: Tensor, regress_ranges: Tensor, num_points_per_lvl: list[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As MMDetection's, but around the pseudo-masks' centres, if `gt_instances` has `centers` (N, 2).

        The centre of a half-hidden object's box often lies on what hides it. MMDetection does the same with true
        masks.
        """
        if not len(gt_instances) or "centers" not in gt_instances or not self.center_sampling:
            return super()._get_targets_single(gt_instances, points, regress_ranges, num_points_per_lvl)
        boxes, centers = gt_instances.bboxes, gt_instances.centers
        distances = torch.cat([points[:, None] - boxes[:, :2], boxes[:, 2:] - points[:, None]], 2)  # P x N x 4
        reach = torch.cat(
            [
                points.new_full((count,), stride * self.center_sample_radius)
                for stride, count in zip(self.strides, num_points_per_lvl, strict=True)
            ]
        )
        near = ((points[:, None] - centers).abs() < reach[:, None, None]).all(2)
        farthest = distances.amax(2)
        fits = (farthest >= regress_ranges[:, :1]) & (farthest <= regress_ranges[:, 1:])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        areas = torch.where(near & fits & (distances.amin(2) > 0), areas, torch.inf)
        least, instances = areas.min(1)
        assigned = least.isfinite()
        labels = torch.where(assigned, gt_instances.labels[instances], self.num_classes)
        targets = distances.gather(1, instances[:, None, None].expand(-1, 1, 4))[:, 0]
        positive = assigned.nonzero()[:, 0]
        return labels, targets, positive, instances[positive]

    def get_positive_infos(self) -> list[InstanceData]:
        """As MMDetection's, with the filters computed here."""
        raw = self._raw_positive_infos
        features = raw["param_preds"]
        scores, centernesses = (
            torch.cat([level.flatten(2) for level in raw[name]], 2).transpose(1, 2)
            for name in ("cls_scores", "centernesses")
        )
        points, strides = torch.cat(raw["all_level_points"]), torch.cat(raw["all_level_strides"])
        return [
            InstanceData(
                points=points[positions],
                strides=strides[positions],
                scores=scores[image][positions],
                centernesses=centernesses[image][positions],
                param_preds=self.controller.at([level[image] for level in features], positions),
                pos_assigned_gt_inds=instances,
                pos_inds=positions,
            )
            for image, (positions, instances) in enumerate(
                zip(raw["pos_inds_list"], raw["pos_gt_inds_list"], strict=True)
            )
        ]


@MODELS.register_module()
class IgnoringFocalLoss(FocalLoss):
    """Focal loss on class labels in which a label above the number of classes takes no part.

    Args:
        other_class_weight: of `not of this class` at a location that is labelled with another class. Below 1 a wrong
            label pulls the true class down less than it pulls itself up: the cross entropy for wrong labels, positives
            strong and negatives weak, of the end of III-B2.
        kwargs: MMDetection's.
    """

    def __init__(self, other_class_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.other_class_weight = other_class_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: Any = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """As MMDetection's, for `pred` (N, C) and `target` (N,)."""
        classes = pred.shape[1]
        counted = (target <= classes).to(pred.dtype)
        weight = counted if weight is None else counted * weight
        if self.other_class_weight != 1:
            other = (target < classes)[:, None] & (target[:, None] != torch.arange(classes, device=target.device))
            weight = weight[:, None] * torch.where(other, self.other_class_weight, 1.0).to(pred.dtype)
        return super().forward(pred, target.clamp(max=classes), weight, avg_factor, reduction_override)
