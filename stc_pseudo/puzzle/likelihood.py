"""A mask from what is likely: how well each cell's colour and motion fit the box's object and its surroundings.

As GrabCut (Rother et al., SIGGRAPH 2004): everything outside the box is background, mixtures of Gaussians describe both
sides, and a field that follows edges separates them, in turns. Motion, relative to the surroundings and in units of its
own noise, stands beside colour. Unlike the random walk, nothing is believed of a cell because of its place in the box,
so a mask may be as hollow as an animal's legs; and where colour and motion are those of the surroundings, it is wrong.
"""

from __future__ import annotations

import numpy as np

from stc_pseudo.puzzle.mean_field import MeanField
from stc_pseudo.puzzle.mixture import Mixture, quadratic
from stc_pseudo.settings import LikelihoodSettings

SWEEPS = 2  # of expectation maximisation, and half as many updates of the field as in the end, a round
LEAST_WEIGHT = 1e-6
SEED = 0


def segment(
    colour: np.ndarray, motion: np.ndarray, inside: np.ndarray, ring: np.ndarray, settings: LikelihoodSettings
) -> np.ndarray:
    """Separate a box's object from its surroundings.

    Args:
        colour: (h, w, C) float32, CIELAB, or no channels where colour does not count.
        motion: (h, w, M) float32, relative to the surroundings, compressed; or no channels.
        inside: (h, w) bool, cells of the box.
        ring: (h, w), at least 0: weight of each cell outside the box as background.
        settings: scales and rounds.

    Returns:
        (h, w) float32, probability of the object, 0 outside the box.
    """
    cues = [
        (colour, settings.colour_noise, settings.colour_edge),
        (motion, settings.motion_noise, settings.motion_edge),
    ]
    cues = [cue for cue in cues if cue[0].shape[-1]]
    field = MeanField(np.concatenate([values / edge for values, _, edge in cues], -1))
    # Mixtures are fitted to every second cell, as on a chessboard; neighbours hardly differ.
    chosen = (np.add.outer(np.arange(inside.shape[0]), np.arange(inside.shape[1])) % 2 == 0).ravel()
    samples = [(values / np.float32(noise)).reshape(-1, values.shape[-1]) for values, noise, _ in cues]
    terms = [quadratic(values) for values in samples]
    rng = np.random.default_rng(SEED)
    belief = inside.astype(np.float32)
    models: list[tuple[Mixture, Mixture]] = []
    for turn in range(settings.rounds):
        background = np.maximum(ring, (1 - belief) * inside) if turn else ring
        weights = [(side.ravel() + LEAST_WEIGHT).astype(np.float32)[chosen] for side in (belief, background)]
        odds = np.zeros(inside.size, np.float32)
        for k, (values, basis) in enumerate(zip(samples, terms, strict=True)):
            part = basis[chosen]
            if not turn:
                first, second = (Mixture(values[chosen], part, w, settings.components, rng) for w in weights)
                models.append((first, second))
            for model, weight in zip(models[k], weights, strict=True):
                for _ in range(SWEEPS):
                    model.improve(part, weight)
            ratio = models[k][0].log_density(basis) - models[k][1].log_density(basis)
            odds += np.clip(ratio, -settings.largest_odds, settings.largest_odds)
        updates = settings.updates if turn == settings.rounds - 1 else settings.updates // SWEEPS
        belief = field.infer(odds.reshape(inside.shape), settings.smoothness, updates, inside)
    return belief
