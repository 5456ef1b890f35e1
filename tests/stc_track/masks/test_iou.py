"""Overlap of masks against pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.masks import rle
from stc_track.masks.iou import iou, shifted

STACKS = st.tuples(st.integers(2, 6), st.integers(1, 7), st.integers(1, 7)).flatmap(lambda s: hnp.arrays(bool, s))


@given(STACKS, st.data())
def test_iou(masks, data):
    masks[:, 0, 0] = True  # no mask is empty
    places = st.integers(0, len(masks) - 1)
    pairs = data.draw(st.lists(st.tuples(places, places), max_size=8))
    spans = [rle.spans(rle.encode(mask), *mask.shape) for mask in masks]
    found = iou([spans[one] for one, _ in pairs], [spans[other] for _, other in pairs])
    expected = [(masks[one] & masks[other]).sum() / (masks[one] | masks[other]).sum() for one, other in pairs]
    np.testing.assert_allclose(found, expected)


def test_shifted():
    mask = np.zeros((8, 9), bool)
    mask[2:4, 3:6] = True
    moved = rle.from_spans(shifted(rle.spans(rle.encode(mask), 8, 9), np.array([1.6, -0.9]), 8), 8, 9)
    np.testing.assert_array_equal(rle.decode(moved, 8, 9), np.roll(mask, (-1, 2), (0, 1)))
