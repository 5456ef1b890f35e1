"""Assignment of anchors and proposals to objects that leaves alone what lies in ignore regions."""

from __future__ import annotations

from typing import Any

from mmdet.models.task_modules.assigners import AssignResult, MaxIoUAssigner
from mmdet.structures.bbox import bbox_overlaps
from mmengine.structures import InstanceData

from stc_train.registry import TASK_UTILS

UNASSIGNED = -1  # neither an object's nor background, as MMDetection numbers it


@TASK_UTILS.register_module()
class IgnoringAssigner(MaxIoUAssigner):
    """MMDetection's MaxIoUAssigner, whose background takes no part where it lies in an ignored box.

    MMDetection's own `ignore_iof_thr` also takes away the positives of an object that stands in an ignored box, and
    does nothing in a picture without objects.

    Args:
        ignored_share: share of a prior's area in one ignored box above which it is no background.
        kwargs: MMDetection's.
    """

    def __init__(self, ignored_share: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ignored_share = ignored_share

    def assign(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        gt_instances_ignore: InstanceData | None = None,
        **kwargs: Any,
    ) -> AssignResult:
        """As MMDetection's.

        Args:
            pred_instances: `priors` (n, 4) xyxy.
            gt_instances: `bboxes` (k, 4) and `labels` (k,).
            gt_instances_ignore: `bboxes` (m, 4), or None.

        Returns:
            `gt_inds` (n,): k + 1 for the k-th object, 0 for background, -1 for neither.
        """
        result = super().assign(pred_instances, gt_instances, **kwargs)
        priors = pred_instances.priors
        if gt_instances_ignore is not None and len(gt_instances_ignore.bboxes) and len(priors):
            share = bbox_overlaps(priors, gt_instances_ignore.bboxes, mode="iof").amax(1)
            result.gt_inds[(result.gt_inds == 0) & (share > self.ignored_share)] = UNASSIGNED
        return result
