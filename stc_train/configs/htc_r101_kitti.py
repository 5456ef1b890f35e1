"""HTC with ResNet-101 on masks of KITTI MOTS (Table IX)."""

# ruff: noqa: C408
_base_ = ["htc_r50_kitti.py"]

model = dict(backbone=dict(depth=101))
