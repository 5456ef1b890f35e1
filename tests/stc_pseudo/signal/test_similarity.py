import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stc_pseudo.settings import MaskSettings
from stc_pseudo.signal.fusion import fuse
from stc_pseudo.signal.normalisation import normalise_flow, normalise_inverse_depth
from stc_pseudo.signal.similarity import edge_similarity, pool, signal
from stc_pseudo.store.store import DIRECTIONS

MAPS = arrays(
    np.float32,
    st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(-4, 4, width=16),
)


def plain_edge_similarity(maps, layers, dilation, factor):
    """Eq. 1 by loops over cells."""
    frames, _, height, width = maps.shape
    out = np.zeros((frames, 8, height, width))
    for t, d, i, j in np.ndindex(out.shape):
        similarities = []
        for layer in range(1, layers + 1):
            k, m = i + DIRECTIONS[d][0] * layer * dilation, j + DIRECTIONS[d][1] * layer * dilation
            if 0 <= k < height and 0 <= m < width:
                difference = maps[t, :, i, j].astype(float) - maps[t, :, k, m]
                similarities.append(np.exp(-factor * np.sqrt((difference**2).sum())))
        out[t, d, i, j] = np.mean(similarities) if similarities else 0
    return out


@given(maps=MAPS, layers=st.integers(1, 4), dilation=st.integers(1, 3))
def test_edge_similarity_is_equation_1(maps, layers, dilation):
    ours = edge_similarity(torch.from_numpy(maps), layers, dilation, 0.5).numpy()
    np.testing.assert_allclose(ours, plain_edge_similarity(maps, layers, dilation, 0.5), atol=1e-5)


@given(MAPS)
def test_a_mirrored_map_has_mirrored_directions(maps):
    mirrored = [DIRECTIONS.index((rows, -columns)) for rows, columns in DIRECTIONS]
    plain = edge_similarity(torch.from_numpy(maps))
    flipped = edge_similarity(torch.from_numpy(maps).flip(-1))
    torch.testing.assert_close(flipped, plain.flip(-1)[:, mirrored])


def test_signal_averages_the_directions_inside():
    edges = edge_similarity(torch.zeros(1, 1, 5, 5), layers=1, dilation=2)
    assert edges[0, :, 0, 0].count_nonzero() == 3  # a corner has three neighbours
    torch.testing.assert_close(signal(edges), torch.ones(1, 5, 5))


def test_pooling_averages_what_is_known():
    maps = torch.full((1, 1, 4, 8), 2.0)
    maps[0, 0, :, 4:] = torch.nan
    maps[0, 0, 0, 0] = torch.nan
    assert pool(maps)[0, 0, 0].tolist()[0] == 2.0
    assert pool(maps)[0, 0, 0, 1].isnan()


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_depth_normalisation_forgets_the_scale(scale):
    depth = torch.linspace(0.1, 2, 60).reshape(1, 6, 10)
    torch.testing.assert_close(normalise_inverse_depth(depth * scale), normalise_inverse_depth(depth))


def test_flow_normalisation_forgets_the_resolution():
    flow = torch.randn(1, 2, 4, 5)
    torch.testing.assert_close(normalise_flow(flow, (100, 400)), normalise_flow(flow * 3, (300, 1200)))


@pytest.mark.parametrize(
    ("depth", "flow", "cues", "kept"),
    [
        (0.31, 0.41, ("depth", "flow"), True),
        (0.29, 0.41, ("depth", "flow"), False),
        (0.31, 0.39, ("depth", "flow"), False),
        (0.29, 0.41, ("flow",), True),
        (0.31, 0.39, ("depth",), True),
    ],
)
def test_fusion_is_equation_2(depth, flow, cues, kept):
    maps = [np.full((1, 8, 3, 3), round(value * 255), np.uint8) for value in (depth, flow)]
    mask, edges = fuse(*maps, MaskSettings(cues=cues))
    assert mask.all() == mask.any() == kept
    assert edges.all() == edges.any() == kept
