"""As `masks_base`, with frames at 0.43 of KITTI's size, two at a time."""

# ruff: noqa: C408
_base_ = ["masks_base.py"]

resize = dict(type="Resize", scale=(544, 160), keep_ratio=False, interpolation="area")
train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoMasks"),
    resize,
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.IgnoreLostMasks"),
    dict(type="PackDetInputs", meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [dict(type="stc_train.LoadFrame"), resize, dict(type="PackDetInputs", meta_keys={{_base_.meta_keys}})]
train_dataloader = dict(batch_size=2, num_workers=1, dataset=dict(pipeline=train_pipeline))
