"""BlendMask (Chen et al., CVPR 2020): 4 bases at a quarter of the input's size, attention 14 x 14, masks 56 x 56."""

# ruff: noqa: C408
_base_ = ["fcos_base.py"]

model = dict(
    type="stc_train.BlendMask",
    bbox_head=dict(type="stc_train.AttentionBboxHead", num_bases=4, attention_size=14),
    mask_head=dict(
        type="stc_train.BlendMaskHead",
        num_classes=2,
        in_channels=256,
        num_bases=4,
        attention_size=14,
        resolution=56,
        basis_stride=4,
        semantic_weight=0.3,
        basis_module=dict(in_channels=256, feat_channels=128, num_levels=3, num_convs=3),
    ),
)
