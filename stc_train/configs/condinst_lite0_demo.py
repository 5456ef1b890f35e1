"""A small CondInst that starts from ImageNet: EfficientNet-Lite0, whose weights the extra `pretrained` installs."""

# ruff: noqa: C408
_base_ = ["condinst_r18_demo.py"]

model = dict(
    # The backbone scales RGB of 0..255 itself.
    data_preprocessor=dict(mean=[0.0, 0.0, 0.0], std=[1.0, 1.0, 1.0]),
    backbone=dict(_delete_=True, type="stc_train.EfficientNetLite0", norm_eval=True),
    neck=dict(in_channels=[24, 40, 112, 192]),
)
