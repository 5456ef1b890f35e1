"""A small BlendMask that learns from nothing on two CPU cores: half-width ResNet-18."""

# ruff: noqa: C408
_base_ = ["masks_demo.py", "blendmask_base.py", "schedule_demo.py"]

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
    mask_head=dict(
        in_channels=64, semantic_channels=64, basis_module=dict(in_channels=64, feat_channels=64, num_convs=2)
    ),
)
