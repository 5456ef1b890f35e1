"""CondInst with ResNet-50 on YouTube-VIS as printed: as on KITTI MOTS, with 80,000 steps, decay from step 30,000."""

# ruff: noqa: C408
_base_ = ["condinst_r50_kitti_paper.py"]

train_cfg = dict(type="IterBasedTrainLoop", max_iters=80_000)
param_scheduler = [
    # MMEngine multiplies its way up, so it cannot start from 0 itself.
    dict(type="LinearLR", start_factor=1e-6, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="ExponentialLR", gamma=(2e-5 / 1e-4) ** (1 / 50_000), by_epoch=False, begin=30_000, end=80_000),
]
