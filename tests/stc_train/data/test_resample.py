"""Moving maps between grids, against plain loops and torch's interpolation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stc_train.data.resample import axis_weights, nearest


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_shrinking_averages_areas(factor):
    values = np.random.default_rng(0).random(30).astype(np.float32)
    np.testing.assert_allclose(
        axis_weights(30, 30 // factor, 1 / factor) @ values, values.reshape(-1, factor).mean(1), rtol=1e-6
    )


@pytest.mark.parametrize("scale", [1.0, 1.5, 4.0])
def test_growing_interpolates_as_torch_does(scale):
    values = torch.rand(1, 1, 12, generator=torch.Generator().manual_seed(0))
    target = round(12 * scale)
    expected = torch.nn.functional.interpolate(values, target, mode="linear", align_corners=False)
    np.testing.assert_allclose(axis_weights(12, target, scale) @ values[0, 0].numpy(), expected[0, 0], atol=1e-6)


@given(source=st.integers(1, 40), target=st.integers(1, 40), scale=st.floats(0.1, 8), mirrored=st.booleans())
def test_positions_are_kept(source, target, scale, mirrored):
    """A ramp, the position itself, arrives as `source = (target - shift) / scale` wherever the source reaches."""
    scale, shift = (-scale, target) if mirrored else (scale, 0.0)
    weights = axis_weights(source, target, scale, shift)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert weights.min() >= 0
    expected = (np.arange(target) + 0.5 - shift) / scale
    half = max(1, 1 / abs(scale)) / 2
    whole = (expected - half >= 0) & (expected + half <= source)
    # Overlaps weigh whole cells: the mean of a ramp over an interval is off by less than half a cell at its ends.
    np.testing.assert_allclose((weights @ (np.arange(source) + 0.5))[whole], expected[whole], atol=0.51)
    inside = (expected >= 0.5) & (expected <= source - 0.5)
    assert (abs(nearest(source, target, scale, shift) + 0.5 - expected)[inside] <= 0.5 + 1e-9).all()


def test_mirroring_is_flipping():
    values = np.random.default_rng(1).random((3, 17)).astype(np.float32)
    np.testing.assert_allclose(
        values @ axis_weights(17, 9, -0.5, 8.5).T, values[:, ::-1] @ axis_weights(17, 9, 0.5).T, atol=1e-6
    )
