"""What the shipped configs promise of the networks that they describe."""

from pathlib import Path

import pytest
import torch

from stc_train import configs

SHIPPED = sorted(file.stem for file in Path(configs.__file__).parent.glob("*_[rl]*[0-9]_*.py"))


@pytest.mark.parametrize("name", [name for name in SHIPPED if name.startswith(("condinst", "blendmask"))])
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
