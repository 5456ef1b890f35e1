from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stc_pseudo.building.stages import pool_objects
from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.geometry.ground_plane import ground_plane, height_above
from stc_pseudo.puzzle.colour_model import log_likelihood_ratio
from stc_pseudo.puzzle.features import FrameMaps, resample
from stc_pseudo.puzzle.matting import matte
from stc_pseudo.puzzle.random_walk import LEAK, conductance, walk
from stc_pseudo.puzzle.solve import solve
from stc_pseudo.puzzle.windows import overlapping, window_around
from stc_pseudo.settings import CUES, MaskSettings

DEPTH_ONLY = MaskSettings(cues=("depth",), max_cells=0)  # on the grid that the drawings have


def drawing(text):
    """Rows of letters to an array of letters."""
    return np.array([list(line) for line in text.split()])


def maps_of(letters, metres):
    """FrameMaps of a drawing in which each letter is a surface at some metres."""
    inverse_depth = 1 / np.vectorize(metres.get)(letters).astype(np.float32)
    return FrameMaps(
        np.full((4 * letters.shape[0], 4 * letters.shape[1], 3), 128, np.uint8),
        inverse_depth,
        np.zeros((2, *letters.shape), np.float32),
    )


def solve_in_cells(maps, boxes, settings):
    """Instances and coverage of each cell."""
    return pool_objects(solve(maps, boxes, settings))


def boxes_of(*cells):
    """FrameBoxes of boxes given in cells, x1 y1 x2 y2."""
    xyxy = np.array(cells, np.float32).reshape(-1, 4) * 4
    return FrameBoxes(
        xyxy, np.ones(len(xyxy), np.int32), np.arange(len(xyxy), dtype=np.int32), np.zeros((0, 4), np.float32)
    )


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
    instances, coverage = solve_in_cells(maps_of(letters, {".": 60, "o": 10}), boxes_of((2, 1, 12, 6)), DEPTH_ONLY)
    np.testing.assert_array_equal(instances * (coverage > 127) == 1, letters == "o")


def test_an_occluder_that_goes_on_outside_is_left_out():
    letters = drawing(
        """
        ......pp........
        ..oooopposooo...
        ..oooopposooo...
        ..oooopposooo...
        ..oooopposooo...
        ......pp........
        ......pp........""".replace("s", "o")
    )
    maps = maps_of(letters, {".": 60, "o": 20, "p": 6})
    instances, coverage = solve_in_cells(maps, boxes_of((2, 1, 13, 5)), DEPTH_ONLY)
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
    instances, _ = solve_in_cells(
        maps_of(letters, {".": 60, "a": 20, "b": 8}), boxes_of((2, 1, 11, 5), (8, 2, 14, 6)), DEPTH_ONLY
    )
    assert (instances[letters == "a"] == 1).mean() > 0.85
    assert (instances[letters == "b"] == 2).mean() > 0.95


def test_no_boxes_no_instances():
    instances, coverage = solve_in_cells(maps_of(drawing("...\n..."), {".": 9}), FrameBoxes.empty(), MaskSettings())
    assert instances.dtype == np.uint16
    assert coverage.dtype == np.uint8
    assert not instances.any()
    assert not coverage.any()


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    cues=st.sampled_from([("depth",), ("flow",), ("colour",), CUES]),
    detail=st.sampled_from([1, 2, 4]),
    max_cells=st.sampled_from([0, 60, 6000]),
)
def test_any_input_gives_objects_inside_their_boxes(data, cues, detail, max_cells):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    height, width = data.draw(st.tuples(st.integers(12, 45), st.integers(12, 45)))
    maps = FrameMaps(
        rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        rng.uniform(0, 0.3, (height // detail, width // detail)).astype(np.float32),
        rng.normal(0, 4, (2, height // detail, width // detail)).astype(np.float32),
        detail,
    )
    corners = np.sort(rng.uniform(0, 1, (3, 2, 2)) * [width - 1, height - 1], axis=1)
    boxes = boxes_of(*(np.concatenate([low, high + 1]) / 4 for low, high in corners))
    objects = solve(maps, boxes, MaskSettings(cues=cues, max_cells=max_cells))
    assert objects.shape == (height, width)
    for k, (x1, y1, x2, y2) in enumerate(boxes.xyxy, 1):
        rows, columns = np.nonzero(objects == k)
        assert ((rows + 0.5 > y1) & (rows + 0.5 < y2) & (columns + 0.5 > x1) & (columns + 0.5 < x2)).all()


def test_a_small_object_is_cut_at_the_pixel_where_depth_is_known_so_finely():
    y, x = np.mgrid[:60, :80]
    true = ((x - 39.5) / 9) ** 2 + ((y - 29.5) / 14) ** 2 <= 1
    box = FrameBoxes(
        np.array([[31, 16, 49, 44]], np.float32),
        np.ones(1, np.int32),
        np.ones(1, np.int32),
        np.zeros((0, 4), np.float32),
    )
    for detail, least in ((1, 0.99), (4, 0.8)):
        inverse_depth = resample(np.where(true, 0.1, 0.02).astype(np.float32), 1, detail, true.shape)
        maps = FrameMaps(
            np.full((*true.shape, 3), 90, np.uint8),
            inverse_depth,
            np.zeros((2, *inverse_depth.shape), np.float32),
            detail,
        )
        found = solve(maps, box, MaskSettings(cues=("depth",))) == 1
        assert (found & true).sum() / (found | true).sum() >= least


def test_of_two_boxes_that_look_alike_the_lower_is_the_nearer():
    maps = maps_of(np.full((12, 24), "."), {".": 20})
    low, high = (6, 4, 14, 11), (2, 2, 10, 8)
    alike = replace(DEPTH_ONLY, occlusion_margin=0.4)
    for boxes, nearer in (((low, high), 1), ((high, low), 2)):
        shared = solve(maps, boxes_of(*boxes), alike)[5 * 4 : 7 * 4, 7 * 4 : 9 * 4]
        assert (shared == nearer).mean() > 0.75


def test_colours_of_the_box_and_around_it():
    lab = np.zeros((6, 6, 3), np.float32)
    lab[1:5, 1:5, 0] = 60
    lab[2, 2, 0] = 30  # met nowhere else
    inside = np.zeros((6, 6))
    inside[0:5, 0:5] = 1
    ratio = log_likelihood_ratio(lab, inside, 1 - inside)
    assert (ratio[1, 1:5] > 0.5).all()
    assert (ratio[5] < -0.5).all()
    assert np.abs(log_likelihood_ratio(lab, inside, inside)).max() < 1e-9


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_pooled_objects_count_pixels(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    objects = rng.integers(0, 3, (9, 14)).astype(np.uint16)
    instances, coverage = pool_objects(objects)
    for i, j in np.ndindex(instances.shape):
        counts = np.bincount(objects[4 * i : 4 * i + 4, 4 * j : 4 * j + 4].ravel(), minlength=3)
        assert coverage[i, j] == counts[1:].max() * 255 // 16
        assert counts[instances[i, j]] == counts[1:].max()


@pytest.mark.parametrize(("have", "want"), [(1, 2), (2, 4), (4, 1), (2, 2)], ids=str)
def test_resampled_maps_stay_in_place(have, want):
    size = (22, 30)
    centres = np.add.outer(np.arange(size[0] // have), 2.0 * np.arange(size[1] // have)) * have + 1.5 * have
    found = resample(centres.astype(np.float32), have, want, size)
    expected = np.add.outer(np.arange(found.shape[0]), 2.0 * np.arange(found.shape[1])) * want + 1.5 * want
    np.testing.assert_allclose(found[2:4, 2:5], expected[2:4, 2:5], rtol=1e-6)


@pytest.mark.parametrize(("have", "want"), [(4, 1), (4, 2), (4, 4), (1, 4), (2, 8), (4, 16), (1, 1)], ids=str)
def test_a_window_is_resampled_as_the_whole_frame_is(have, want):
    size = (37, 50)
    values = np.random.default_rng(5).normal(size=(size[0] // have, size[1] // have, 2)).astype(np.float32)
    whole = resample(values, have, want, size)
    height, width = whole.shape[:2]
    for rows, columns in ((slice(0, height), slice(0, width)), (slice(height // 2, height), slice(1, width))):
        found = resample(values, have, want, size, (rows, columns))
        np.testing.assert_allclose(found, whole[rows, columns], atol=1e-5)


@pytest.mark.parametrize(("side", "cell"), [(10, 1), (60, 2), (150, 4), (900, 32)], ids=str)
def test_small_boxes_get_small_cells(side, cell):
    window = window_around(np.array([5, 5, 5 + side, 5 + side], np.float32), (1000, 1000), 3000)
    assert window.cell == cell
    assert window.inside.sum() * cell**2 == pytest.approx(side**2)


def test_walk_solves_its_equations():
    rng = np.random.default_rng(3)
    features, target, pull = rng.normal(size=(2, 4, 5)), rng.uniform(size=(4, 5)), rng.uniform(0.01, 1, (4, 5))
    dense = np.diag(pull.ravel())
    for i, j in ((a, b) for a in range(20) for b in (a + 1, a + 5) if b < 20 and (b != a + 1 or b % 5)):
        (r, c), (s, d) = divmod(i, 5), divmod(j, 5)
        weight = np.exp(-0.5 * ((features[:, r, c] - features[:, s, d]) ** 2).sum()) + LEAK
        dense[[i, j], [i, j]] += weight
        dense[[i, j], [j, i]] -= weight
    expected = np.linalg.solve(dense, (pull * target).ravel()).reshape(4, 5)
    np.testing.assert_allclose(walk(features, target, pull), expected, atol=1e-10)
    turned = walk(features.transpose(0, 2, 1), target.T, pull.T)
    np.testing.assert_allclose(turned.T, expected, atol=1e-10)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2)], ids=str)
def test_walk_on_the_smallest_grids(shape):
    np.testing.assert_allclose(walk(np.zeros((0, *shape)), np.full(shape, 0.3), np.ones(shape)), 0.3)


def test_conductance_of_equal_neighbours_is_free():
    assert conductance(np.zeros((3, 2, 2)), 1) == pytest.approx(1 + LEAK)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_mixed_cell_gets_the_share_that_its_mixture_tells(share):
    features = np.zeros((1, 7, 10), np.float32)
    features[:, :, 5:] = 30.0
    features[:, :, 4] = 30.0 * share
    wanted = np.zeros((7, 10), np.float32)
    wanted[:, 5:] = 1
    np.testing.assert_allclose(matte(wanted, features)[3, 4], share, atol=0.02)


@pytest.mark.parametrize("tilt", [0.0, 0.0004], ids=["level", "rolled"])
def test_height_above_a_plane(tilt):
    rows, columns = np.mgrid[:90, :200]
    ground = np.maximum(0.002 * (rows - 35) + tilt * columns, 0)
    inverse_depth = np.maximum(ground, 0.01)
    inverse_depth[40:70, 80:120] = 0.08  # a thing that stands at row 75
    inverse_depth = inverse_depth.astype(np.float32)
    height = height_above(ground_plane(inverse_depth), inverse_depth)
    on_plane = (rows > 45) & ~((rows < 71) & (columns >= 80) & (columns < 120))
    np.testing.assert_allclose(height[on_plane], 0, atol=0.01)
    np.testing.assert_allclose(height[50, 100], 1 - ground[50, 100] / 0.08, atol=0.02)


def test_a_wall_is_no_ground():
    assert ground_plane(np.full((40, 60), 0.1, np.float32)) is None


def test_windows_that_share_a_pixel_are_found():
    random, size = np.random.default_rng(0), (120, 200)
    corners = random.uniform(0, 90, (40, 2))
    boxes = np.concatenate([corners, corners + random.uniform(2, 60, (40, 2))], 1)
    windows = [window_around(box.astype(np.float32), size, 400) for box in boxes]
    covered = np.zeros((len(windows), 256, 256), bool)  # a window's last cells may lie beyond the frame
    for pixels, window in zip(covered, windows, strict=True):
        pixels[tuple(slice(axis.start * window.cell, axis.stop * window.cell) for axis in window.place)] = True
    for k, near in enumerate(overlapping(windows)):
        shared = (covered & covered[k]).any((1, 2))
        shared[k] = False
        assert near == np.flatnonzero(shared).tolist()
    assert overlapping([]) == []
