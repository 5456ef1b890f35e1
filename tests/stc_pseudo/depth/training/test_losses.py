import pytest
import torch
import torch.nn.functional as F

from stc_pseudo.depth.training.losses import View, depth_loss, minimum_reprojection
from stc_pseudo.nn.photometric import photometric_distance, ssim_distance, warp

HEIGHT, WIDTH = 32, 64
CAMERA = torch.tensor([[[40.0, 0, 31.5], [0, 40, 15.5], [0, 0, 1]]])
STILL = torch.eye(4)[None]


def texture(seed, width=WIDTH):
    coarse = torch.rand(1, 3, HEIGHT // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (HEIGHT, width), mode="bicubic").clamp(0, 1)


def shifted_right_view(disparity):
    """Two crops of one wall: what the left camera has at x, the right one has at x - disparity."""
    wall = texture(0, WIDTH + 16)
    return wall[..., :WIDTH], wall[..., disparity : WIDTH + disparity]


def stereo(baseline):
    transform = torch.eye(4)[None].clone()
    transform[:, 0, 3] = -baseline
    return transform


def inverse_depths(value):
    return [torch.full((1, 1, HEIGHT >> s, WIDTH >> s), value) for s in range(4)]


def plain_ssim_distance(x, y):
    x, y = (F.pad(image, (1, 1, 1, 1), mode="reflect") for image in (x, y))
    mean_x, mean_y = F.avg_pool2d(x, 3, 1), F.avg_pool2d(y, 3, 1)
    var_x, var_y = F.avg_pool2d(x**2, 3, 1) - mean_x**2, F.avg_pool2d(y**2, 3, 1) - mean_y**2
    both = F.avg_pool2d(x * y, 3, 1) - mean_x * mean_y
    ssim = (2 * mean_x * mean_y + 1e-4) * (2 * both + 9e-4) / ((mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4))
    return ((1 - ssim) / 2).clamp(0, 1)


def test_ssim_of_many_views_is_that_of_each():
    target, views = texture(1).double(), torch.stack([texture(2), texture(3)]).double()
    together = ssim_distance(views, target)
    for view, distance in zip(views, together, strict=True):
        torch.testing.assert_close(distance, plain_ssim_distance(view, target))


def test_standing_still_warps_nothing():
    image = texture(1)
    torch.testing.assert_close(warp(image, torch.zeros(1, 2, HEIGHT, WIDTH)), image, atol=1e-5, rtol=0)
    assert photometric_distance(image, image).abs().max() < 1e-6


def test_right_disparity_explains_the_stereo_pair():
    left, right = shifted_right_view(4)
    views = [View(right, stereo(0.1))]
    errors = {
        disparity: depth_loss(inverse_depths(disparity / (40 * 0.1)), left, views, CAMERA)[1]["photometric"]
        for disparity in (2, 3, 4, 5, 6)
    }
    assert min(errors, key=errors.get) == 4
    assert errors[4] < 0.02
    mirrored = depth_loss(inverse_depths(1.0), left, [View(right, stereo(-0.1))], CAMERA)[1]["photometric"]
    assert mirrored > 5 * errors[4]


def test_view_that_sees_the_pixel_is_the_one_that_counts():
    """Each view shows nonsense in one half; the minimum takes the other view there, an average would not."""
    target = texture(4)
    left_wrong, right_wrong = target.clone(), target.clone()
    left_wrong[..., : WIDTH // 2], right_wrong[..., WIDTH // 2 :] = 0.0, 0.0
    views = [View(left_wrong, STILL), View(right_wrong, STILL)]
    both = depth_loss(inverse_depths(1.0), target, views, CAMERA)[1]["photometric"]
    one = depth_loss(inverse_depths(1.0), target, views[:1], CAMERA)[1]["photometric"]
    assert both < 0.02
    assert one > 0.1


def test_auto_mask_stops_gradient_where_nothing_moved():
    warped = torch.tensor([[[[0.5, 0.1, 0.3]]]], requires_grad=True)
    still = torch.tensor([[[[0.2, 0.4, 0.0]]]])
    minimum_reprojection(warped, still).sum().backward()
    assert warped.grad.flatten().tolist() == [0, 1, 0]


def test_frame_at_rest_has_no_photometric_gradient():
    image = texture(5)
    inverse = [value.requires_grad_() for value in inverse_depths(0.5)]
    moved = STILL.clone()
    moved[:, 0, 3] = 0.3
    loss, figures = depth_loss(inverse, image, [View(image, moved)], CAMERA)
    loss.backward()
    assert figures["moving"] == 0
    assert max(value.grad.abs().max() for value in inverse) < 1e-6


@pytest.mark.parametrize("scale", range(4))
def test_every_scale_is_trained(scale):
    left, right = shifted_right_view(4)
    inverse = inverse_depths(0.9)
    inverse[scale] = inverse[scale].requires_grad_()
    depth_loss(inverse, left, [View(right, stereo(0.1))], CAMERA)[0].backward()
    # The true disparity is 4 pixels, an inverse depth of 1: a step along the gradient goes up.
    assert inverse[scale].grad.sum() < 0
