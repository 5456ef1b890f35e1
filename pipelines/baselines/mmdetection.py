"""MMDetection's CondInst and BoxInst with the layers of our CondInst."""

from __future__ import annotations

import copy
from typing import Any

DICE = {"type": "DiceLoss", "use_sigmoid": True, "activate": True, "eps": 5e-6, "loss_weight": 1.0}
THEIR_HEADS = {
    "condinst": ("CondInstBboxHead", "CondInstMaskHead", "DetDataPreprocessor"),
    "boxinst": ("BoxInstBboxHead", "BoxInstMaskHead", "BoxInstDataPreprocessor"),
}


def mmdetection_model(ours: dict[str, Any], kind: str) -> dict[str, Any]:
    """Turn our CondInst's config into MMDetection's CondInst (true masks) or BoxInst (boxes and colour).

    Args:
        ours: `model` of one of our configs; not changed.
        kind: `condinst` or `boxinst`.

    Returns:
        the config of a detector of the same layers, whose state dict has the same keys.
    """
    theirs = copy.deepcopy(ours)
    parts = (theirs["bbox_head"], theirs["mask_head"], theirs["data_preprocessor"])
    for part, name in zip(parts, THEIR_HEADS[kind], strict=True):
        part["type"] = name
    theirs["type"] = {"condinst": "CondInst", "boxinst": "BoxInst"}[kind]
    theirs["bbox_head"]["loss_cls"]["type"] = "FocalLoss"
    theirs["mask_head"]["loss_mask"] = dict(DICE)
    return theirs
