import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.ground import height_above_ground
from stc_pseudo.matting import matte
from stc_pseudo.puzzle import FrameMaps, solve
from stc_pseudo.random_walk import LEAK, conductance, walk
from stc_pseudo.settings import MaskSettings

DEPTH_ONLY = MaskSettings(cues=("depth",))


def drawing(text):
    """Rows of letters to an array of letters."""
    return np.array([list(line) for line in text.split()])


def maps_of(letters, metres):
    """FrameMaps of a drawing in which each letter is a surface at some metres."""
    inverse_depth = 1 / np.vectorize(metres.get)(letters).astype(np.float32)
    return FrameMaps(inverse_depth, np.zeros((2, *letters.shape), np.float32),
                     np.full((3, *letters.shape), 0.5, np.float32))


def boxes_of(*cells):
    """FrameBoxes of boxes given in cells, x1 y1 x2 y2."""
    xyxy = np.array(cells, np.float32).reshape(-1, 4) * 4
    return FrameBoxes(xyxy, np.ones(len(xyxy), np.int32), np.arange(len(xyxy), dtype=np.int32),
                      np.zeros((0, 4), np.float32))


def test_an_object_is_cut_where_depth_jumps():
    letters = drawing("""
        ................
        ....oooooo......
        ...oooooooo.....
        ..oooooooooo....
        ..oooooooooo....
        ..oo....oooo....
        ................
        ................""")
    instances, coverage = solve(maps_of(letters, {".": 60, "o": 10}), boxes_of((2, 1, 12, 6)), DEPTH_ONLY)
    np.testing.assert_array_equal(instances * (coverage > 127) == 1, letters == "o")


def test_an_occluder_that_goes_on_outside_is_left_out():
    letters = drawing("""
        ......pp........
        ..oooopposooo...
        ..oooopposooo...
        ..oooopposooo...
        ..oooopposooo...
        ......pp........
        ......pp........""".replace("s", "o"))
    instances, coverage = solve(maps_of(letters, {".": 60, "o": 20, "p": 6}), boxes_of((2, 1, 13, 5)), DEPTH_ONLY)
    held = instances * (coverage > 127) == 1
    assert not held[letters == "p"].any()
    assert held[letters == "o"].mean() > 0.9


def test_overlapping_boxes_share_no_cell_and_each_gets_its_object():
    letters = drawing("""
        ..................
        ..aaaaaaaaa.......
        ..aaaaaabbbbbb....
        ..aaaaaabbbbbb....
        ..aaaaaabbbbbb....
        ........bbbbbb....
        ..................""")
    instances, _ = solve(maps_of(letters, {".": 60, "a": 20, "b": 8}), boxes_of((2, 1, 11, 5), (8, 2, 14, 6)),
                         DEPTH_ONLY)
    assert (instances[letters == "a"] == 1).mean() > 0.85
    assert (instances[letters == "b"] == 2).mean() > 0.95


def test_no_boxes_no_instances():
    instances, coverage = solve(maps_of(drawing("...\n..."), {".": 9}), FrameBoxes.empty(), MaskSettings())
    assert instances.dtype == np.uint16
    assert coverage.dtype == np.uint8
    assert not instances.any()
    assert not coverage.any()


@settings(max_examples=25, deadline=None)
@given(data=st.data(), cues=st.sampled_from([("depth",), ("flow",), ("colour",), ("depth", "flow", "colour")]))
def test_any_input_gives_coverage_inside_boxes(data, cues):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    height, width = data.draw(st.tuples(st.integers(2, 14), st.integers(2, 14)))
    maps = FrameMaps(rng.uniform(0, 0.3, (height, width)).astype(np.float32),
                     rng.normal(0, 4, (2, height, width)).astype(np.float32),
                     rng.uniform(0, 1, (3, height, width)).astype(np.float32))
    corners = np.sort(rng.uniform(0, 1, (3, 2, 2)) * [width * 4, height * 4], axis=1)
    boxes = boxes_of(*(np.concatenate([low, high + 0.5]) / 4 for low, high in corners))
    instances, coverage = solve(maps, boxes, MaskSettings(cues=cues))
    assert ((instances > 0) == (coverage > 0)).all()
    for k, box in enumerate(boxes.xyxy, 1):
        rows, columns = np.nonzero(instances == k)
        assert (rows * 4 < box[3]).all()
        assert (rows * 4 + 4 > box[1]).all()
        assert (columns * 4 < box[2]).all()
        assert (columns * 4 + 4 > box[0]).all()


def test_walk_solves_its_equations():
    rng = np.random.default_rng(3)
    features, target, pull = rng.normal(size=(2, 4, 5)), rng.uniform(size=(4, 5)), rng.uniform(0.01, 1, (4, 5))
    dense = np.diag(pull.ravel())
    for (i, j) in ((a, b) for a in range(20) for b in (a + 1, a + 5) if b < 20 and (b != a + 1 or b % 5)):
        (r, c), (s, d) = divmod(i, 5), divmod(j, 5)
        weight = np.exp(-0.5 * ((features[:, r, c] - features[:, s, d]) ** 2).sum()) + LEAK
        dense[[i, j], [i, j]] += weight
        dense[[i, j], [j, i]] -= weight
    expected = np.linalg.solve(dense, (pull * target).ravel()).reshape(4, 5)
    np.testing.assert_allclose(walk(features, target, pull), expected, atol=1e-10)


def test_conductance_of_equal_neighbours_is_free():
    assert conductance(np.zeros((3, 2, 2)), 1) == pytest.approx(1 + LEAK)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_mixed_cell_gets_the_share_that_its_mixture_tells(share):
    features = np.zeros((1, 7, 10), np.float32)
    features[:, :, 5:] = 30.0
    features[:, :, 4] = 30.0 * share
    claim = np.zeros((7, 10), np.float32)
    claim[:, 5:] = 1
    np.testing.assert_allclose(matte(claim, features)[3, 4], share, atol=0.02)


@pytest.mark.parametrize("tilt", [0.0, 0.0004], ids=["level", "rolled"])
def test_height_above_a_plane(tilt):
    rows, columns = np.mgrid[:90, :200]
    ground = np.maximum(0.002 * (rows - 35) + tilt * columns, 0)
    inverse_depth = np.maximum(ground, 0.01)
    inverse_depth[40:70, 80:120] = 0.08  # a thing that stands at row 75
    height = height_above_ground(inverse_depth.astype(np.float32))
    on_plane = (rows > 45) & ~((rows < 71) & (columns >= 80) & (columns < 120))
    np.testing.assert_allclose(height[on_plane], 0, atol=0.01)
    np.testing.assert_allclose(height[50, 100], 1 - ground[50, 100] / 0.08, atol=0.02)


def test_a_wall_is_no_ground():
    assert height_above_ground(np.full((40, 60), 0.1, np.float32)) is None
