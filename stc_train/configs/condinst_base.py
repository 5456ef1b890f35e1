"""CondInst with FCOS (IV-C; Tian et al., ECCV 2020), fed by a store's maps. Not a full configuration: depth and
schedule are in the files that build on it."""
# ruff: noqa: C408
_base_ = ["store_base.py", "resnet50_base.py"]

model = dict(
    type="CondInst",
    data_preprocessor=dict(type="stc_train.PuzzlePreprocessor"),
    neck=dict(
        type="FPN", in_channels=[256, 512, 1024, 2048], out_channels=256, start_level=1, num_outs=5,
        add_extra_convs="on_output", relu_before_extra_convs=True),
    bbox_head=dict(
        type="stc_train.SparseBboxHead", num_params=593, num_classes=2, in_channels=256, stacked_convs=4,
        feat_channels=256, strides=[8, 16, 32, 64, 128], norm_on_bbox=True, centerness_on_reg=True,
        center_sampling=True, conv_bias=True,
        # MMDetection's, but each box begins one stride to every side. At 0 to rounding, where it clamps, half of the
        # sides begin below and get no gradient.
        init_cfg=dict(type="Normal", layer="Conv2d", std=0.01, override=[
            dict(type="Normal", name="conv_cls", std=0.01, bias_prob=0.01),
            dict(type="Normal", name="conv_reg", std=0.01, bias=1.0)]),
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

train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels", edges=True),
    # Shorter side 640 to 800, longer at most 1333; flips only (IV-D2).
    dict(type="RandomResize", scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.PackPseudoLabels", stride=4, meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
