"""Overlap of masks against pixels, and of boxes against pycocotools."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from stc_track.masks import rle
from stc_track.masks.iou import box_iou, iou, shifted

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


def test_box_iou():
    rng = np.random.default_rng(0)
    boxes, others = (
        np.concatenate([low, low + rng.uniform(1, 40, low.shape)], 1) for low in rng.uniform(0, 50, (2, 9, 2))
    )
    expected = coco_mask.iou(*(np.hstack([b[:, :2], b[:, 2:] - b[:, :2]]) for b in (boxes, others)), [False] * 9)
    np.testing.assert_allclose(box_iou(boxes, others), expected)
    assert box_iou(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0]]  # both empty
    assert box_iou(boxes, np.zeros((0, 4))).shape == (9, 0)


def test_shifted():
    mask = np.zeros((8, 9), bool)
    mask[2:4, 3:6] = True
    moved = rle.from_spans(shifted(rle.spans(rle.encode(mask), 8, 9), np.array([1.6, -0.9]), 8), 8, 9)
    np.testing.assert_array_equal(rle.decode(moved, 8, 9), np.roll(mask, (-1, 2), (0, 1)))
