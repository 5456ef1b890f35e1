"""Masks that are decoded when needed, and masks moved with their boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.masks import rle
from stc_track.masks.iou import areas
from stc_track.masks.lazy import LazyMasks, moved, touching_boxes

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: hnp.arrays(bool, shape))


def drawn(mask):
    return rle.spans(rle.encode(mask), *mask.shape)


def pixels(spans, size):
    return rle.decode(rle.from_spans(spans, *size), *size)


@given(MASKS)
def test_lazy_masks(mask):
    height, width = mask.shape
    masks = LazyMasks([rle.encode(mask)], height, width)
    np.testing.assert_array_equal(masks[0], drawn(mask))
    assert masks[0] is masks[0]
    np.testing.assert_array_equal(masks.boxes(), [rle.tight_box(rle.encode(mask), height, width)])
    assert masks.counts(0) == rle.encode(mask)
    assert masks.areas().tolist() == areas([drawn(mask)]).tolist() == [mask.sum()]


def test_no_masks_have_no_boxes():
    assert LazyMasks([], 5, 5).boxes().shape == (0, 4)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [([[0, 0, 4, 4], [3, 3, 6, 6], [7, 7, 9, 9]], [True, True, False]), ([[0, 0, 4, 4], [4, 0, 8, 4]], [False, False])],
    ids=["corner", "side by side"],
)
def test_touching_boxes(boxes, expected):
    assert touching_boxes(np.array(boxes, float)).tolist() == expected


@given(MASKS)
def test_a_mask_that_stays_is_the_same(mask):
    box = np.array([0.0, 0, mask.shape[1], mask.shape[0]])
    np.testing.assert_array_equal(pixels(moved(drawn(mask), box, box, mask.shape), mask.shape), mask)


@given(MASKS, st.integers(-5, 5), st.integers(-5, 5))
def test_a_mask_moves_and_is_cut_at_the_border(mask, x, y):
    height, width = size = 12, 14
    whole = np.zeros(size, bool)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    box = np.array([0.0, 0, mask.shape[1], mask.shape[0]])
    expected = np.zeros(size, bool)
    rows, columns = np.nonzero(whole)
    inside = (rows + y >= 0) & (rows + y < height) & (columns + x >= 0) & (columns + x < width)
    expected[rows[inside] + y, columns[inside] + x] = True
    found = moved(drawn(whole), box, box + np.array([x, y, x, y]), size)
    np.testing.assert_array_equal(pixels(found, size), expected)


def test_a_mask_is_stretched_with_its_box():
    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:6] = True
    found = pixels(moved(drawn(mask), np.array([2.0, 2, 6, 4]), np.array([4.0, 4, 12, 12]), (20, 20)), (20, 20))
    expected = np.zeros((20, 20), bool)
    expected[4:12, 4:12] = True
    np.testing.assert_array_equal(found, expected)
