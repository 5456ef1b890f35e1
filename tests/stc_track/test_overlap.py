"""Coverage of masks against pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_track.formats import rle
from stc_track.overlap import coverage, shifted

STACKS = st.tuples(st.integers(2, 6), st.integers(1, 7), st.integers(1, 7)).flatmap(lambda s: hnp.arrays(bool, s))


@given(STACKS, st.data())
def test_coverage(masks, data):
    masks[:, 0, 0] = True  # no mask is empty
    split = data.draw(st.integers(1, len(masks) - 1))
    pairs = data.draw(hnp.arrays(bool, (split, len(masks) - split)))
    spans = [rle.spans(rle.encode(mask), *mask.shape) for mask in masks]
    found = coverage(spans[:split], spans[split:], pairs)
    for (row, column), asked in np.ndenumerate(pairs):
        one, other = masks[row], masks[split + column]
        shared = (one & other).sum() if asked else 0
        np.testing.assert_allclose(found[row, column], (shared / one.sum() + shared / other.sum()) / 2)


def test_shifted():
    mask = np.zeros((8, 9), bool)
    mask[2:4, 3:6] = True
    moved = rle.from_spans(shifted(rle.spans(rle.encode(mask), 8, 9), np.array([1.6, -0.9]), 8), 8, 9)
    np.testing.assert_array_equal(rle.decode(moved, 8, 9), np.roll(mask, (-1, 2), (0, 1)))
