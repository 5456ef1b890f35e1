import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.ground_fill import GroundFilledDepth, fill_infinite_depth
from stc_pseudo.synthetic.camera import Camera
from stc_pseudo.synthetic.layout import make_scene
from stc_pseudo.synthetic.rasteriser import Stage
from stc_pseudo.synthetic.render import render_frame

SIZE = (100, 200)
HORIZON = 40
CAR = (slice(45, 70), slice(60, 110))


def road():
    """Sky above row 40, a road below it: inverse depth 0.01 a row."""
    rows = np.repeat(np.arange(SIZE[0], dtype=np.float32)[:, None], SIZE[1], axis=1)
    return np.maximum(0.01 * (rows - HORIZON), 1e-3)


def with_car(inverse):
    scene = road()
    scene[CAR] = inverse
    return scene


def test_hole_takes_the_depth_of_the_ground_under_it():
    filled, changed = fill_infinite_depth(with_car(0.002))
    assert changed[CAR].mean() > 0.95
    # The row below the car is 70: 30 rows below the horizon.
    np.testing.assert_allclose(filled[CAR], 0.3, rtol=0.05)
    outside = np.ones(SIZE, bool)
    outside[44:71, 59:111] = False  # the car and its soft rim, a pixel at this size
    np.testing.assert_array_equal(filled[outside], road()[outside])


def test_hole_at_the_border_of_the_frame():
    scene = road()
    scene[60:, 60:110] = 0.002
    filled, _ = fill_infinite_depth(scene)
    np.testing.assert_allclose(filled[60:, 60:110], 0.59, rtol=0.05)


def falling_road():
    """Beyond row 70 the road falls away, more and more: no object stands at its edge."""
    scene = road()
    rows = np.arange(HORIZON, 70)
    scene[rows] *= (1 - 0.7 * (70 - rows) / 30)[:, None]
    return scene


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(with_car(0.3), id="car on the road"),
        pytest.param(road(), id="empty road"),
        pytest.param(falling_road(), id="road that falls away"),
        pytest.param(np.full(SIZE, 0.1, np.float32), id="wall without a ground"),
    ],
)
def test_sound_depth_stays(scene):
    filled, changed = fill_infinite_depth(scene)
    assert not changed.any()
    assert filled is scene or np.array_equal(filled, scene)


def test_scale_does_not_count():
    scene = with_car(0.002)
    np.testing.assert_allclose(fill_infinite_depth(7 * scene)[0], 7 * fill_infinite_depth(scene)[0], rtol=1e-4)


def test_cars_of_a_rendered_street():
    """Every larger car loses its inside to infinity, as a network of one camera loses it."""
    size = (188, 621)
    frame = render_frame(Stage(make_scene(0, 9, 1.0)), Camera.for_size(size), 4, stereo=False)
    exact = (1 / frame.depth).astype(np.float32)
    assert not fill_infinite_depth(exact)[1].any()
    holed, cores = exact.copy(), []
    for identity in np.unique(frame.instances[frame.instances // 1000 == 1]):
        mask = (frame.instances == identity).astype(np.float32)
        if mask.sum() > 600:
            share = cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3))), (0, 0), 1.5)
            holed *= 1 - 0.98 * share
            cores.append(share > 0.6)
    assert cores
    filled, changed = fill_infinite_depth(holed)
    for core in cores:
        assert np.median(np.abs(exact[core] / holed[core] - 1)) > 5
        assert changed[core].mean() > 0.7
        assert np.median(np.abs(exact[core] / filled[core] - 1)) < 0.3


def test_estimator_says_so_in_its_fingerprint():
    class Inner:
        def fingerprint(self, sequence):
            return "inner"

        def inverse_depth(self, sequence, start, frames):
            return np.stack([with_car(0.002), road()])

    sequence = VideoSequence("0000", SIZE, (), ())
    estimator = GroundFilledDepth(Inner())
    maps = estimator.inverse_depth(sequence, 0, np.zeros((2, *SIZE, 3), np.uint8))
    assert maps.shape == (2, *SIZE)
    assert maps.dtype == np.float32
    assert maps[0][CAR].min() > 0.25
    np.testing.assert_array_equal(maps[1], road())
    assert estimator.fingerprint(sequence).startswith("inner-holes-")
