"""A small CondInst that learns from nothing on two CPU cores in minutes: half-width ResNet-18, frames at 0.43 of
KITTI's size."""

# ruff: noqa: C408
_base_ = ["condinst_base.py", "schedule_demo.py"]

model = dict(
    backbone=dict(depth=18, stem_channels=32, base_channels=32, frozen_stages=-1, norm_eval=False),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64, num_outs=4),
    bbox_head=dict(
        in_channels=64,
        stacked_convs=2,
        feat_channels=64,
        strides=[8, 16, 32, 64],
        regress_ranges=((-1, 64), (64, 128), (128, 256), (256, 1e8)),
    ),
    mask_head=dict(mask_feature_head=dict(in_channels=64, feat_channels=64, num_stacked_convs=2)),
)

train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels", edges=True),
    dict(type="Resize", scale=(544, 160), keep_ratio=False, interpolation="area"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.PackPseudoLabels", stride=4, meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="Resize", scale=(544, 160), keep_ratio=False, interpolation="area"),
    dict(type="PackDetInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(batch_size=2, num_workers=1, dataset=dict(pipeline=train_pipeline))
