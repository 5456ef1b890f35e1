"""What the shipped configs promise of the networks that they describe."""

from pathlib import Path

import pytest
import torch

from stc_train import configs

SHIPPED = sorted(file.stem for file in Path(configs.__file__).parent.glob("*_[rl]*[0-9]_*.py"))


@pytest.mark.parametrize(
    "name", [name for name in SHIPPED if name.startswith(("condinst", "blendmask")) and not name.endswith("_paper")]
)
def test_the_sides_of_boxes_learn_from_the_start(name):
    """FCOS clamps the sides at 0, and passes no gradient below: each begins one stride from its location."""
    from mmdet.utils import register_all_modules

    from stc_train.engine.train import load_config
    from stc_train.registry import MODELS

    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    head = MODELS.build(load_config(name).model.bbox_head)
    head.init_weights()
    levels = tuple(torch.randn(1, head.in_channels, 4, 8) for _ in head.strides)
    boxes = torch.cat([level.flatten() for level in head(levels)[1]])
    assert (boxes > 0).float().mean() > 0.95  # half of them, from a bias of 0
    assert boxes.mean().item() == pytest.approx(1, abs=0.25)
    # The scores begin low and the rest around 0, as MMDetection's.
    assert head.conv_cls.bias.mean().item() == pytest.approx(-4.595, abs=1e-3)
    assert head.conv_cls.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert head.controller.bias.abs().max() == 0


@pytest.mark.parametrize(
    ("name", "depth", "steps", "decay"),
    [
        pytest.param("condinst_r50_kitti_paper", 50, 10_000, 5_000, id="R-50 KITTI"),
        pytest.param("condinst_r101_kitti_paper", 101, 10_000, 5_000, id="R-101 KITTI"),
        pytest.param("condinst_r50_ytvis_paper", 50, 80_000, 30_000, id="R-50 YouTube-VIS"),
    ],
)
def test_the_paper_s_configs_are_iv_c_and_iv_d_to_the_letter(name, depth, steps, decay):
    from stc_train.engine.train import load_config
    from stc_train.registry import MODELS

    config = load_config(name)
    head, optimiser = config.model.mask_head, config.optim_wrapper
    assert (config.preset, config.labels, config.model.backbone.depth) == ("paper", "mask", depth)
    assert (head.num_layers, head.feat_channels, head.mask_out_stride, head.topk_masks_per_img) == (3, 16, 4, 64)
    assert (head.loss_mask.box_term, head.loss_mask.boundary, head.loss_mask.area) == ("dice_penalty", "pixel", "frame")
    assert (optimiser.optimizer.lr, optimiser.optimizer.momentum, optimiser.optimizer.weight_decay) == (1e-4, 0.9, 1e-4)
    assert optimiser.paramwise_cfg.norm_decay_mult == 0
    assert (config.train_dataloader.batch_size, config.train_cfg.max_iters) == (8, steps)
    warm_up, fall = config.param_scheduler
    assert (warm_up.begin, warm_up.end, warm_up.convert_to_iter_based, warm_up.start_factor) == (0, 1, True, 1e-6)
    assert (fall.begin, fall.end) == (decay, steps)
    assert 1e-4 * fall.gamma ** (steps - decay) == pytest.approx(2e-5)
    steps_of = config.train_dataloader.dataset.pipeline
    assert [step.type.rpartition(".")[2] for step in steps_of] == [
        "LoadFrame", "LoadAnnotations", "LoadPseudoLabels", "RandomResize", "RandomFlip", "PackPseudoLabels",
    ]  # fmt: skip
    assert steps_of[3].scale == [(1333, 640), (1333, 800)]
    assert steps_of[5].centers == "box"
    box_head = MODELS.build(config.model.bbox_head)
    box_head.init_weights()
    assert box_head.conv_reg.bias.abs().max() == 0  # as in FCOS


@pytest.mark.parametrize("network", ["yolact", "blendmask", "htc"])
@pytest.mark.parametrize("data", ["ytvis", "kitti"])
def test_table_ix_s_networks_have_a_deeper_backbone(network, data):
    from stc_train.engine.train import load_config

    deep, shallow = (load_config(f"{network}_r{depth}_{data}") for depth in (101, 50))
    assert (deep.model.backbone.depth, shallow.model.backbone.depth) == (101, 50)
    shallow.model.backbone.depth = 101
    assert deep.to_dict() == shallow.to_dict()
