"""ResNet-50 and what it expects of a frame; heads and neck are in the files that build on it."""

# ruff: noqa: C408
model = dict(
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        # Of ImageNet, RGB; `LoadFrame` reads RGB.
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        pad_size_divisor=32,
        pad_mask=True,  # heads that bring the masks to the input's grid would stretch them over the padding
    ),
    backbone=dict(
        type="ResNet",
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_eval=True,
        norm_cfg=dict(type="BN", requires_grad=True),
        style="pytorch",
        init_cfg=None,
    ),
)
