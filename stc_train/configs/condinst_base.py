"""CondInst with FCOS (IV-C; Tian et al., ECCV 2020), fed by a store's maps. Not a full configuration: depth and
schedule are in the files that build on it."""

# ruff: noqa: C408
_base_ = ["store_base.py", "fcos_base.py"]

model = dict(
    type="CondInst",
    data_preprocessor=dict(type="stc_train.PuzzlePreprocessor"),
    bbox_head=dict(type="stc_train.SparseBboxHead", num_params=593),
    mask_head=dict(
        type="stc_train.PuzzleMaskHead",
        num_layers=3,
        feat_channels=16,
        size_of_interest=8,
        mask_out_stride=4,
        topk_masks_per_img=64,
        mask_feature_head=dict(
            in_channels=256,
            feat_channels=128,
            start_level=0,
            end_level=2,
            out_channels=16,
            mask_stride=8,
            num_stacked_convs=4,
            norm_cfg=dict(type="BN", requires_grad=True),
        ),
        loss_mask=dict(type="stc_train.PuzzleLoss", box_term="dice_penalty", boundary="bce"),
    ),
)

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
