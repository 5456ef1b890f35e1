"""Procedural textures that are fixed to the surface and hold nothing finer than a pixel.

A texture that is a function of the surface point alone looks the same from every view, which is what photometric
training assumes. A pixel covers a patch of the surface, its *footprint*; whatever is finer than that would shimmer from
frame to frame, so noise octaves fade out before they reach it and periodic patterns are integrated over it.
"""

from __future__ import annotations

import numpy as np

TILE = 256
_VALUES = np.random.default_rng(0).uniform(-1, 1, (TILE, TILE)).astype(np.float32)
_NEXT = np.roll(_VALUES, -1, 1)
_BELOW, _BELOW_NEXT = np.roll(_VALUES, -1, 0), np.roll(_NEXT, -1, 0)
# The four coefficients of each cell's bilinear form, side by side, so that a point costs one look-up.
_CELLS = np.stack([_VALUES, _NEXT - _VALUES, _BELOW - _VALUES, _BELOW_NEXT - _BELOW - _NEXT + _VALUES], axis=-1)
_CELLS = _CELLS.reshape(-1, 4)
# Added before truncation, which is faster than a floor: a multiple of the tile above any coordinate in use.
_POSITIVE = np.float32(32 * TILE)


def noise(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Smooth noise in -1..1 with one random value per unit cell, repeating after 256 cells; |u|, |v| < 8192."""
    i, j = (u + _POSITIVE).astype(np.int32), (v + _POSITIVE).astype(np.int32)
    u, v = u - (i.astype(np.float32) - _POSITIVE), v - (j.astype(np.float32) - _POSITIVE)
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    cells = _CELLS.take((i & (TILE - 1)) * TILE + (j & (TILE - 1)), axis=0)
    return cells[:, 0] + v * cells[:, 1] + u * (cells[:, 2] + v * cells[:, 3])


def cell_value(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """One random value in -1..1 for each unit cell, constant over it."""
    i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    return _VALUES[i & (TILE - 1), j & (TILE - 1)]


def fade(footprint: np.ndarray) -> np.ndarray:
    """How much of a pattern to keep: all where a pixel covers up to a third of its cell, none from two thirds."""
    return np.clip(2 - 3 * footprint, 0, 1)


def layered(
    u: np.ndarray, v: np.ndarray, size_u: np.ndarray, size_v: np.ndarray, layers: tuple[tuple[float, float, float], ...]
) -> np.ndarray:
    """A sum of noise layers, each faded where the footprint outgrows it.

    Args:
        u, v: (n,) surface coordinates, metres.
        size_u, size_v: (n,) footprint along them, metres.
        layers: (cells per metre along u, along v, amplitude) each.
    """
    total = np.zeros_like(u)
    for k, (rate_u, rate_v, amplitude) in enumerate(layers):
        keep = fade(np.maximum(size_u * rate_u, size_v * rate_v))
        some = np.flatnonzero(keep)
        # Copying what is faded out costs less than leaving it out, unless it is a good part.
        some = slice(None) if some.size > 0.8 * keep.size else some
        shift = np.float32(17.3 * k)
        total[some] += amplitude * keep[some] * noise(u[some] * rate_u + shift, v[some] * rate_v + shift)
    return total


def pulses(u: np.ndarray, period: float | np.ndarray, duty: float, size: np.ndarray) -> np.ndarray:
    """A train of pulses (1 over the first `duty` share of each period, else 0), averaged over the footprint."""
    half = np.maximum(size, 1e-3) / (2 * period)
    x = u / period
    return (_pulse_integral(x + half, duty) - _pulse_integral(x - half, duty)) / (2 * half)


def _pulse_integral(x: np.ndarray, duty: float) -> np.ndarray:
    whole = np.floor(x)
    return whole * duty + np.minimum(x - whole, duty)


def band(u: np.ndarray, low: float, high: float, size: np.ndarray) -> np.ndarray:
    """1 between `low` and `high`, else 0, averaged over the footprint."""
    half = np.maximum(size, 1e-3) / 2
    return (np.clip(u + half, low, high) - np.clip(u - half, low, high)) / (2 * half)
