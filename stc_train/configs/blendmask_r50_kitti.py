"""BlendMask with ResNet-50 on pseudo-masks of KITTI MOTS (Table IX)."""

_base_ = ["masks_base.py", "blendmask_base.py", "schedule_kitti.py"]
