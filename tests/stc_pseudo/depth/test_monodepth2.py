import numpy as np
import pytest
import torch

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth import make_depth_estimator
from stc_pseudo.depth.monodepth2 import MAX_DEPTH, MIN_DEPTH, Monodepth2, PoseNetwork
from stc_pseudo.depth.monodepth2_estimator import Monodepth2Depth
from stc_pseudo.depth.training.initial_weights import start_networks
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError

SEQUENCE = VideoSequence("0000", (50, 70), (), ())
STAGES = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def norm_shapes(key, count):
    shapes = {f"{key}.{name}": (count,) for name in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {f"{key}.num_batches_tracked": ()}


def published_encoder_shapes(depth, in_channels=3):
    """Key to shape of the published encoder.pth, written down without the module under test."""
    shapes = {"encoder.conv1.weight": (64, in_channels, 7, 7)} | norm_shapes("encoder.bn1", 64)
    kernels, growth = ((3, 3), 1) if depth == 18 else ((1, 3, 1), 4)
    before = 64
    for stage, blocks in enumerate(STAGES[depth]):
        planes = 64 * 2**stage
        for block in range(blocks):
            key, source = f"encoder.layer{stage + 1}.{block}", before
            for number, kernel in enumerate(kernels, 1):
                target = planes * growth if number == len(kernels) else planes
                shapes[f"{key}.conv{number}.weight"] = (target, source, kernel, kernel)
                shapes |= norm_shapes(f"{key}.bn{number}", target)
                source = target
            if before != planes * growth:
                shapes[f"{key}.downsample.0.weight"] = (planes * growth, before, 1, 1)
                shapes |= norm_shapes(f"{key}.downsample.1", planes * growth)
            before = planes * growth
    return shapes | {"encoder.fc.weight": (1000, before), "encoder.fc.bias": (1000,)}


def published_decoder_shapes(depth):
    encoder = (64, 64, 128, 256, 512) if depth == 18 else (64, 256, 512, 1024, 2048)
    blocks = [
        (encoder[4], 256),
        (256 + encoder[3], 256),
        (256, 128),
        (128 + encoder[2], 128),
        (128, 64),
        (64 + encoder[1], 64),
        (64, 32),
        (32 + encoder[0], 32),
        (32, 16),
        (16, 16),
    ]
    shapes = {}
    for number, (source, target) in enumerate(blocks):
        shapes[f"decoder.{number}.conv.conv.weight"] = (target, source, 3, 3)
        shapes[f"decoder.{number}.conv.conv.bias"] = (target,)
    for number, source in enumerate((16, 32, 64, 128), len(blocks)):
        shapes[f"decoder.{number}.conv.weight"] = (1, source, 3, 3)
        shapes[f"decoder.{number}.conv.bias"] = (1,)
    return shapes


def tensors(shapes):
    generator = torch.Generator().manual_seed(0)
    return {
        key: torch.tensor(1) if key.endswith("tracked") else 0.01 * torch.rand(shape, generator=generator)
        for key, shape in shapes.items()
    }


def write_published(folder, depth=18, change_encoder=(), change_decoder=(), stereo=False):
    encoder = tensors(published_encoder_shapes(depth)) | {"height": 64, "width": 96, "use_stereo": stereo}
    decoder = tensors(published_decoder_shapes(depth))
    for content, changes in ((encoder, change_encoder), (decoder, change_decoder)):
        for key, value in changes:
            content.pop(key)
            if value is not None:
                content[key] = value
    weights.save(folder / "encoder.pth", encoder)
    weights.save(folder / "depth.pth", decoder)
    return folder


@pytest.mark.parametrize("depth", [18, 50])
def test_published_files_fill_every_weight(tmp_path, depth):
    estimator = Monodepth2Depth(write_published(tmp_path, depth))
    state = estimator.network.state_dict()
    expected = tensors(published_encoder_shapes(depth)), tensors(published_decoder_shapes(depth))
    for part, content in zip(("encoder", "depth"), expected, strict=True):
        assert all(torch.equal(state[f"{part}.{key}"], value) for key, value in content.items() if ".fc." not in key)
    frames = np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3), np.uint8)
    inverse = estimator.inverse_depth(SEQUENCE, 0, frames)
    assert inverse.shape == (3, 50, 70)
    assert inverse.dtype == np.float32


def test_pose_keys_are_the_published_ones():
    shapes = {key: tuple(value.shape) for key, value in PoseNetwork().state_dict().items()}
    encoder = {
        f"pose_encoder.{key}": shape
        for key, shape in published_encoder_shapes(18, in_channels=6).items()
        if ".fc." not in key
    }
    convolutions = [(256, 512, 1), (256, 256, 3), (256, 256, 3), (12, 256, 1)]
    decoder = {}
    for number, (target, source, kernel) in enumerate(convolutions):
        decoder[f"pose.net.{number}.weight"] = (target, source, kernel, kernel)
        decoder[f"pose.net.{number}.bias"] = (target,)
    assert shapes == encoder | decoder


@pytest.mark.parametrize("depth", [18, 50])
def test_published_files_start_a_training(tmp_path, depth):
    """All four of them; the pose network is ResNet-18 beside either encoder."""
    write_published(tmp_path, depth)
    pose_encoder = tensors(published_encoder_shapes(18, in_channels=6))
    pose = tensors(
        {
            key.removeprefix("pose."): tuple(value.shape)
            for key, value in PoseNetwork().state_dict().items()
            if key.startswith("pose.")
        }
    )
    weights.save(tmp_path / "pose_encoder.pth", pose_encoder)
    weights.save(tmp_path / "pose.pth", pose)
    network, pose_network = Monodepth2(f"resnet{depth}"), PoseNetwork()
    start_networks(network, pose_network, f"resnet{depth}", tmp_path, None)
    for part, content in (
        (network.encoder, tensors(published_encoder_shapes(depth))),
        (network.depth, tensors(published_decoder_shapes(depth))),
        (pose_network.pose_encoder, pose_encoder),
        (pose_network.pose, pose),
    ):
        state = part.state_dict()
        assert all(torch.equal(value, content[key]) for key, value in state.items())
    weights.save(tmp_path / "pose.pth", {"net.0.weight": torch.zeros(1)})
    with pytest.raises(InputError, match=r"pose\.net\.0\.weight.*`init=`"):
        start_networks(network, pose_network, f"resnet{depth}", tmp_path, None)
    with pytest.raises(InputError, match="`init=`"):
        start_networks(Monodepth2("resnet18", 0.5), None, "resnet18", tmp_path, None)


def test_published_stereo_weights_give_metres(tmp_path):
    frames = np.full((1, 50, 70, 3), 99, np.uint8)
    mono = Monodepth2Depth(write_published(tmp_path / "mono")).inverse_depth(SEQUENCE, 0, frames)
    stereo = Monodepth2Depth(write_published(tmp_path / "stereo", stereo=True)).inverse_depth(SEQUENCE, 0, frames)
    np.testing.assert_allclose(stereo, mono / 5.4, rtol=1e-6)


@pytest.mark.parametrize(
    ("encoder", "decoder", "named"),
    [
        pytest.param([("encoder.layer2.0.conv1.weight", None)], [], "encoder.layer2.0.conv1.weight", id="missing key"),
        pytest.param([("encoder.bn1.bias", torch.zeros(3))], [], "encoder.bn1.bias", id="other shape"),
        pytest.param([("height", None)], [], "height", id="no input size"),
        pytest.param([], [("decoder.13.conv.bias", None)], "decoder.13.conv.bias", id="decoder of three scales"),
    ],
)
def test_weights_of_another_network_name_the_key(tmp_path, encoder, decoder, named):
    with pytest.raises(InputError, match=named):
        Monodepth2Depth(write_published(tmp_path, 18, encoder, decoder))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param({"network": "upflow", "state": {}}, "upflow", id="another network"),
        pytest.param({"state": {}}, "train-depth", id="no network's name"),
        pytest.param({"network": "monodepth2", "encoder": "resnet18"}, "channel_width", id="settings missing"),
    ],
)
def test_checkpoint_of_another_network(tmp_path, content, named):
    weights.save(tmp_path / "other.pth", content)
    with pytest.raises(InputError, match=named):
        Monodepth2Depth(tmp_path / "other.pth")


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_outputs_at_four_scales_between_near_and_far(name):
    network = Monodepth2(name, channel_width=0.125)
    with torch.no_grad():
        outputs = network(torch.rand(2, 3, 64, 96))
        (finest,) = network.eval()(torch.rand(1, 3, 64, 96) * 1e4, scales=1)
    assert [tuple(output.shape) for output in outputs] == [(2, 1, 64 >> s, 96 >> s) for s in range(4)]
    for output in (*outputs, finest):
        assert output.min() >= 1 / MAX_DEPTH
        assert output.max() <= 1 / MIN_DEPTH


def test_half_width_network_is_small_enough_to_ship():
    network = Monodepth2(channel_width=0.5)
    assert sum(2 * value.numel() for value in network.state_dict().values()) < 10e6


def test_pose_starts_near_rest():
    axis_angle, translation = PoseNetwork(0.25)(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    assert axis_angle.shape == translation.shape == (2, 3)
    assert max(axis_angle.abs().max(), translation.abs().max()) < 0.05


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        pytest.param("monodepth2", "^depth_weights: expected", id="no weights"),
        pytest.param("precomputed", "^depth_dir: expected", id="no folder"),
        pytest.param("midas", "monodepth2, sgbm", id="unknown estimator"),
    ],
)
def test_factory_names_what_is_missing(name, flag):
    with pytest.raises(InputError, match=flag):
        make_depth_estimator(name, weights=None, folder=None, device="cpu")
