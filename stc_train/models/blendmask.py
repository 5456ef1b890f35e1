"""BlendMask (Chen et al., CVPR 2020): FCOS, whose boxes come with attention maps that blend a few bases to a mask."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.ops import RoIAlign, roi_align
from mmdet.models.dense_heads.base_mask_head import BaseMaskHead
from mmdet.models.detectors.single_stage_instance_seg import SingleStageInstanceSegmentor
from mmdet.structures.bbox import bbox2roi
from mmdet.utils import reduce_mean
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from stc_train.models.condinst_box_head import SparseBboxHead
from stc_train.models.paste_masks import boxed_masks
from stc_train.models.semantic import MASKS_AT_ONCE, UNKNOWN, semantic_targets
from stc_train.registry import MODELS

Losses = dict[str, Tensor]


def blend(bases: Tensor, attention: Tensor) -> Tensor:
    """The blender (section 3.2): of every pixel the bases' mean, weighted by the instance's attention.

    Args:
        bases: (N, K, R, R), cropped to each instance's box, r_d in the paper.
        attention: (N, K, M, M), a_d; brought to R x R bilinearly and normalised over the K bases by a softmax.

    Returns:
        (N, R, R) logits m_d.
    """
    scores = F.interpolate(attention, bases.shape[-2:], mode="bilinear", align_corners=False).softmax(1)
    return (scores * bases).sum(1)


@MODELS.register_module()
class BlendMask(SingleStageInstanceSegmentor):
    """BlendMask as one of MMDetection's single-stage segmenters."""


@MODELS.register_module()
class AttentionBboxHead(SparseBboxHead):
    """FCOS with the top layer (section 3.1): one convolution on the box tower gives each location's attention maps.

    They come as `param_preds` (n, K * M * M).

    Args:
        num_bases: K.
        attention_size: M.
        kwargs: MMDetection's FCOSHead's; `loss_cls` is an `IgnoringFocalLoss`.
    """

    def __init__(self, *args: Any, num_bases: int = 4, attention_size: int = 14, **kwargs: Any) -> None:
        super().__init__(*args, num_params=num_bases * attention_size**2, **kwargs)

    def get_targets(self, points: list[Tensor], batch_gt_instances: list[InstanceData]) -> tuple[list[Tensor], ...]:
        """As FCOS's: sampled round the boxes' centres, where CondInst takes the masks'."""
        return super().get_targets(
            points, [InstanceData(bboxes=instances.bboxes, labels=instances.labels) for instances in batch_gt_instances]
        )


@MODELS.register_module()
class BasisModule(BaseModule):
    """The bottom module: bases of the whole picture, from some levels of the pyramid.

    The published variant on FPN features (ProtoNet's layout): each level through a convolution, added up at the first
    level's size; a tower; twice the size; K bases.

    Args:
        in_channels: of each level.
        feat_channels: within the module.
        num_levels: how many levels are used, from the finest on.
        num_convs: convolutions of the tower.
        num_bases: K.
        norm_cfg: MMDetection's.
    """

    def __init__(
        self,
        in_channels: int,
        feat_channels: int = 128,
        num_levels: int = 3,
        num_convs: int = 3,
        num_bases: int = 4,
        norm_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()

        def layer(channels: int) -> ConvModule:
            return ConvModule(channels, feat_channels, 3, padding=1, norm_cfg=norm_cfg or {"type": "BN"})

        self.refine = nn.ModuleList([layer(in_channels) for _ in range(num_levels)])
        self.tower = nn.Sequential(
            *[layer(feat_channels) for _ in range(num_convs)],
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            layer(feat_channels),
            nn.Conv2d(feat_channels, num_bases, 1),
        )

    def forward(self, levels: tuple[Tensor, ...]) -> Tensor:
        """Bases (B, K, 2h, 2w) of levels (B, C, h, w), (B, C, h/2, w/2), ..."""
        size = levels[0].shape[-2:]
        refined = [
            F.interpolate(layer(level), size, mode="bilinear", align_corners=False)
            for layer, level in zip(self.refine, levels, strict=False)
        ]
        return self.tower(torch.stack(refined).sum(0))


@MODELS.register_module()
class BlendMaskHead(BaseMaskHead):
    """Bottom module and blender, trained on `gt_masks`.

    Each location that FCOS assigns to an object gives a mask in the object's box, as in the paper; its binary
    cross-entropy counts by the location's centreness, as in the released code. An auxiliary semantic loss on the finest
    level helps the bases (section 4.1); it leaves out what lies in ignored boxes.

    Args:
        num_classes: of the semantic loss.
        basis_module: config of `BasisModule`.
        in_channels: of a level, for the semantic branch.
        semantic_channels: of the semantic branch.
        semantic_weight: of the semantic loss; 0 leaves the branch out.
        num_bases: K.
        attention_size: M.
        resolution: R, cells of a mask along each side of its box.
        basis_stride: pixels of the input per cell of the bases.
        train_cfg, test_cfg: MMDetection's; `mask_thr` is the probability above which a pixel is the object's.
    """

    def __init__(
        self,
        num_classes: int,
        basis_module: dict[str, Any],
        in_channels: int = 256,
        semantic_channels: int = 128,
        semantic_weight: float = 0.3,
        num_bases: int = 4,
        attention_size: int = 14,
        resolution: int = 56,
        basis_stride: int = 4,
        train_cfg: Any = None,
        test_cfg: Any = None,
    ) -> None:
        super().__init__()
        self.num_classes, self.semantic_weight, self.test_cfg = num_classes, semantic_weight, test_cfg
        self.attention_shape = (num_bases, attention_size, attention_size)
        self.resolution, self.basis_stride = resolution, basis_stride
        self.basis_module = MODELS.build({"type": "stc_train.BasisModule", "num_bases": num_bases} | basis_module)
        self.semantic = None
        if semantic_weight:
            self.semantic = nn.Sequential(
                ConvModule(in_channels, semantic_channels, 3, padding=1, norm_cfg={"type": "BN"}),
                ConvModule(semantic_channels, semantic_channels, 3, padding=1, norm_cfg={"type": "BN"}),
                nn.Conv2d(semantic_channels, num_classes + 1, 1),
            )
        # One sample per bin (section 3.2).
        self.pool = RoIAlign(resolution, spatial_scale=1 / basis_stride, sampling_ratio=1, aligned=True)

    def forward(self, x: tuple[Tensor, ...], positive_infos: list[InstanceData]) -> tuple[Tensor, Tensor | None]:
        """The bases (B, K, H, W), and in training the semantic branch's logits (B, classes + 1, h, w)."""
        return self.basis_module(x), self.semantic(x[0]) if self.training and self.semantic else None

    def mask_logits(self, bases: Tensor, boxes: list[Tensor], attention: Tensor, which: Tensor | None = None) -> Tensor:
        """Blend the masks of some boxes.

        Args:
            bases: (B, K, H, W).
            boxes: (n_i, 4) of each image, pixels of the input.
            attention: (N, K * M * M).
            which: (N,) the box of each mask, counted through all images; one each, if None.

        Returns:
            (N, R, R) logits.
        """
        with torch.autocast(bases.device.type, enabled=False):
            regions = self.pool(bases.float(), bbox2roi([of_image.float() for of_image in boxes]))
            return blend(
                regions if which is None else regions[which], attention.float().unflatten(1, self.attention_shape)
            )

    def loss_by_feat(
        self,
        bases: Tensor,
        semantic: Tensor | None,
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict[str, Any]],
        positive_infos: list[InstanceData],
        batch_gt_instances_ignore: list[InstanceData | None],
        **kwargs: Any,
    ) -> Losses:
        """`loss_mask`, and `loss_semantic` where there is the branch.

        Args:
            bases, semantic: as `forward` gives them.
            batch_gt_instances: `bboxes`, `labels`, and `masks` of the picture's size or the padded input's.
            batch_img_metas: not used.
            positive_infos: `param_preds`, `points` (n, 2) and `pos_assigned_gt_inds` (n,) of each image.
            batch_gt_instances_ignore: `bboxes` that are neither objects nor background.
        """
        boxes = [instances.bboxes for instances in batch_gt_instances]
        first = torch.tensor([0] + [len(of_image) for of_image in boxes[:-1]]).cumsum(0).tolist()
        which = torch.cat(
            [info.pos_assigned_gt_inds + start for info, start in zip(positive_infos, first, strict=True)]
        )
        logits = self.mask_logits(bases, boxes, torch.cat([info.param_preds for info in positive_infos]), which)
        targets = torch.cat([self._targets(instances) for instances in batch_gt_instances])[which]
        weight = centerness(torch.cat([info.points for info in positive_infos]), torch.cat(boxes)[which])
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean((1, 2))
        losses = {"loss_mask": (loss * weight).sum() / reduce_mean(weight.sum()).clamp(min=1e-6)}
        if semantic is not None:
            stride = batch_img_metas[0]["batch_input_shape"][0] // semantic.shape[2]
            classes = torch.stack(
                [
                    semantic_targets(instances, ignored, semantic.shape[-2:], stride, self.num_classes)
                    for instances, ignored in zip(batch_gt_instances, batch_gt_instances_ignore, strict=True)
                ]
            )
            labelled = (classes != UNKNOWN).sum().clamp(min=1)
            total = F.cross_entropy(semantic.float(), classes, ignore_index=UNKNOWN, reduction="sum")
            losses["loss_semantic"] = self.semantic_weight * total / labelled
        return losses

    def _targets(self, instances: InstanceData) -> Tensor:
        """Each object's mask in its box: (N, R, R) of 0 and 1."""
        boxes, side = instances.bboxes, self.resolution
        if not len(boxes):
            return boxes.new_zeros(0, side, side)
        cut = []
        for start in range(0, len(boxes), MASKS_AT_ONCE):
            part = slice(start, start + MASKS_AT_ONCE)
            masks = instances.masks[part].to_tensor(torch.float32, boxes.device)[:, None]
            rois = torch.cat([torch.arange(len(masks), device=boxes.device)[:, None], boxes[part]], 1)
            cut.append(roi_align(masks, rois, (side, side), 1.0, 0, "avg", True)[:, 0] >= 0.5)
        return torch.cat(cut).float()

    def predict_by_feat(
        self,
        bases: Tensor,
        semantic: None,
        batch_img_metas: list[dict[str, Any]],
        results_list: list[InstanceData],
        rescale: bool = False,
        **kwargs: Any,
    ) -> list[InstanceData]:
        """Add `masks` (n, H, W) bool to each image's results, in the boxes that FCOS found.

        Args:
            bases: as `forward` gives them.
            semantic: none.
            batch_img_metas: as `boxed_masks` takes them.
            results_list: `bboxes`, `param_preds`, `scores` and `labels`; the boxes are rescaled in place.
            rescale: to the original frame.
        """
        soft = self.mask_logits(
            bases,
            [results.bboxes for results in results_list],
            torch.cat([results.param_preds for results in results_list]),
        ).sigmoid()
        for results, masks, meta in zip(
            results_list, soft.split([len(instances) for instances in results_list]), batch_img_metas, strict=True
        ):
            results.masks = boxed_masks(masks, results.bboxes, meta, rescale, self.test_cfg.mask_thr)
        return results_list


def centerness(points: Tensor, boxes: Tensor) -> Tensor:
    """FCOS's centreness of points (N, 2) in boxes (N, 4): 1 in the middle, 0 at a side; (N,)."""
    sides = torch.stack([points - boxes[:, :2], boxes[:, 2:] - points]).clamp(min=0)  # 2 x N x (x, y)
    return (sides.amin(0) / sides.amax(0).clamp(min=1e-6)).prod(1).sqrt()
