"""CondInst with ResNet-50 on KITTI MOTS as printed (III-B2, IV-C, IV-D2): L_bd of Eq. 4 on M and L'_dice of Eq. 5,
locations around the boxes' centres, new layers initialised as in FCOS. Trains on labels of
`stc-pseudo build --preset paper`."""

# ruff: noqa: C408
_base_ = ["condinst_r50_kitti.py"]

preset = "paper"
labels = "mask"
model = dict(
    bbox_head=dict(
        init_cfg=dict(
            _delete_=True,
            type="Normal",
            layer="Conv2d",
            std=0.01,
            override=dict(type="Normal", name="conv_cls", std=0.01, bias_prob=0.01),
        )
    ),
    mask_head=dict(loss_mask=dict(box_term="dice_penalty", boundary="pixel", area="frame")),
)
train_pipeline = [
    dict(type="stc_train.LoadFrame"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels"),
    # Shorter side 640 to 800, longer at most 1333; flips only (IV-D2).
    dict(type="RandomResize", scale=[(1333, 640), (1333, 800)], keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="stc_train.PackPseudoLabels", stride=4, centers="box", meta_keys={{_base_.meta_keys}}),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
