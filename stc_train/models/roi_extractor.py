"""Features of boxes, cut out where the boxes are: half precision has no digits for positions of a thousand pixels."""

from __future__ import annotations

import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor

from stc_train.registry import MODELS


@MODELS.register_module()
class PreciseRoIExtractor(SingleRoIExtractor):
    """MMDetection's SingleRoIExtractor in float32; MMDetection's rounds the boxes to the features' number format."""

    def forward(self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        """Features (K, C, h, w) of boxes (K, 5): position in the batch, then xyxy in pixels."""
        with torch.autocast(rois.device.type, enabled=False):
            return super().forward(tuple(level.float() for level in feats), rois.float(), roi_scale_factor)
