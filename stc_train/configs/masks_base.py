"""Training on a store's instance pseudo-masks as MMDetection's `gt_masks`, as any of its segmenters can (Table IX)."""

# ruff: noqa: C408
_base_ = ["store_base.py"]

train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoMasks"),
    # Shorter side 640 to 800, longer at most 1333; flips only (IV-D2).
    dict(type="RandomResize", scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.IgnoreLostMasks"),
    dict(type="PackDetInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
