"""ResNet-101 on KITTI MOTS as printed; everything else as with ResNet-50."""

# ruff: noqa: C408
_base_ = ["condinst_r50_kitti_paper.py"]

model = dict(backbone=dict(depth=101))
