"""Monodepth2's networks (Godard et al., ICCV 2019, section 3 and appendix), with the published checkpoints' key names.

`encoder.*` and `depth.*` of `Monodepth2` are the contents of the published `encoder.pth` and `depth.pth`; those of
`PoseNetwork` are `pose_encoder.pth` and `pose.pth`.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from stc_pseudo.nn.efficientnet_lite import LITE0, EfficientNetLite0

# Depth lies between these, in units of the training's baseline / 0.1 (see `stc_pseudo.depth.training.trainer`).
MIN_DEPTH, MAX_DEPTH = 0.1, 100.0
SCALES = 4
DECODER_CHANNELS = (16, 32, 64, 128, 256)
# Axis-angle (radians) and translation start near rest.
POSE_SCALE = 0.01
# Block and blocks per stage (He et al., CVPR 2016, Table 1).
RESNETS = {"resnet18": (BasicBlock, (2, 2, 2, 2)), "resnet50": (Bottleneck, (3, 4, 6, 3))}
ENCODERS = (*RESNETS, LITE0)
# The sigmoid at a depth of two units (10.8 m on KITTI): from a random start, views already overlap when warped.
# Monodepth2 starts at 0.5, a depth of 0.2 units, and counts on ImageNet weights to get away from there.
INITIAL_SIGMOID = 0.05


def scaled_disparity(sigmoid: Tensor) -> Tensor:
    """Inverse depth of the decoder's output: 0..1 onto `1 / MAX_DEPTH .. 1 / MIN_DEPTH` (Monodepth2, section 4)."""
    return 1 / MAX_DEPTH + (1 / MIN_DEPTH - 1 / MAX_DEPTH) * sigmoid


class ResnetTrunk(nn.Module):
    """A ResNet without its classifier, any width.

    Args:
        name: `resnet18` or `resnet50`.
        channel_width: factor on every channel count; 1.0 is He et al.'s.
        in_channels: of the input.
    """

    def __init__(self, name: str, channel_width: float, in_channels: int = 3) -> None:
        super().__init__()
        block, repeats = RESNETS[name]
        base = round(64 * channel_width)
        self.conv1 = nn.Conv2d(in_channels, base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.channels = [base]
        for stage, count in enumerate(repeats):
            planes, stride = base * 2**stage, 1 if stage == 0 else 2
            blocks = []
            for position in range(count):
                before = planes * block.expansion if position else self.channels[-1]
                blocks.append(_residual_block(block, before, planes, 1 if position else stride))
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            self.channels.append(planes * block.expansion)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) to five maps of 1/2, 1/4, 1/8, 1/16, 1/32 of the size, `channels` deep."""
        features = [F.relu(self.bn1(self.conv1(x)))]
        x = F.max_pool2d(features[0], 3, stride=2, padding=1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            features.append(x)
        return features


def _residual_block(block: type, before: int, planes: int, stride: int) -> nn.Module:
    after = planes * block.expansion
    downsample = None
    if stride != 1 or before != after:
        downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
    return block(before, planes, stride, downsample)


class ResnetEncoder(nn.Module):
    """Normalises frames of 0..1 as Monodepth2 does, and runs the trunk; several frames are stacked as channels."""

    def __init__(self, name: str, channel_width: float = 1.0, frames: int = 1) -> None:
        super().__init__()
        self.encoder = ResnetTrunk(name, channel_width, 3 * frames)

    @property
    def channels(self) -> list[int]:
        """Depth of the five feature maps."""
        return self.encoder.channels

    def forward(self, frames: Tensor) -> list[Tensor]:
        """(B, 3 * frames, H, W) in 0..1 to the trunk's five maps."""
        return self.encoder((frames - 0.45) / 0.225)


def _reflected_conv(before: int, after: int) -> nn.Sequential:
    """A 3x3 convolution with reflected borders, under the key that the published files use."""
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(before, after, 3, padding=1, padding_mode="reflect")))


def _conv_block(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=_reflected_conv(before, after), elu=nn.ELU(inplace=True)))


class LiteEncoder(nn.Module):
    """EfficientNet-Lite0's features, whose ImageNet weights a package ships."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EfficientNetLite0(classifier=False)
        self.channels = list(EfficientNetLite0.channels)

    def forward(self, frames: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in 0..1 to five maps of 1/2, 1/4, 1/8, 1/16, 1/32 of the size."""
        return self.encoder.features(255 * frames)


def make_encoder(name: str, channel_width: float = 1.0) -> ResnetEncoder | LiteEncoder:
    """Return the encoder of one of `ENCODERS`; EfficientNet-Lite0 knows one width.

    Raises:
        ValueError: a width other than 1 for EfficientNet-Lite0.
    """
    if name != LITE0:
        return ResnetEncoder(name, channel_width)
    if channel_width != 1:
        raise ValueError(f"channel_width: expected 1 for {LITE0}, found {channel_width}")
    return LiteEncoder()


class DepthDecoder(nn.Module):
    """The disparity decoder: five rounds of upsampling with skips, four outputs."""

    def __init__(self, encoder_channels: list[int], channel_width: float = 1.0) -> None:
        super().__init__()
        channels = [round(count * channel_width) for count in DECODER_CHANNELS]
        blocks, before = [], encoder_channels[-1]
        for level in (4, 3, 2, 1, 0):
            skip = encoder_channels[level - 1] if level else 0
            blocks += [_conv_block(before, channels[level]), _conv_block(channels[level] + skip, channels[level])]
            before = channels[level]
        heads = [_reflected_conv(channels[scale], 1) for scale in range(SCALES)]
        for head in heads:
            nn.init.constant_(head.conv.bias, torch.tensor(INITIAL_SIGMOID).logit())
        self.decoder = nn.ModuleList(blocks + heads)

    def forward(self, features: list[Tensor], scales: int = SCALES) -> list[Tensor]:
        """Decode the encoder's five maps.

        Args:
            features: (B, C, H / 2**k, W / 2**k) for k = 1..5.
            scales: how many outputs, finest first.

        Returns:
            for scale s, (B, 1, H / 2**s, W / 2**s) in 0..1, larger is nearer; see `scaled_disparity`.
        """
        outputs, x = [], features[-1]
        for level in (4, 3, 2, 1, 0):
            reduce, merge = self.decoder[2 * (4 - level)], self.decoder[2 * (4 - level) + 1]
            x = F.interpolate(reduce(x), scale_factor=2, mode="nearest")
            x = merge(torch.cat([x, features[level - 1]], 1) if level else x)
            if level < scales:
                # In half precision, far depths would differ by single steps.
                outputs.append(torch.sigmoid(self.decoder[10 + level](x).float()))
        return outputs[::-1]


class PoseDecoder(nn.Module):
    """Reads a pose off the last feature map of two stacked frames."""

    def __init__(self, encoder_channels: list[int], channel_width: float = 1.0) -> None:
        super().__init__()
        hidden = round(256 * channel_width)
        self.net = nn.ModuleList(
            [
                nn.Conv2d(encoder_channels[-1], hidden, 1),
                nn.Conv2d(hidden, hidden, 3, padding=1),
                nn.Conv2d(hidden, hidden, 3, padding=1),
                nn.Conv2d(hidden, 12, 1),  # the published files hold two poses; only the first was ever trained
            ]
        )

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return axis-angle (B, 3) in radians and translation (B, 3) in depth units."""
        x = features[-1]
        for layer in self.net[:-1]:
            x = F.relu(layer(x))
        pose = POSE_SCALE * self.net[-1](x).mean((2, 3))
        return pose[:, :3], pose[:, 3:6]


class Monodepth2(nn.Module):
    """Depth from one frame: the part that is kept after training.

    Args:
        encoder: one of `ENCODERS`.
        channel_width: factor on every channel count; 1.0 is the published one, and the only one of EfficientNet-Lite0.
    """

    def __init__(self, encoder: str = "resnet18", channel_width: float = 1.0) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, channel_width)
        self.depth = DepthDecoder(self.encoder.channels, channel_width)

    def forward(self, frames: Tensor, scales: int = SCALES) -> list[Tensor]:
        """Inverse depth of frames.

        Args:
            frames: (B, 3, H, W) in 0..1, H and W divisible by 32.
            scales: how many outputs, finest first.

        Returns:
            for scale s, (B, 1, H / 2**s, W / 2**s), inverse depth in `1 / MAX_DEPTH .. 1 / MIN_DEPTH`.
        """
        return [scaled_disparity(sigmoid) for sigmoid in self.depth(self.encoder(frames), scales)]


class PoseNetwork(nn.Module):
    """How the camera moved between two frames: ResNet-18 on both, stacked (Monodepth2, section 4)."""

    def __init__(self, channel_width: float = 1.0) -> None:
        super().__init__()
        self.pose_encoder = ResnetEncoder("resnet18", channel_width, frames=2)
        self.pose = PoseDecoder(self.pose_encoder.channels, channel_width)

    def forward(self, earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Two (B, 3, H, W) frames in 0..1 to axis-angle (B, 3) and translation (B, 3), from earlier to later camera."""
        return self.pose(self.pose_encoder(torch.cat([earlier, later], 1)))
