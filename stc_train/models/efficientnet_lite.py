"""EfficientNet-Lite0 as a segmenter's backbone, for its ImageNet weights come in a package."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from stc_pseudo.nn.efficientnet_lite import EfficientNetLite0
from stc_train.registry import MODELS


@MODELS.register_module(name="EfficientNetLite0")
class EfficientNetLite0Backbone(BaseModule):
    """The network without its classifier. It takes RGB of 0..255: a config's preprocessor has mean 0 and deviation 1.

    Args:
        norm_eval: keep the statistics of batch norms as they were loaded; with few frames a step, their own are noisy.
        init_cfg: none; `--init-backbone` brings weights.
    """

    def __init__(self, norm_eval: bool = True, init_cfg: None = None) -> None:
        super().__init__(init_cfg)
        self.norm_eval = norm_eval
        self.network = EfficientNetLite0(classifier=False)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) to features of strides 4, 8, 16 and 32: 24, 40, 112 and 192 channels."""
        return tuple(self.network.features(rgb)[1:])

    def train(self, mode: bool = True) -> EfficientNetLite0Backbone:
        """As torch's, but batch norms stay in evaluation mode under `norm_eval`."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self
