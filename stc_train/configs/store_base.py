"""What every training on a store shares: frames, sizes, hooks and log. No model, no schedule, and no training pipeline:
those are in the files that build on it. `stc-train` fills in the store and the number of classes."""

# ruff: noqa: C408
custom_imports = dict(imports=["stc_train.registry"], allow_failed_imports=False)
default_scope = "mmdet"

meta_keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")
test_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="Resize", scale=(1333, 800), keep_ratio=True),
    dict(type="PackDetInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="stc_train.NumberedSampler", shuffle=True),
    dataset=dict(type="stc_train.StoreDataset", store=None, sequences=None),
)

default_hooks = dict(
    runtime_info=dict(type="RuntimeInfoHook"),
    timer=dict(type="IterTimerHook"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    logger=dict(type="LoggerHook", interval=20),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=500, max_keep_ckpts=2),
)
custom_hooks = [
    dict(type="stc_train.StopAtNaN"),
    dict(type="stc_train.Throughput"),
    dict(type="stc_train.ExportModel", interval=500),
    dict(type="stc_train.StepRandomness"),
]
vis_backends = [dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")]
visualizer = dict(type="DetLocalVisualizer", vis_backends=vis_backends)
log_processor = dict(by_epoch=False, window_size=20)
env_cfg = dict(mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0), dist_cfg=dict(backend="nccl"))
