"""The crop network: from an encoder's cached features to the mask of the crop's box."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stc_pseudo.refine.crops import FARTHER, MAP_CHANNELS, NEARER

WIDTH, FINE_WIDTH, GROUPS = 32, 16, 8
SIDE_CHANNELS = 1 + 4 + 2 + MAP_CHANNELS + 3  # box, distances to its sides, other boxes, maps, colour
DROPOUT = 0.1  # of the features


class CropNetwork(nn.Module):
    """A feature pyramid's decoder, with what is known besides the picture fed into each of its levels.

    Args:
        channels: of the encoder's features at strides 2 to 32.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        # A level of stride 2 costs four of stride 4: it is half as wide.
        widths = (FINE_WIDTH, *[WIDTH] * (len(channels) - 1))
        self.side = nn.Sequential(
            _convolution(SIDE_CHANNELS, FINE_WIDTH // 2), _convolution(FINE_WIDTH // 2, FINE_WIDTH, stride=2)
        )
        self.lateral = nn.ModuleList(
            nn.Conv2d(level + FINE_WIDTH, width, 1) for level, width in zip(channels, widths, strict=True)
        )
        self.merge = nn.ModuleList(_convolution(width, width) for width in widths)
        self.narrow = nn.Conv2d(WIDTH, FINE_WIDTH, 1)
        self.last = nn.Conv2d(FINE_WIDTH, 4, 3, padding=1)  # four pixels of the crop for each at stride 2

    def forward(self, features: list[Tensor], side: Tensor) -> Tensor:
        """Logits of the mask.

        Args:
            features: (N, C, S / stride, S / stride) at strides 2 to 32.
            side: (N, SIDE_CHANNELS, S, S), of `side_channels`.

        Returns:
            (N, S, S).
        """
        beside = [self.side(side)]
        while len(beside) < len(features):
            beside.append(functional.avg_pool2d(beside[-1], 2))
        x = None
        for k in reversed(range(len(features))):
            level = functional.dropout(features[k].float(), DROPOUT, self.training)
            y = self.lateral[k](torch.cat([level, beside[k]], 1))
            if x is not None:
                x = self.narrow(x) if k == 0 else x
                y = y + functional.interpolate(x, size=y.shape[-2:], mode="bilinear", align_corners=False)
            x = self.merge[k](y)
        return functional.pixel_shuffle(self.last(x), 2)[:, 0]


def side_channels(box: Tensor, others: Tensor, maps: Tensor, lab: Tensor) -> Tensor:
    """What the network is told besides the encoder's features: (N, SIDE_CHANNELS, S, S).

    Args:
        box: (N, 4) x1 y1 x2 y2, pixels of the crop.
        others: (N, S, S) uint8, as `Crop.others`.
        maps: (N, 3, S / 4, S / 4), as `Crop.maps`.
        lab: (N, 3, S, S) CIELAB.
    """
    size = others.shape[-1]
    distances = side_distances(box, size) / size
    maps = functional.interpolate(maps.float(), size=(size, size), mode="bilinear", align_corners=False)
    bits = torch.stack([(others & bit) > 0 for bit in (NEARER, FARTHER)], 1).float()
    return torch.cat(
        [
            (distances.amin(1, keepdim=True) > 0).float(),
            distances,
            bits,
            maps,
            (lab - lab.mean((2, 3), keepdim=True)) / 50,
        ],
        1,
    )


def side_distances(box: Tensor, size: int) -> Tensor:
    """Distances to the left, upper, right and lower side of the box, positive inside: (N, 4, S, S), pixels."""
    centre = torch.arange(size, device=box.device) + 0.5
    x1, y1, x2, y2 = (side[:, None] for side in box.unbind(1))
    across = torch.stack([centre - x1, x2 - centre], 1)[:, :, None].expand(-1, -1, size, -1)
    down = torch.stack([centre - y1, y2 - centre], 1)[..., None].expand(-1, -1, -1, size)
    return torch.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]], 1)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.GroupNorm(GROUPS, outputs),
        nn.ReLU(inplace=True),
    )
