"""YOLACT with ResNet-50 on pseudo-masks of YouTube-VIS (Table IX)."""

_base_ = ["masks_base.py", "yolact_base.py", "schedule_ytvis.py"]
