"""BlendMask (Chen et al., CVPR 2020): 4 bases at a quarter of the input's size, attention 14 x 14, masks 56 x 56."""
# ruff: noqa: C408
_base_ = ["resnet50_base.py"]

model = dict(
    type="stc_train.BlendMask",
    neck=dict(
        type="FPN", in_channels=[256, 512, 1024, 2048], out_channels=256, start_level=1, num_outs=5,
        add_extra_convs="on_output", relu_before_extra_convs=True),
    bbox_head=dict(
        type="stc_train.AttentionBboxHead", num_bases=4, attention_size=14, num_classes=2, in_channels=256,
        stacked_convs=4, feat_channels=256, strides=[8, 16, 32, 64, 128], norm_on_bbox=True, centerness_on_reg=True,
        center_sampling=True, conv_bias=True,
        loss_cls=dict(type="stc_train.IgnoringFocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type="GIoULoss", loss_weight=1.0),
        loss_centerness=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0)),
    mask_head=dict(
        type="stc_train.BlendMaskHead", num_classes=2, in_channels=256, num_bases=4, attention_size=14, resolution=56,
        basis_stride=4, semantic_weight=0.3,
        basis_module=dict(in_channels=256, feat_channels=128, num_levels=3, num_convs=3)),
    test_cfg=dict(nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=dict(type="nms", iou_threshold=0.6),
                  max_per_img=100, mask_thr=0.5))
