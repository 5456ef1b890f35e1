import numpy as np
import pytest
import torch

from stc_pseudo.flow import cost_volume as cost_volume_module
from stc_pseudo.flow.checkpoint import describe, load_network
from stc_pseudo.flow.cost_volume import cost_volume
from stc_pseudo.flow.upflow import UPFlow, inside, normalise, upsample_flow, warp_inside
from stc_pseudo.nn import weights
from stc_track.io.errors import InputError


def convolutions(rows):
    """Rows of (key, outputs, inputs, kernel) to the shapes of weights and biases."""
    shapes = {}
    for key, outputs, inputs, kernel in rows:
        shapes |= {f"{key}.0.weight": (outputs, inputs, kernel, kernel), f"{key}.0.bias": (outputs,)}
    return shapes


PUBLISHED = convolutions(
    [
        ("feature_pyramid_extractor.convs.0.0", 16, 3, 3),
        ("feature_pyramid_extractor.convs.0.1", 16, 16, 3),
        ("feature_pyramid_extractor.convs.1.0", 32, 16, 3),
        ("feature_pyramid_extractor.convs.1.1", 32, 32, 3),
        ("feature_pyramid_extractor.convs.2.0", 64, 32, 3),
        ("feature_pyramid_extractor.convs.2.1", 64, 64, 3),
        ("feature_pyramid_extractor.convs.3.0", 96, 64, 3),
        ("feature_pyramid_extractor.convs.3.1", 96, 96, 3),
        ("feature_pyramid_extractor.convs.4.0", 128, 96, 3),
        ("feature_pyramid_extractor.convs.4.1", 128, 128, 3),
        ("feature_pyramid_extractor.convs.5.0", 196, 128, 3),
        ("feature_pyramid_extractor.convs.5.1", 196, 196, 3),
        ("flow_estimators.conv1", 128, 115, 3),
        ("flow_estimators.conv2", 128, 243, 3),
        ("flow_estimators.conv3", 96, 371, 3),
        ("flow_estimators.conv4", 64, 467, 3),
        ("flow_estimators.conv5", 32, 531, 3),
        ("flow_estimators.conv_last", 2, 563, 3),
        ("context_networks.convs.0", 128, 565, 3),
        ("context_networks.convs.1", 128, 128, 3),
        ("context_networks.convs.2", 128, 128, 3),
        ("context_networks.convs.3", 96, 128, 3),
        ("context_networks.convs.4", 64, 96, 3),
        ("context_networks.convs.5", 32, 64, 3),
        ("context_networks.convs.6", 2, 32, 3),
        ("conv_1x1.0", 32, 196, 1),
        ("conv_1x1.1", 32, 128, 1),
        ("conv_1x1.2", 32, 96, 1),
        ("conv_1x1.3", 32, 64, 1),
        ("conv_1x1.4", 32, 32, 1),
        ("sgi_model.dense_estimator_mask.conv1", 32, 64, 3),
        ("sgi_model.dense_estimator_mask.conv2", 32, 96, 3),
        ("sgi_model.dense_estimator_mask.conv3", 32, 128, 3),
        ("sgi_model.dense_estimator_mask.conv4", 16, 160, 3),
        ("sgi_model.dense_estimator_mask.conv5", 8, 176, 3),
        ("sgi_model.dense_estimator_mask.conv_last", 3, 184, 3),
        ("sgi_model.upsample_output_conv.0", 16, 3, 3),
        ("sgi_model.upsample_output_conv.1", 16, 16, 3),
        ("sgi_model.upsample_output_conv.2", 32, 16, 3),
        ("sgi_model.upsample_output_conv.3", 32, 32, 3),
    ]
)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return UPFlow().eval()


def test_keys_and_shapes_are_the_published_ones(network):
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == PUBLISHED


@pytest.mark.parametrize(
    "extra", [{}, {"occ_shuffle_upsample.conv.0.weight": torch.zeros(1)}], ids=["exact", "with keys of other parts"]
)
def test_published_file_loads_by_key(tmp_path, extra):
    state = {key: torch.full(shape, 0.25) for key, shape in PUBLISHED.items()}
    torch.save(state | extra, tmp_path / "upflow_kitti2015.pth")
    network, size, start = load_network(tmp_path / "upflow_kitti2015.pth", "--flow-weights")
    assert size is None
    assert start == "none"
    assert all((value == 0.25).all() for value in network.state_dict().values())


def test_own_checkpoint_in_half_precision_round_trips(tmp_path, network):
    state = {key: value.half() for key, value in network.state_dict().items()}
    weights.save(tmp_path / "flow.pth", describe((128, 448), "dis") | {"state": state, "step": 1})
    loaded, size, start = load_network(tmp_path / "flow.pth", "--flow-weights")
    assert size == (128, 448)
    assert start == "dis"
    for key, value in loaded.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, state[key].float(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"encoder.conv1.weight": torch.zeros(1)}, "conv_1x1|feature_pyramid_extractor"),
        (
            {key: torch.zeros(shape) for key, shape in PUBLISHED.items() if key != "conv_1x1.3.0.bias"},
            "conv_1x1.3.0.bias",
        ),
        (
            {key: torch.zeros(shape) for key, shape in PUBLISHED.items()} | {"conv_1x1.3.0.bias": torch.zeros(3)},
            r"conv_1x1.3.0.bias.*\(32,\).*\(3,\)",
        ),
        ({"network": "monodepth2", "state": {}}, "monodepth2"),
        (
            {"network": "upflow", "height": 64, "width": 64, "state": {"other": torch.zeros(1)}},
            "feature_pyramid_extractor",
        ),
        (describe((64, 64), "brox") | {"state": {key: torch.zeros(shape) for key, shape in PUBLISHED.items()}}, "brox"),
    ],
    ids=["another network", "a key short", "another shape", "another checkpoint", "another state", "another start"],
)
def test_wrong_weights_are_named(tmp_path, content, told):
    torch.save(content, tmp_path / "wrong.pth")
    with pytest.raises(InputError, match=told) as error:
        load_network(tmp_path / "wrong.pth", "--flow-weights")
    assert "--flow-weights" in error.value.message


def plain_cost_volume(first, second, search):
    batch, channels, height, width = first.shape
    costs = np.zeros((batch, (2 * search + 1) ** 2, height, width))
    for b, y, x in np.ndindex(batch, height, width):
        for index, (dy, dx) in enumerate(np.ndindex(2 * search + 1, 2 * search + 1)):
            v, u = y + dy - search, x + dx - search
            if 0 <= v < height and 0 <= u < width:
                costs[b, index, y, x] = sum(first[b, c, y, x] * second[b, c, v, u] for c in range(channels)) / channels
    return costs


@pytest.fixture(params=["one by one", "by rows"])
def displacements(request, monkeypatch):
    """As on a CPU, and as on a GPU."""
    if request.param == "by rows":
        monkeypatch.setattr(cost_volume_module, "_costs", cost_volume_module._costs_by_rows)
        monkeypatch.setattr(cost_volume_module, "_gradients", cost_volume_module._gradients_by_rows)


@pytest.mark.usefixtures("displacements")
@pytest.mark.parametrize(("shape", "search"), [((2, 3, 5, 6), 2), ((1, 4, 2, 3), 4)], ids=["inside", "wider than map"])
def test_cost_volume_equals_plain_loops(shape, search):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, *shape))
    found = cost_volume(torch.from_numpy(first), torch.from_numpy(second), search)
    np.testing.assert_allclose(found.numpy(), plain_cost_volume(first, second, search), atol=1e-12)


@pytest.mark.usefixtures("displacements")
def test_cost_volume_gradient():
    torch.manual_seed(0)
    maps = [torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda x, y: cost_volume(x, y, 2), maps)


def test_cost_is_highest_at_the_true_displacement():
    torch.manual_seed(0)
    second = normalise(torch.randn(1, 64, 20, 24))
    first = second.roll((-2, 3), (2, 3))  # first[y, x] = second[y + 2, x - 3]
    best = cost_volume(first, second, 4)[0, :, 6:-6, 6:-6].argmax(0)
    assert (best == (2 + 4) * 9 + (-3 + 4)).all()


def test_normalise_each_channel_alone():
    torch.manual_seed(0)
    features = torch.randn(2, 3, 8, 9) * torch.tensor([1.0, 50.0, 0.0])[:, None, None] + 7
    normal = normalise(features.requires_grad_())
    torch.testing.assert_close(normal.mean((2, 3)), torch.zeros(2, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(normal[:, :2].std((2, 3)), torch.ones(2, 2), atol=1e-3, rtol=0)
    normal.square().sum().backward()
    assert features.grad.isfinite().all()


def test_normalise_of_a_single_pixel_is_zero():
    assert torch.equal(normalise(torch.full((1, 2, 1, 1), 3.0)), torch.zeros(1, 2, 1, 1))


def test_upsampled_flow_is_in_pixels_of_the_new_size():
    flow = torch.tensor([1.0, -2.0])[None, :, None, None].expand(1, 2, 4, 6)
    up = upsample_flow(flow, (12, 12))
    assert up.shape == (1, 2, 12, 12)
    torch.testing.assert_close(up, torch.tensor([2.0, -6.0])[None, :, None, None].expand(1, 2, 12, 12))


def test_warp_inside_drawn():
    row = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    flow = torch.zeros(1, 2, 1, 4)
    flow[:, 0] = torch.tensor([1.0, 0.5, 1.0, 0.5])
    assert inside(flow).flatten().tolist() == [True, True, True, False]
    torch.testing.assert_close(warp_inside(row, flow).flatten(), torch.tensor([2.0, 2.5, 4.0, 0.0]))


def test_levels_and_both_directions(network):
    torch.manual_seed(1)
    first, second = torch.rand(2, 2, 3, 64, 128)
    with torch.inference_mode():
        forward, backward = network(first, second), network(second, first)
        both = network(first, second, both=True)
    assert [tuple(flow.shape[1:]) for flow in forward] == [
        (2, 1, 2),
        (2, 2, 4),
        (2, 4, 8),
        (2, 8, 16),
        (2, 16, 32),
        (2, 64, 128),
    ]
    for together, one, other in zip(both, forward, backward, strict=True):
        torch.testing.assert_close(together, torch.cat([one, other]), atol=1e-4, rtol=1e-3)


def test_random_network_sees_no_motion_in_equal_frames(network):
    torch.manual_seed(2)
    frame = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert network(frame, frame)[-1].abs().max() < 0.5
