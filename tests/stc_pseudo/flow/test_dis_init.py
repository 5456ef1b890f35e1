import math

import cv2
import numpy as np
import pytest
import torch

from stc_pseudo.flow.dis_init import blend, consistency, dis_start, make_start
from stc_pseudo.flow.upflow import UPFlow, pool_flow, take_over


def translation(dx, dy, size, count=1):
    return torch.tensor([float(dx), float(dy)])[None, :, None, None].repeat(count, 1, *size)


def texture(height, width):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    return torch.from_numpy(scene).permute(2, 0, 1)[None].float() / 255


def test_trust_drawn():
    """Going 2 to the right and 2 back ends at the start, except for the last two columns, which leave the frame."""
    there, back = translation(2, 0, (3, 8)), translation(-2, 0, (3, 8))
    assert "".join("X" if value else "." for value in consistency(there, back)[0, 0, 1]) == "XXXXXX.."
    back[..., 4] = 3  # what lands in column 4 is sent on instead of home
    assert "".join("X" if value else "." for value in consistency(there, back)[0, 0, 1]) == "XX.XXX.."


@pytest.mark.parametrize(("dx", "dy"), [(6, -2), (-9, 3)], ids=["right and up", "left and down"])
def test_dis_start_of_a_translation(dx, dy):
    scene = texture(110, 150)
    first = scene[..., 15:95, 15:135]
    second = scene[..., 15 - dy : 95 - dy, 15 - dx : 135 - dx]
    both = dis_start(first, second, both=True)
    assert both.shape == (2, 3, 80, 120)
    torch.testing.assert_close(dis_start(first, second), both[:1])
    for start, sign in zip(both, (1, -1), strict=True):
        inner = start[:, 12:-12, 12:-12]
        assert inner[2].mean() > 0.95
        assert (inner[:2] - sign * translation(dx, dy, inner.shape[1:])[0]).abs().mean() < 0.2
    column = slice(-5, None) if dx > 0 else slice(0, 5)
    assert (both[0, 2, :, column] == 0).all()  # these columns leave the frame


def test_pooled_flow_is_the_mean_of_what_is_known():
    flow = torch.zeros(1, 3, 4, 8)
    flow[0, :2, :2, :2] = torch.tensor([4.0, -8.0])[:, None, None]
    flow[0, 2, :2, :2] = 1
    flow[0, :2, 2:, :] = 1000.0  # not known
    pooled = pool_flow(flow, (1, 2))
    torch.testing.assert_close(pooled[0, :, 0, 0], torch.tensor([1.0, -2.0, 0.25]))
    assert pooled[0, 2, 0, 1] == 0


def test_level_takes_over_the_trusted_share():
    start = torch.zeros(1, 3, 4, 8)
    start[0, 0], start[0, 2, :, :4], start[0, 2, :2, 4:] = 8.0, 1.0, 1.0
    level = torch.full((1, 2, 1, 2), -2.0)
    taken = take_over(level, start)
    torch.testing.assert_close(taken[0, 0], torch.tensor([[2.0, 0.0]]))  # wholly trusted: 8 / 4; half: between -2 and 2
    torch.testing.assert_close(taken[0, 1], torch.tensor([[0.0, -1.0]]))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return UPFlow().eval()


def test_untrained_network_gives_the_start_back_and_fills_its_holes(network):
    """A network whose corrections are near zero: a hole gets the flow around it, from the coarser levels."""
    start = torch.cat([translation(5, -3, (128, 192)), torch.ones(1, 1, 128, 192)], 1)
    start[:, :, 40:60, 70:90] = torch.tensor([900.0, 900.0, 0.0])[:, None, None]
    frames = torch.rand(2, 1, 3, 128, 192, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = network(*frames, start=start)[-1]
        small = network(*frames, start=pool_flow(start, (32, 48)))[-1]
        alone = network(*frames)[-1]
    assert (found - translation(5, -3, (128, 192))).abs().max() < 1
    assert alone.abs().max() < 1
    # The start at 1/4, in its own pixels, serves as well.
    assert (small - found).abs().max() < 0.2


def test_start_of_both_directions_serves_each(network):
    torch.manual_seed(3)
    first, second = torch.rand(2, 1, 3, 64, 128)
    there = torch.cat([translation(4, 0, (64, 128)), torch.ones(1, 1, 64, 128)], 1)
    back = torch.cat([translation(-4, 1, (64, 128)), torch.ones(1, 1, 64, 128)], 1)
    with torch.inference_mode():
        both = network(first, second, both=True, start=torch.cat([there, back]))
        one, other = network(first, second, start=there), network(second, first, start=back)
    for together, *apart in zip(both, one, other, strict=True):
        torch.testing.assert_close(together, torch.cat(apart), atol=1e-4, rtol=1e-3)


def test_fewer_levels_are_the_first_of_all(network):
    torch.manual_seed(4)
    first, second = torch.rand(2, 1, 3, 64, 128)
    with torch.inference_mode():
        some, everything = network(first, second, levels=3), network(first, second)
    assert len(some) == 3
    for one, other in zip(some, everything, strict=False):
        torch.testing.assert_close(one, other)


def test_gradient_flows_through_levels_that_start_elsewhere(network):
    torch.manual_seed(5)
    start = torch.cat([translation(2, 0, (64, 64)), torch.full((1, 1, 64, 64), 0.5)], 1)
    network.zero_grad()
    network(*torch.rand(2, 1, 3, 64, 64), start=start)[-1].square().mean().backward()
    assert network.feature_pyramid_extractor.convs[5][0][0].weight.grad.abs().sum() > 0
    network.zero_grad()


def test_blended_flow_is_the_starts_where_both_agree_and_it_is_trusted():
    flow = torch.zeros(1, 2, 1, 4)
    start = torch.zeros(1, 3, 1, 4)
    start[0, 0, 0] = torch.tensor([0.1, 0.1, 2.0, 50.0])
    start[0, 2, 0] = torch.tensor([1.0, 0.0, 1.0, 1.0])
    blended = blend(flow, start)
    expected = torch.tensor([0.1 * math.exp(-0.05), 0, 2 * math.exp(-1), 0])
    torch.testing.assert_close(blended[0, 0, 0], expected, atol=1e-6, rtol=1e-5)
    assert (blended[0, 1] == 0).all()


def test_known_starts():
    assert make_start("none") is None
    assert make_start("dis") is dis_start
