import math

import torch

from stc_pseudo.refine.colour_edges import CLAMP, COLOUR_SIGMA, ITERATIONS, RADIUS, SPATIAL_SIGMA, STRENGTH, mean_field


def plain(probability, lab):
    """The same by loops over pixels and neighbours; beyond the border, the border's pixel."""
    size = len(probability)
    offsets = [(a, b) for a in range(-RADIUS, RADIUS + 1) for b in range(-RADIUS, RADIUS + 1) if a or b]
    gaussian = {o: math.exp(-(o[0] ** 2 + o[1] ** 2) / (2 * SPATIAL_SIGMA**2)) for o in offsets}
    p = probability.clamp(CLAMP, 1 - CLAMP)
    unary = torch.log(p / (1 - p))
    belief = torch.sigmoid(unary)
    for _ in range(ITERATIONS):
        new = belief.clone()
        for i in range(size):
            for j in range(size):
                message = 0.0
                for a, b in offsets:
                    y, x = min(max(i + a, 0), size - 1), min(max(j + b, 0), size - 1)
                    alike = math.exp(-float((lab[:, y, x] - lab[:, i, j]).square().sum()) / (2 * COLOUR_SIGMA**2))
                    message += gaussian[a, b] / sum(gaussian.values()) * alike * float(2 * belief[y, x] - 1)
                new[i, j] = torch.sigmoid(unary[i, j] + STRENGTH * message)
        belief = new
    return belief


def test_as_by_loops():
    torch.manual_seed(0)
    probability, lab = torch.rand(1, 7, 7), 10 * torch.rand(1, 3, 7, 7)
    torch.testing.assert_close(mean_field(probability, lab)[0], plain(probability[0], lab[0]), rtol=1e-4, atol=1e-4)


def test_a_soft_mask_follows_the_edge_of_colour():
    lab = torch.zeros(1, 3, 24, 24)
    lab[..., 12:] = 40
    probability = torch.full((1, 24, 24), 0.3)
    probability[..., 10:] = 0.7  # two columns too far
    assert ((mean_field(probability, lab) > 0.5) == (lab[:, 0] > 20)).float().mean() > 0.9
    plain_colour = mean_field(probability, torch.zeros_like(lab)) > 0.5
    assert plain_colour[..., 10:].all()
    assert not plain_colour[..., :10].any()
