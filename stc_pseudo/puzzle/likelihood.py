"""A mask from what is likely: how well each cell's colour and motion fit the box's object and its surroundings.

As GrabCut (Rother et al., SIGGRAPH 2004): everything outside the box is background, mixtures of Gaussians describe both
sides, and a field that follows edges separates them, in turns. Motion, relative to the surroundings and in units of its
own noise, stands beside colour. Unlike the random walk, nothing is believed of a cell because of its place in the box,
so a mask may be as hollow as an animal's legs; and where colour and motion are those of the surroundings, it is wrong.
"""

from __future__ import annotations

import numpy as np

from stc_pseudo.puzzle.mean_field import MeanField
from stc_pseudo.puzzle.mixture import Mixtures, quadratic
from stc_pseudo.settings import LikelihoodSettings

SWEEPS = 2  # of expectation maximisation, and half as many updates of the field as in the end, a round
LEAST_WEIGHT = 1e-6
SEED = 0
AT_ONCE = 8  # boxes: more do not fit the processor's cache


def segment(
    colour: np.ndarray, motion: np.ndarray, inside: np.ndarray, ring: np.ndarray, settings: LikelihoodSettings
) -> np.ndarray:
    """Separate the objects of B boxes from their surroundings.

    Args:
        colour: (B, h, w, C) float32, CIELAB, or no channels where colour does not count.
        motion: (B, h, w, M) float32, relative to the surroundings, compressed; or no channels.
        inside: (B, h, w) bool, cells of the box.
        ring: (B, h, w), at least 0: weight of each cell outside the box as background.
        settings: scales and rounds.

    Returns:
        (B, h, w) float32, probability of the object, 0 outside the box.
    """
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(inside), AT_ONCE)]
    masks = [_segment(colour[k], motion[k], inside[k], ring[k].astype(np.float32), settings) for k in parts]
    return np.concatenate(masks) if masks else np.zeros(inside.shape, np.float32)


def _segment(
    colour: np.ndarray, motion: np.ndarray, inside: np.ndarray, ring: np.ndarray, settings: LikelihoodSettings
) -> np.ndarray:
    cues = [
        (colour, settings.colour_noise, settings.colour_edge),
        (motion, settings.motion_noise, settings.motion_edge),
    ]
    cues = [cue for cue in cues if cue[0].shape[-1]]
    count, height, width = inside.shape
    field = MeanField(np.concatenate([values / edge for values, _, edge in cues], -1))
    # Mixtures are fitted to every second cell, as on a chessboard; neighbours hardly differ.
    chosen = (np.add.outer(np.arange(height), np.arange(width)) % 2 == 0).ravel()
    # (B, 1, channels, cells): the second axis is that of object and background, whose mixtures see the same samples.
    samples = [
        np.ascontiguousarray((values / np.float32(noise)).reshape(count, 1, -1, values.shape[-1]).swapaxes(-1, -2))
        for values, noise, _ in cues
    ]
    terms = [quadratic(values) for values in samples]
    learnt = [np.ascontiguousarray(basis[..., chosen]) for basis in terms]
    draws = np.random.default_rng(SEED).random(settings.components)
    belief = inside.astype(np.float32)
    models: list[Mixtures] = []
    for turn in range(settings.rounds):
        background = np.maximum(ring, (1 - belief) * inside) if turn else ring
        weight = np.stack([belief, background], 1).reshape(count, 2, -1)[..., chosen] + np.float32(LEAST_WEIGHT)
        odds = np.zeros(inside.shape, np.float32)
        for k, (values, basis, part) in enumerate(zip(samples, terms, learnt, strict=True)):
            if not turn:
                models.append(Mixtures(values[..., chosen], part, weight, settings.components, draws))
            for _ in range(SWEEPS):
                models[k].improve(part, weight)
            density = models[k].log_density(basis)
            ratio = np.clip(density[:, 0] - density[:, 1], -settings.largest_odds, settings.largest_odds)
            odds += ratio.reshape(inside.shape)
        updates = settings.updates if turn == settings.rounds - 1 else settings.updates // SWEEPS
        belief = field.infer(odds, settings.smoothness, updates, inside)
    return belief
