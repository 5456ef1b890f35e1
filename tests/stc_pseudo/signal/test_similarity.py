import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stc_pseudo.settings import MaskSettings
from stc_pseudo.signal.fusion import fuse
from stc_pseudo.signal.normalisation import normalise_flow, normalise_inverse_depth
from stc_pseudo.signal.similarity import edge_similarity, pool, signal
from stc_track.formats.store import DIRECTIONS

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
    ours = edge_similarity(maps, layers, dilation, 0.5)
    np.testing.assert_allclose(ours, plain_edge_similarity(maps, layers, dilation, 0.5), atol=1e-5)


@given(MAPS)
def test_a_mirrored_map_has_mirrored_directions(maps):
    mirrored = [DIRECTIONS.index((rows, -columns)) for rows, columns in DIRECTIONS]
    plain = edge_similarity(maps, 3, 2, 0.5)
    flipped = edge_similarity(maps[..., ::-1], 3, 2, 0.5)
    np.testing.assert_allclose(flipped, plain[..., ::-1][:, mirrored], rtol=1e-6, atol=1e-6)


def test_signal_averages_the_directions_inside():
    edges = edge_similarity(np.zeros((1, 1, 5, 5), np.float32), layers=1, dilation=2, factor=0.5)
    assert np.count_nonzero(edges[0, :, 0, 0]) == 3  # a corner has three neighbours
    np.testing.assert_array_equal(signal(edges, 2), np.ones((1, 5, 5)))


def plain_signal(edges, dilation):
    """S by loops over cells: the mean over the directions whose nearest neighbour is a cell of the frame."""
    frames, _, height, width = edges.shape
    out = np.zeros((frames, height, width))
    for t, i, j in np.ndindex(out.shape):
        inside = [
            d
            for d, (rows, columns) in enumerate(DIRECTIONS)
            if 0 <= i + rows * dilation < height and 0 <= j + columns * dilation < width
        ]
        out[t, i, j] = edges[t, inside, i, j].mean() if inside else 0
    return out


@given(maps=MAPS, dilation=st.integers(1, 3), gain=st.sampled_from([1.0, 1e4]))
def test_signal_is_the_mean_within_the_frame_however_strong_the_edges(maps, dilation, gain):
    edges = edge_similarity(maps * np.float32(gain), 2, dilation, 0.5)
    np.testing.assert_allclose(signal(edges, dilation), plain_signal(edges, dilation), atol=1e-5)


def test_a_thin_near_pole_is_like_the_pole_alone():
    inverse_depth = np.ones((1, 1, 9, 9), np.float32)
    inverse_depth[..., 4] = 10  # a pole, one cell wide, ten times nearer than what is behind it
    edges = edge_similarity(normalise_inverse_depth(inverse_depth[0], 100.0)[None], layers=1, dilation=1, factor=0.5)
    stored = np.rint(edges * 255) / np.float32(255)  # as uint8
    assert signal(stored, 1)[0, 4, 4] == pytest.approx(2 / 8)  # up and down of the eight
    assert signal(stored, 1)[0, 4, 3] == pytest.approx(5 / 8)  # beside it
    mask, kept = fuse(*[np.rint(stored * 255).astype(np.uint8)] * 2, MaskSettings(), dilation=1)
    assert not mask[0, 1:-1, 4].any()
    assert mask[0, 1:-1, [0, 1, 2, 3, 5, 6, 7, 8]].all()
    assert kept[0, :, 4, 4].sum() == 2


def test_no_edge_leaves_the_frame_at_any_threshold():
    maps = [np.zeros((1, 8, 5, 5), np.uint8)] * 2
    _, edges = fuse(*maps, MaskSettings(threshold_depth=0.0, threshold_flow=0.0), dilation=2)
    assert edges[0, :, 0, 0].sum() == 3
    assert edges[0, :, 2, 2].all()


def test_pooling_averages_what_is_known():
    maps = np.full((1, 1, 5, 9), 2, np.float32)
    maps[0, 0, :, 4:] = np.nan
    maps[0, 0, 0, 0] = np.nan
    np.testing.assert_array_equal(pool(maps, 4), [[[[2, np.nan]]]])


@given(MAPS, st.integers(1, 4))
def test_pooling_is_the_mean_of_each_cell(maps, cell):
    height, width = maps.shape[2] // cell, maps.shape[3] // cell
    cells = maps[..., : height * cell, : width * cell].reshape(*maps.shape[:2], height, cell, width, cell)
    np.testing.assert_allclose(pool(maps, cell), cells.mean((3, 5)), atol=1e-6)


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_depth_normalisation_forgets_the_scale(scale):
    depth = np.linspace(0.1, 2, 60, dtype=np.float32).reshape(1, 6, 10)
    ours = normalise_inverse_depth(depth * np.float32(scale), 100.0)
    np.testing.assert_allclose(ours, normalise_inverse_depth(depth, 100.0), rtol=1e-5)


def test_flow_normalisation_forgets_the_resolution():
    flow = np.random.default_rng(0).normal(size=(1, 2, 4, 5))
    np.testing.assert_allclose(normalise_flow(flow, (100, 400), 400.0), normalise_flow(flow * 3, (300, 1200), 400.0))


@pytest.mark.parametrize(
    ("depth", "flow", "cues", "kept"),
    [
        pytest.param(0.31, 0.41, ("depth", "flow"), True, id="both above"),
        pytest.param(0.29, 0.41, ("depth", "flow"), False, id="depth below"),
        pytest.param(0.31, 0.39, ("depth", "flow"), False, id="flow below"),
        pytest.param(0.29, 0.41, ("flow",), True, id="flow alone above"),
        pytest.param(0.31, 0.39, ("depth",), True, id="depth alone above"),
    ],
)
def test_fusion_is_equation_2(depth, flow, cues, kept):
    maps = [np.full((1, 8, 3, 3), round(value * 255), np.uint8) for value in (depth, flow)]
    mask, edges = fuse(*maps, MaskSettings(cues=cues), dilation=1)
    assert mask.all() == mask.any() == kept
    assert edges[0, :, 1, 1].all() == edges.any() == kept
