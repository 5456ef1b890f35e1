"""CondInst with ResNet-50 on KITTI MOTS."""

_base_ = ["condinst_base.py", "schedule_kitti.py"]
