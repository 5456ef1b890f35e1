"""Colour edges in soft masks: some rounds of mean-field inference in a small neighbourhood.

A pairwise term between a pixel and those near it and of like colour (Krähenbühl and Koltun, NIPS 2011, cut to a
window, as in Mask Auto-Labeler, Lan et al., CVPR 2023). It works on a batch of crops on the training's device, from
soft masks; `puzzle.mean_field` on the cells of one box, from log odds of any features.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

RADIUS = 2  # pixels of the crop
SPATIAL_SIGMA = 1.5  # pixels of the crop
COLOUR_SIGMA = 6.0  # CIELAB units
STRENGTH = 3.0  # of the neighbours together, beside a pixel's own logit
ITERATIONS = 8
CLAMP = 0.1  # no pixel is surer than this at the start


def affinities(lab: Tensor) -> Tensor:
    """How much each neighbour counts: (N, 24, S, S), at most a Gaussian's share of its distance.

    Args:
        lab: (N, 3, S, S) CIELAB.
    """
    offsets = _offsets()
    total = sum(_gaussian(dy, dx) for dy, dx in offsets)
    padded = functional.pad(lab, (RADIUS,) * 4, mode="replicate")
    size = lab.shape[-1]
    weights = []
    for dy, dx in offsets:
        near = padded[..., RADIUS + dy : RADIUS + dy + size, RADIUS + dx : RADIUS + dx + size]
        difference = (near - lab).square().sum(1)
        weights.append(_gaussian(dy, dx) / total * torch.exp(-difference / (2 * COLOUR_SIGMA**2)))
    return torch.stack(weights, 1)


def mean_field(probability: Tensor, lab: Tensor) -> Tensor:
    """Soft masks that follow colour edges.

    Args:
        probability: (N, S, S) in 0..1.
        lab: (N, 3, S, S) CIELAB.

    Returns:
        (N, S, S) in 0..1.
    """
    weights, size = affinities(lab), lab.shape[-1]
    unary = torch.logit(probability.clamp(CLAMP, 1 - CLAMP))
    belief = torch.sigmoid(unary)
    for _ in range(ITERATIONS):
        padded = functional.pad(2 * belief - 1, (RADIUS,) * 4, mode="replicate")
        message = torch.zeros_like(belief)
        for k, (dy, dx) in enumerate(_offsets()):
            near = padded[..., RADIUS + dy : RADIUS + dy + size, RADIUS + dx : RADIUS + dx + size]
            message.addcmul_(weights[:, k], near)
        belief = torch.sigmoid(unary + STRENGTH * message)
    return belief


def _offsets() -> list[tuple[int, int]]:
    window = range(-RADIUS, RADIUS + 1)
    return [(dy, dx) for dy in window for dx in window if dy or dx]


def _gaussian(dy: int, dx: int) -> float:
    return float(torch.exp(torch.tensor(-(dy * dy + dx * dx) / (2 * SPATIAL_SIGMA**2))))
