"""HTC with ResNet-101 on masks of YouTube-VIS (Table IX)."""

# ruff: noqa: C408
_base_ = ["htc_r50_ytvis.py"]

model = dict(backbone=dict(depth=101))
