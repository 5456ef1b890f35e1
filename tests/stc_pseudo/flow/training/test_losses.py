import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stc_pseudo.flow.training.losses import (
    LossWeights,
    census_distance,
    consistent,
    crop,
    masked_mean,
    pyramid_distillation,
    robust,
    smoothness,
    unsupervised_loss,
    visible,
)
from stc_pseudo.nn.photometric import warp


def constant_flow(dx, dy, size, count=1):
    return torch.tensor([float(dx), float(dy)])[None, :, None, None].repeat(count, 1, *size)


def textured(height, width, seed=0):
    """Smooth random texture: (1, 3, height, width) in 0..1."""
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(F.pad(noise, [3] * 4, mode="reflect"), 7, 1)


def plain_census_distance(x, y, radius):
    x, y = (255 * (0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]) for image in (x, y))
    batch, height, width = x.shape
    distance = np.zeros((batch, height - 2 * radius, width - 2 * radius))
    for b, i, j in np.ndindex(distance.shape):
        signatures = []
        for grey in (x, y):
            step = grey[b, i : i + 2 * radius + 1, j : j + 2 * radius + 1] - grey[b, i + radius, j + radius]
            signatures.append(step / np.sqrt(0.81 + step**2))
        difference = (signatures[0] - signatures[1]) ** 2
        distance[b, i, j] = (difference / (0.1 + difference)).sum()
    return distance[:, None]


@pytest.mark.parametrize(("radius", "size"), [(1, (4, 5)), (2, (7, 6)), (3, (9, 11))], ids=["3 x 3", "5 x 5", "7 x 7"])
def test_census_equals_plain_loops(radius, size):
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 2, 3, *size))
    found = census_distance(torch.from_numpy(x), torch.from_numpy(y), radius)
    np.testing.assert_allclose(found.numpy(), plain_census_distance(x, y, radius), atol=1e-9)


def test_census_ignores_a_change_of_brightness_but_not_of_pattern():
    image = textured(20, 24)
    assert census_distance(image, image + 0.2).max() < 1e-6
    assert census_distance(image, textured(20, 24, seed=1)).mean() > 10


def test_robust_and_masked_mean():
    torch.testing.assert_close(robust(torch.tensor([-0.99, 0.0])), torch.tensor([1.0, 0.01**0.4]))
    values, mask = torch.tensor([1.0, 2.0, 9.0]), torch.tensor([1.0, 1.0, 0.0])
    assert masked_mean(values, mask) == 1.5
    assert masked_mean(values, torch.zeros(3)) == 0


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, 0), (-2, 1)], ids=["still", "right", "left and down"])
def test_translation_is_consistent_and_visible_where_it_stays_in_the_frame(dx, dy):
    size = (8, 10)
    flow = torch.cat([constant_flow(dx, dy, size), constant_flow(-dx, -dy, size)])
    y, x = torch.meshgrid(torch.arange(8), torch.arange(10), indexing="ij")
    stays = (x + dx >= 0) & (x + dx < 10) & (y + dy >= 0) & (y + dy < 8)
    assert consistent(flow)[0, 0][stays].all()
    assert torch.equal(visible(flow, torch.zeros(2, 2), size)[0, 0].bool(), stays)
    # The same crop in the middle of a larger frame: nothing leaves it.
    assert visible(flow, torch.full((2, 2), 5.0), (18, 20))[0, 0].bool().all()


def test_object_moving_right_hides_what_is_before_it():
    """An object at x = 2..4 moves right by 3 over a still background: x = 5..7 is hidden in the second frame."""
    size = (6, 12)
    forward, backward = torch.zeros(1, 2, *size), torch.zeros(1, 2, *size)
    forward[0, 0, :, 2:5] = 3
    backward[0, 0, :, 5:8] = -3
    mask = visible(torch.cat([forward, backward]), torch.zeros(2, 2), size)
    assert "".join("X" if seen else "." for seen in mask[0, 0, 0]) == "XXXXX...XXXX"
    assert "".join("X" if seen else "." for seen in mask[1, 0, 0]) == "XX...XXXXXXX"


def test_check_that_calls_most_of_a_picture_occluded_is_not_believed():
    flow = torch.cat([constant_flow(2, 0, (6, 12)), constant_flow(2, 0, (6, 12))])
    assert not consistent(flow)[..., :8].any()
    mask = visible(flow, torch.zeros(2, 2), (6, 12))
    assert "".join("X" if seen else "." for seen in mask[0, 0, 0]) == "XXXXXXXXXX.."


def test_second_order_smoothness_allows_affine_flow_and_edges_excuse():
    ramp = torch.arange(8.0).expand(1, 2, 6, 8)
    grey = torch.full((1, 3, 6, 8), 0.5)
    assert smoothness(ramp, grey, 2) == 0
    torch.testing.assert_close(smoothness(ramp, grey, 1), torch.tensor(0.5))  # 1 in x, 0 in y
    step, edge = torch.zeros(1, 2, 6, 8), grey.clone()
    step[..., 4:] = 1
    edge[..., 4:] = 1
    assert smoothness(step, edge, 1) < 1e-6 < smoothness(step, grey, 1)


def test_distillation_teaches_levels_in_their_own_pixels():
    finest = constant_flow(8, -4, (16, 32), 2)
    right, wrong = constant_flow(2, -1, (4, 8), 2), constant_flow(8, -4, (4, 8), 2)
    seen = torch.ones(2, 1, 16, 32)
    floor = 2 * 0.01**0.4
    assert pyramid_distillation([right], finest, seen).item() == pytest.approx(floor, rel=1e-4)
    assert pyramid_distillation([wrong], finest, seen) > 5 * floor
    assert pyramid_distillation([wrong], finest, torch.zeros_like(seen)) == 0


def test_crop_takes_each_window_at_its_origin():
    images = torch.arange(2 * 5 * 6).view(2, 1, 5, 6)
    windows = crop(images, torch.tensor([[1, 0], [2, 3]]), (2, 3))
    assert torch.equal(windows[0], images[0, :, 0:2, 1:4])
    assert torch.equal(windows[1], images[1, :, 3:5, 2:5])


def test_warp_of_a_crop_reaches_beyond_it():
    frame = torch.rand(1, 3, 10, 12, generator=torch.Generator().manual_seed(0))
    origin = torch.tensor([[3.0, 2.0]])
    found = warp(frame, constant_flow(2, -1, (4, 5)), origin=origin)
    torch.testing.assert_close(found, frame[..., 1:5, 5:10])


def flows_of(dx, dy, size):
    """A network's output for a translation, both directions."""
    finest = torch.cat([constant_flow(dx, dy, size), constant_flow(-dx, -dy, size)])
    shapes = [(size[0] // scale, size[1] // scale) for scale in (16, 8, 4)]
    return [finest[..., :h, :w] * (h / size[0]) for h, w in shapes] + [finest]


def test_loss_is_lowest_at_the_true_translation():
    scene = textured(60, 90)
    frames = torch.stack([scene[..., 6:54, 8:72], scene[..., 8:56, 5:69]], 1)  # second[y, x] = first[y + 2, x - 3]
    origin = torch.tensor([[6, 5]])
    losses = {
        (dx, dy): unsupervised_loss(flows_of(dx, dy, (32, 48)), frames, origin, LossWeights())[0].item()
        for dx in (1, 2, 3, 4, 5)
        for dy in (-4, -3, -2, -1, 0)
    }
    assert min(losses, key=losses.get) == (3, -2)
    value, figures = unsupervised_loss(flows_of(3, -2, (32, 48)), frames, origin, LossWeights())
    assert figures["ssim"] < 1e-6
    assert figures["seen"] == 1
    assert value.item() == pytest.approx(
        sum(getattr(LossWeights(), name) * float(figure) for name, figure in figures.items() if name != "seen"),
        rel=1e-5,
    )
