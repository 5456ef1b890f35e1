"""YOLACT's prototypes (Bolya et al., ICCV 2019) on pseudo-masks: padded batches, ignore regions, half precision."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.dense_heads import YOLACTProtonet
from mmengine.structures import InstanceData
from torch import Tensor

from stc_train.models.paste_masks import whole_frame_masks
from stc_train.models.semantic import UNKNOWN, masks_on_cells, semantic_targets
from stc_train.registry import MODELS


@MODELS.register_module()
class Protonet(YOLACTProtonet):
    """MMDetection's mask head of YOLACT, with three differences.

    Pictures of several sizes may be padded to one batch (MMDetection's takes the prototypes' edge for the picture's);
    the semantic loss leaves out what lies in ignored boxes; and the losses are computed in float32.
    """

    def forward(self, x: tuple[Tensor, ...], positive_infos: list[InstanceData]) -> tuple[list[Tensor], Tensor | None]:
        """Masks of each image, (h, w, n) probabilities; in training the semantic branch's logits (B, C, h/2, w/2)."""
        semantic = self.segm_branch(x[0]) if self.training and self.with_seg_branch else None
        prototypes = self.protonet(x[0]).permute(0, 2, 3, 1)
        with torch.autocast(prototypes.device.type, enabled=False):
            return [
                (prototype.float() @ info.coeffs.float().T).sigmoid()
                for prototype, info in zip(prototypes, positive_infos, strict=True)
            ], semantic

    def loss_by_feat(
        self,
        mask_preds: list[Tensor],
        segm_preds: Tensor | None,
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict[str, Any]],
        positive_infos: list[InstanceData],
        batch_gt_instances_ignore: list[InstanceData | None] | None = None,
        **kwargs: Any,
    ) -> dict[str, Tensor]:
        """`loss_mask`, cropped to the objects' boxes and divided by their areas; `loss_segm` with the semantic branch.

        Args:
            mask_preds, segm_preds: as `forward` gives them.
            batch_gt_instances: `bboxes`, `labels`, and `masks` of the picture's size or the padded input's.
            batch_img_metas: `batch_input_shape`, the padded input's.
            positive_infos: `pos_assigned_gt_inds` and `bboxes`, their objects' boxes.
            batch_gt_instances_ignore: `bboxes` that are neither objects nor background.
        """
        height, width = batch_img_metas[0]["batch_input_shape"]
        total, count = mask_preds[0].new_zeros(()), 0
        for soft, instances, info in zip(
            self.crop_mask_preds(mask_preds, batch_img_metas, positive_infos),
            batch_gt_instances,
            positive_infos,
            strict=True,
        ):
            chosen = torch.randperm(len(soft), device=soft.device)[: self.max_masks_to_train]
            count += len(chosen)
            total = total + soft.sum() * 0  # a gradient in every process, of no positives too
            if len(chosen):
                which = info.pos_assigned_gt_inds[chosen]
                targets = masks_on_cells(instances.masks, soft.shape[1:], height // soft.shape[1], soft.device)
                sides = (instances.bboxes[which, 2:] - instances.bboxes[which, :2]) / soft.new_tensor([width, height])
                loss = F.binary_cross_entropy(soft[chosen], targets[which].float(), reduction="none").mean((1, 2))
                total = total + (loss / sides.prod(1)).sum()
        losses = {"loss_mask": self.loss_mask_weight * total / max(count, 1)}
        if segm_preds is not None:
            losses["loss_segm"] = self._semantic_loss(
                segm_preds.float(), height, batch_gt_instances, batch_gt_instances_ignore or [None] * len(mask_preds)
            )
        return losses

    def _semantic_loss(
        self, logits: Tensor, height: int, batch_gt_instances: list[InstanceData], ignored: list[InstanceData | None]
    ) -> Tensor:
        """Binary cross-entropy of every class at every known cell, added over the classes."""
        size = logits.shape[-2:]
        classes = torch.stack(
            [
                semantic_targets(instances, regions, size, height // size[0], self.num_classes)
                for instances, regions in zip(batch_gt_instances, ignored, strict=True)
            ]
        )
        labelled = classes != UNKNOWN
        targets = F.one_hot(classes.clamp(max=self.num_classes), self.num_classes + 1)[..., :-1].movedim(-1, 1)
        return self.loss_segm(
            logits, targets, weight=labelled[:, None].expand_as(targets).float(), avg_factor=labelled.sum().clamp(min=1)
        )

    def crop_mask_preds(
        self, mask_preds: list[Tensor], batch_img_metas: list[dict[str, Any]], positive_infos: list[InstanceData]
    ) -> list[Tensor]:
        """Each image's masks (n, h, w), 0 outside their boxes; as MMDetection's, of the padded input."""
        padded = [meta | {"img_shape": meta["batch_input_shape"]} for meta in batch_img_metas]
        return super().crop_mask_preds(mask_preds, padded, positive_infos)

    def _predict_by_feat_single(
        self, mask_preds: Tensor, bboxes: Tensor, img_meta: dict[str, Any], rescale: bool, cfg: Any = None
    ) -> Tensor:
        """Masks at the frame's size, as `whole_frame_masks`; MMDetection calls it."""
        stride = img_meta["batch_input_shape"][0] / mask_preds.shape[1]
        return whole_frame_masks(mask_preds, bboxes, img_meta, rescale, stride, (cfg or self.test_cfg).mask_thr)
