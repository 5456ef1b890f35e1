"""UPFlow (Luo et al., CVPR 2021): a PWC pyramid whose flow is upsampled under the guidance of the images' features.

The parameters' names and shapes are those of the authors' repository (coolbeam/UPFlow_pytorch), with the settings that
its published KITTI weights were trained with, so that `upflow_kitti2015.pth` loads by key.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stc_pseudo.flow.cost_volume import cost_volume
from stc_pseudo.nn.photometric import warp

NAME = "upflow"
STRIDE = 64  # frames' sides are multiples of this: six halvings
PYRAMID = (16, 32, 64, 96, 128, 196)  # channels at 1/2, 1/4, ... 1/64
LEVELS, FINEST = 5, 4  # the decoder runs from 1/64 to 1/4
SEARCH_RANGE = 4  # pixels to each side, at each level
REDUCED = 32  # channels of a level's features as the decoder sees them
ESTIMATOR = (128, 128, 96, 64, 32)
CONTEXT = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))  # channels, dilation
GUIDANCE = (32, 32, 32, 16, 8)
# The colour that the published weights take for zero, RGB in 0..1; contrast is left as it is.
MEAN_COLOUR = (104.920005 / 255, 110.1753 / 255, 114.785955 / 255)
# The last layers start this much smaller than He et al.'s initialisation, that is, near zero flow: the forward-backward
# check then means something from the first step.
LAST_LAYER_GAIN = 0.01


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1, last: bool = False
) -> nn.Sequential:
    """Convolution that keeps the size (divided by `stride`), then leaky ReLU unless it is the `last`."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) * dilation // 2, dilation=dilation)
    return nn.Sequential(layer) if last else nn.Sequential(layer, nn.LeakyReLU(0.1, inplace=True))


class FeaturePyramid(nn.Module):
    """(B, 3, H, W) to features at 1/64, 1/32, ... 1/2, coarsest first."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(conv(inputs, outputs, stride=2), conv(outputs, outputs))
            for inputs, outputs in zip((3, *PYRAMID), PYRAMID, strict=False)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Features of each level, coarsest first."""
        levels = [image]
        for layer in self.convs:
            levels.append(layer(levels[-1]))
        return levels[:0:-1]


class DenseEstimator(nn.Module):
    """Densely connected layers: each sees all that came before. Gives (everything seen, the last layer's output)."""

    def __init__(self, inputs: int, channels: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        for index, width in enumerate(channels, 1):
            setattr(self, f"conv{index}", conv(inputs, width))
            inputs += width
        self.depth, self.outputs = len(channels), inputs
        self.conv_last = conv(inputs, outputs, last=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x C x H x W to B x `self.outputs` x H x W and B x outputs x H x W."""
        for index in range(1, self.depth + 1):
            x = torch.cat([getattr(self, f"conv{index}")(x), x], 1)
        return x, self.conv_last(x)


class ContextNetwork(nn.Module):
    """Dilated layers that correct a level's flow with a wide view."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        widths = (inputs, *(width for width, _ in CONTEXT))
        layers = [
            conv(before, width, dilation=dilation) for before, (width, dilation) in zip(widths, CONTEXT, strict=False)
        ]
        self.convs = nn.Sequential(*layers, conv(widths[-1], 2, last=True))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to a flow correction, B x 2 x H x W."""
        return self.convs(x)


class SelfGuidedUpsampling(nn.Module):
    """Upsamples flow without blurring across motion edges (section 3.2 of the UPFlow paper).

    Bilinear upsampling mixes the flows of both sides of an edge. From the features of both frames at the finer level
    this module tells an *interpolation flow*, which points away from the edge to where the flow is pure, and an
    *interpolation map*, which says where the bilinear value may stay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dense_estimator_mask = DenseEstimator(2 * REDUCED, GUIDANCE, 3)
        self.upsample_output_conv = nn.Sequential(
            conv(3, 16), conv(16, 16, stride=2), conv(16, REDUCED), conv(REDUCED, REDUCED, stride=2)
        )

    def forward(self, flow: Tensor, own: Tensor, other: Tensor, finest: Tensor | None = None) -> Tensor:
        """Refine an upsampled flow.

        Args:
            flow: (B, 2, h, w), bilinearly upsampled to the features' size.
            own, other: (B, 32, h, w), features of the flow's frame and of the frame that it points to.
            finest: (B, 2, H, W), the same flow upsampled further; if given, it is what is refined.

        Returns:
            the refined `flow`, or `finest`.
        """
        _, out = self.dense_estimator_mask(torch.cat([own, warp_inside(other, flow)], 1))
        interpolation, keep = out[:, :2].float(), out[:, 2:].float().sigmoid()
        if finest is not None:
            interpolation = upsample_flow(interpolation, finest.shape[-2:])
            keep = F.interpolate(keep, finest.shape[-2:], mode="bilinear", align_corners=True)
            flow = finest
        return flow * keep + warp(flow, interpolation, "zeros") * (1 - keep)


class UPFlow(nn.Module):
    """Optical flow from one frame to another."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_pyramid_extractor = FeaturePyramid()
        self.flow_estimators = DenseEstimator((2 * SEARCH_RANGE + 1) ** 2 + REDUCED + 2, ESTIMATOR, 2)
        self.context_networks = ContextNetwork(self.flow_estimators.outputs + 2)
        self.conv_1x1 = nn.ModuleList(conv(channels, REDUCED, kernel=1) for channels in PYRAMID[: -LEVELS - 1 : -1])
        self.sgi_model = SelfGuidedUpsampling()
        self.register_buffer("mean_colour", torch.tensor(MEAN_COLOUR)[:, None, None], persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
        for last in (
            self.flow_estimators.conv_last,
            self.context_networks.convs[-1],
            self.sgi_model.dense_estimator_mask.conv_last,
        ):
            with torch.no_grad():
                last[0].weight *= LAST_LAYER_GAIN

    def forward(
        self, first: Tensor, second: Tensor, both: bool = False, start: Tensor | None = None, levels: int = LEVELS
    ) -> list[Tensor]:
        """Estimate the flow from `first` to `second`.

        Args:
            first, second: (B, 3, H, W) RGB in 0..1, H and W multiples of 64.
            both: also the flow from `second` to `first`.
            start: (B, 3, H', W'), or (2B, 3, H', W') with `both`: (dx, dy) in its own pixels, and consistency in 0..1,
                of another method's flow, which each level's decoder then starts from where it is consistent
                (`stc_pseudo.flow.dis_init`); any size from 1/4 of the frames' on. None: the network alone.
            levels: how many of the decoder's `LEVELS` to run, for a training: the finest costs three times as much as
                all before it.

        Returns:
            the flow of each level, coarsest first, at 1/64, 1/32, 1/16, 1/8, 1/4, and last at full size; each
            (B, 2, h, w) float32, (dx, dy) in pixels of *its own* level. With `both`, (2B, 2, h, w): the forward flows,
            then the backward ones. With fewer `levels`, only these.
        """
        count = len(first)
        images = torch.cat([first, second]) - self.mean_colour
        flows: list[Tensor] = []
        for level, features in enumerate(self.feature_pyramid_extractor(images)[:levels]):
            own, other = as_pairs(features.float(), count, both)
            own_reduced, other_reduced = as_pairs(self.conv_1x1[level](features).float(), count, both)
            if level == 0:
                flow = own.new_zeros(len(own), 2, *own.shape[-2:])
            else:
                flow = self.sgi_model(upsample_flow(flows[-1], own.shape[-2:]), own_reduced, other_reduced)
            if start is not None:
                flow = take_over(flow, start)
            warped = warp_inside(other, flow) if level or start is not None else other
            costs = F.leaky_relu(cost_volume(normalise(own), normalise(warped), SEARCH_RANGE), 0.1)
            seen, residual = self.flow_estimators(torch.cat([costs, own_reduced, flow], 1))
            flow = flow + residual.float()
            flows.append(flow + self.context_networks(torch.cat([seen, flow.to(seen.dtype)], 1)).float())
        if levels < LEVELS:
            return flows
        guides = as_pairs(self.sgi_model.upsample_output_conv(images).float(), count, both)
        finest = upsample_flow(flows[-1], images.shape[-2:])
        return [*flows, self.sgi_model(flows[-1], *guides, finest)]


def as_pairs(features: Tensor, count: int, both: bool) -> tuple[Tensor, Tensor]:
    """Split the features of `count` first and `count` second frames into (own, other) of each flow to be estimated."""
    first, second = features[:count], features[count:]
    return (features, torch.cat([second, first])) if both else (first, second)


def upsample_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (B, 2, h, w) flow bilinearly to `size` (height, width), and rescale it to pixels of that size."""
    scale = flow.new_tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]])[:, None, None]
    return F.interpolate(flow, size, mode="bilinear", align_corners=True) * scale


def pool_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a partly known flow to a smaller size.

    Args:
        flow: (B, 3, H, W): (dx, dy) in pixels, and how far it is known, 0..1.
        size: (height, width), at most (H, W).

    Returns:
        (B, 3, height, width): each cell's mean of the known flow, in pixels of this size, and the known share.
    """
    share = F.interpolate(flow[:, 2:], size, mode="area")
    mean = F.interpolate(flow[:, :2] * flow[:, 2:], size, mode="area") / share.clamp(min=1e-6)
    scale = flow.new_tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]])[:, None, None]
    return torch.cat([mean * scale, share], 1)


def take_over(flow: Tensor, start: Tensor) -> Tensor:
    """Blend a level's flow (B, 2, h, w) with an initialisation (B, 3, H, W), by its consistent share of each cell."""
    start = pool_flow(start, flow.shape[-2:])
    return torch.lerp(flow, start[:, :2], start[:, 2:])


def warp_inside(features: Tensor, flow: Tensor) -> Tensor:
    """Sample `features` at `position + flow`, zero where that lies outside."""
    return warp(features, flow, "zeros") * inside(flow)


def inside(flow: Tensor, size: tuple[int, int] | None = None, origin: Tensor | None = None) -> Tensor:
    """Whether `position + flow` lies in the picture.

    Args:
        flow: (B, 2, h, w).
        size: the picture's (height, width), if the flow is that of a crop.
        origin: (B, 2), (x, y) of the crop's first pixel in the picture.

    Returns:
        (B, 1, h, w) bool.
    """
    height, width = size or flow.shape[-2:]
    if origin is not None:
        flow = flow + origin[:, :, None, None]
    x = torch.arange(flow.shape[-1], device=flow.device) + flow[:, :1]
    y = torch.arange(flow.shape[-2], device=flow.device)[:, None] + flow[:, 1:]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def normalise(features: Tensor) -> Tensor:
    """Give every channel of every frame zero mean and unit deviation, so that costs compare across levels."""
    # Bessel's correction as in the authors' code, but for a map of a single pixel, which has no deviation.
    correction = min(1, features.shape[2] * features.shape[3] - 1)
    variance, mean = torch.var_mean(features, (2, 3), correction=correction, keepdim=True)
    # A channel may be dead (all zero): the constant keeps its gradient finite.
    return (features - mean) * torch.rsqrt(variance + 1e-8)
