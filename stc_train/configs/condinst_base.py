"""CondInst with FCOS (IV-C; Tian et al., ECCV 2020), fed by a store, on the paper's optimiser. Not a full
configuration: depth and schedule are in the files that build on it. `stc-train` fills in the store and the number
of classes."""
# ruff: noqa: C408
custom_imports = dict(imports=["stc_train.parts"], allow_failed_imports=False)
default_scope = "mmdet"

model = dict(
    type="CondInst",
    data_preprocessor=dict(
        type="stc_train.PuzzlePreprocessor",
        # Of ImageNet, RGB; `LoadFrame` reads RGB.
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], pad_size_divisor=32),
    backbone=dict(
        type="ResNet", depth=50, num_stages=4, out_indices=(0, 1, 2, 3), frozen_stages=1, norm_eval=True,
        norm_cfg=dict(type="BN", requires_grad=True), style="pytorch", init_cfg=None),
    neck=dict(
        type="FPN", in_channels=[256, 512, 1024, 2048], out_channels=256, start_level=1, num_outs=5,
        add_extra_convs="on_output", relu_before_extra_convs=True),
    bbox_head=dict(
        type="stc_train.SparseBboxHead", num_params=593, num_classes=2, in_channels=256, stacked_convs=4,
        feat_channels=256, strides=[8, 16, 32, 64, 128], norm_on_bbox=True, centerness_on_reg=True,
        center_sampling=True, conv_bias=True,
        loss_cls=dict(type="stc_train.IgnoringFocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type="GIoULoss", loss_weight=1.0),
        loss_centerness=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0)),
    mask_head=dict(
        type="stc_train.PuzzleMaskHead", num_layers=3, feat_channels=16, size_of_interest=8, mask_out_stride=4,
        topk_masks_per_img=64,
        mask_feature_head=dict(
            in_channels=256, feat_channels=128, start_level=0, end_level=2, out_channels=16, mask_stride=8,
            num_stacked_convs=4, norm_cfg=dict(type="BN", requires_grad=True)),
        loss_mask=dict(type="stc_train.PuzzleLoss", box_term="dice_penalty", boundary="bce")),
    test_cfg=dict(nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type="nms", iou_threshold=0.6),
                  max_per_img=100, mask_thr=0.5))

meta_keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")
train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels", edges=True),
    # Shorter side 640 to 800, longer at most 1333; flips only (IV-D2).
    dict(type="RandomResize", scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.PackPseudoLabels", stride=4, meta_keys=meta_keys),
]
test_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="Resize", scale=(1333, 800), keep_ratio=True),
    dict(type="PackDetInputs", meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True, sampler=dict(type="stc_train.NumberedSampler", shuffle=True),
    dataset=dict(type="stc_train.StoreDataset", store=None, sequences=None, pipeline=train_pipeline))

# Weight decay, but not on norms (IV-D2).
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=1e-4, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0))

default_hooks = dict(
    runtime_info=dict(type="RuntimeInfoHook"),
    timer=dict(type="IterTimerHook"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    logger=dict(type="LoggerHook", interval=20),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=500, max_keep_ckpts=2))
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
