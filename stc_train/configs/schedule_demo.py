"""1000 steps of AdamW, from a random start."""

# ruff: noqa: C408
train_cfg = dict(type="IterBasedTrainLoop", max_iters=1000)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0),
    clip_grad=dict(max_norm=10.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=60),
    dict(type="CosineAnnealingLR", eta_min=1e-5, by_epoch=False, begin=60, end=1000),
]
