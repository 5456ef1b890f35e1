"""No pixel has two owners."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.masks import rle
from stc_track.masks.disjoint import make_disjoint, touching

STACKS = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)).flatmap(lambda s: hnp.arrays(bool, s))


def spans_of(masks):
    return [rle.spans(rle.encode(mask), *mask.shape) for mask in masks]


@given(STACKS)
def test_touching(masks):
    shared = masks.sum(0) > 1
    assert touching(spans_of(masks)).tolist() == [bool((mask & shared).any()) for mask in masks]


@given(STACKS, st.data())
def test_each_pixel_goes_to_the_highest_score(masks, data):
    scores = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(masks), max_size=len(masks))))
    scored = np.where(masks, scores[:, None, None], -1)
    winner = np.where(masks.any(0), scored.argmax(0), -1)  # argmax: of equal scores the first
    cut = make_disjoint(spans_of(masks), scores)
    for index, intervals in enumerate(cut):
        mask = rle.decode(rle.from_spans(intervals, *masks.shape[1:]), *masks.shape[1:])
        np.testing.assert_array_equal(mask, winner == index)


def test_no_masks():
    assert make_disjoint([], np.zeros(0)) == []
