"""CondInst with ResNet-50 on YouTube-VIS."""

_base_ = ["condinst_base.py", "schedule_ytvis.py"]
