"""A small CondInst that starts from ImageNet: EfficientNet-Lite0, whose weights the extra `pretrained` installs.

Learns from frames of half of KITTI's size, and predicts on larger ones: that finds more of what is small and far away,
at a price that only training would feel.
"""

# ruff: noqa: C408
_base_ = ["condinst_r18_demo.py"]

model = dict(
    # The backbone scales RGB of 0..255 itself.
    data_preprocessor=dict(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0]),
    backbone=dict(_delete_=True, type="stc_train.EfficientNetLite0", norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 192]),
)

train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels", edges=True),
    dict(type="Resize", scale=(640, 192), keep_ratio=False, interpolation="area"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.PackPseudoLabels", stride=4, meta_keys={{_base_.meta_keys}}),
]
test_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="Resize", scale=(832, 256), keep_ratio=False, interpolation="area"),
    dict(type="PackDetInputs", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
