"""The paper's schedule on KITTI MOTS (IV-D2): 10,000 steps of 8 frames; the learning rate rises from 0 to 1e-4 over the
first epoch and from step 5,000 falls exponentially to 2e-5."""

# ruff: noqa: C408
# Weight decay, but not on norms (IV-D2).
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=1e-4, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)

train_cfg = dict(type="IterBasedTrainLoop", max_iters=10_000)
param_scheduler = [
    # MMEngine multiplies its way up, so it cannot start from 0 itself.
    dict(type="LinearLR", start_factor=1e-6, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="ExponentialLR", gamma=(2e-5 / 1e-4) ** (1 / 5000), by_epoch=False, begin=5000, end=10_000),
]
