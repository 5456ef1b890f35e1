"""EfficientNet-Lite0 as Monodepth2's encoder."""

import pytest
import torch

from stc_pseudo.depth.monodepth2 import Monodepth2
from stc_pseudo.depth.training.initial_weights import start_networks
from stc_pseudo.nn.efficientnet_lite import LITE0, EfficientNetLite0, lite0_installed, lite0_path
from stc_track.io.errors import InputError


def test_outputs_have_the_frames_size_and_every_weight_learns():
    network = Monodepth2(LITE0)
    outputs = network(torch.rand(2, 3, 64, 96))
    assert [tuple(output.shape[-2:]) for output in outputs] == [(64, 96), (32, 48), (16, 24), (8, 12)]
    sum(output.sum() for output in outputs).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_features_are_those_of_the_classifier_network():
    whole, part = EfficientNetLite0(), EfficientNetLite0(classifier=False)
    part.load_state_dict({key: value for key, value in whole.state_dict().items() if key in part.state_dict()})
    rgb = torch.randint(0, 256, (1, 3, 64, 64))
    for ours, theirs in zip(part.eval().features(rgb), whole.eval().features(rgb), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_starts_from_a_file_of_imagenet_weights(tmp_path):
    published = EfficientNetLite0().state_dict()
    torch.save(published, tmp_path / "lite.pth")
    network = Monodepth2(LITE0)
    start_networks(network, None, LITE0, None, tmp_path / "lite.pth")
    for key, value in network.encoder.encoder.state_dict().items():
        torch.testing.assert_close(value, published[key])


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet.pth")
    with pytest.raises(InputError, match="`encoder_weights=`"):
        start_networks(Monodepth2(LITE0), None, LITE0, None, tmp_path / "resnet.pth")


def test_a_narrow_network_is_refused():
    with pytest.raises(ValueError, match="channel_width: expected 1"):
        Monodepth2(LITE0, 0.5)


@pytest.mark.skipif(not lite0_installed(), reason="the extra `pretrained` is not installed")
def test_starts_from_the_installed_package():
    network = Monodepth2(LITE0)
    start_networks(network, None, LITE0, None, lite0_path("encoder_weights"))
    assert network.encoder.encoder.state_dict()["_conv_stem.weight"].std() > 0
