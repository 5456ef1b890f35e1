import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.refine.crops import FARTHER, NEARER, FrameData, cut, cut_picture, inside, move, region_around, relative
from stc_pseudo.refine.instances import Instance
from stc_pseudo.refine.relabel import assign, paste
from stc_pseudo.refine.views import flip

SIZE = (120, 200)


@st.composite
def boxes(draw, least=6):
    x1, y1 = draw(st.floats(0, 150)), draw(st.floats(0, 80))
    return np.array([x1, y1, x1 + draw(st.floats(least, 50)), y1 + draw(st.floats(least, 40))], np.float32)


@settings(max_examples=60, deadline=None)
@given(boxes(), st.integers(0, 10))
def test_what_is_cut_and_pasted_back_has_not_moved(box, seed):
    instance = Instance("", 0, 0, 1, box)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    mask = ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2 <= 1
    crop = cut_picture(mask.astype(np.float32), instance.region, 96)
    place, share = paste(crop, instance, SIZE)
    back = np.zeros(SIZE, bool)
    back[place] = share > 0.5
    wrong = (back ^ mask).sum()
    assert wrong <= 0.02 * mask.sum() + 2


@settings(max_examples=60, deadline=None)
@given(boxes(least=16), st.floats(1.1, 1.6), st.floats(-0.15, 0.15), st.floats(-0.15, 0.15))
def test_a_label_moved_to_another_crop_is_as_cut_there(box, growth, right, down):
    picture = np.zeros(SIZE, np.float32)
    x1, y1, x2, y2 = np.round(box).astype(int)
    picture[y1 : (y1 + y2) // 2, x1:x2] = 1
    reference, target = region_around(box, 1.3), region_around(box, growth, (right, down))
    moved = move(cut_picture(picture, reference, 96), reference, target, 96)
    within = inside((box - np.tile(target[:2], 2)) * 96 / np.tile(target[2:] - target[:2], 2), 96)
    assert np.abs(moved - cut_picture(picture, target, 96))[within].mean() < 0.03


def test_a_region_is_not_stretched_more_than_twofold():
    x1, y1, x2, y2 = region_around(np.array([100, 100, 110, 180], np.float32), 1.3)
    assert (x2 - x1) * 2 == pytest.approx(y2 - y1, abs=4)
    assert (x1 + x2, y1 + y2) == (210, 280)


def frame(maps=None):
    xyxy = np.array([[40, 30, 80, 70], [60, 40, 100, 90], [20, 20, 60, 60]], np.float32)
    boxed = FrameBoxes(xyxy, np.ones(3, np.int32), np.arange(3), np.zeros((0, 4), np.float32))
    rgb = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    return FrameData(rgb, np.zeros((3, 30, 50), np.float32) if maps is None else maps, 4, boxed)


def test_other_boxes_are_told_apart_by_their_lower_edge():
    instance = Instance("", 0, 0, 0, frame().boxes.xyxy[0])
    crop = cut(frame(), 0, instance.region, 96)
    factor = 96 / (instance.region[2] - instance.region[0])
    at = lambda x, y: crop.others[int((y - instance.region[1]) * factor), int((x - instance.region[0]) * factor)]  # noqa: E731
    assert [at(70, 50), at(50, 40), at(70, 36), at(62, 50)] == [NEARER, FARTHER, 0, NEARER]
    np.testing.assert_allclose(crop.box, (frame().boxes.xyxy[0] - np.tile(instance.region[:2], 2)) * factor, rtol=1e-5)


@pytest.mark.parametrize(
    ("gain", "offset"),
    [(1.0, 0.0), (7.0, 3.0), (0.01, -2.0)],
    ids=["as it is", "larger and shifted", "smaller and shifted"],
)
def test_maps_know_no_scale(gain, offset):
    random = np.random.default_rng(1)
    maps = random.normal(size=(3, 24, 24)).astype(np.float32)
    maps[:, 8:16, 8:16] += 20
    box = np.array([8, 8, 16, 16], np.float32)
    np.testing.assert_allclose(relative(gain * maps + offset, box), relative(maps, box), atol=0.02)


def test_flipped_twice_is_as_before():
    maps = np.random.default_rng(2).normal(size=(3, 30, 50)).astype(np.float32)
    crop = cut(frame(maps), 0, region_around(frame().boxes.xyxy[0], 1.3), 96)
    once, twice = flip(crop), flip(flip(crop))
    for name in ("rgb", "box", "others", "maps"):
        np.testing.assert_allclose(getattr(twice, name), getattr(crop, name), atol=1e-4)
    np.testing.assert_array_equal(inside(once.box, 96), inside(crop.box, 96)[:, ::-1])
    np.testing.assert_allclose(once.maps[1], -crop.maps[1][:, ::-1], atol=1e-3)


def test_a_pixel_goes_to_the_box_that_claims_it_most():
    first, second = np.full((4, 4), 0.6, np.float32), np.full((4, 4), 0.7, np.float32)
    second[0] = 0.4
    places = [((slice(0, 4), slice(0, 4)), first), ((slice(0, 4), slice(2, 6)), second)]
    objects, best = assign(places, (5, 8))
    assert objects[:4, :2].tolist() == [[1, 1]] * 4
    assert objects[:4, 2:6].tolist() == [[1, 1, 0, 0], *[[2] * 4] * 3]
    assert best[0, 4] == np.float32(0.4)
    assert objects[4].sum() == 0
