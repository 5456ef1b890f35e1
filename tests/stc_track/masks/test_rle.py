"""Compressed RLE: parity with pycocotools, set operations, and strings that are no RLE."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from stc_track.masks import rle

SIDES = st.tuples(st.integers(1, 12), st.integers(1, 40))
MASKS = SIDES.flatmap(lambda size: hnp.arrays(bool, size))
PAIRS = SIDES.flatmap(lambda size: st.tuples(hnp.arrays(bool, size), hnp.arrays(bool, size)))


@given(MASKS)
def test_agrees_with_pycocotools(mask):
    height, width = mask.shape
    counts = rle.encode(mask)
    official = {"counts": counts, "size": [height, width]}
    np.testing.assert_array_equal(rle.decode(counts, height, width), mask)
    assert rle.area(counts, height, width) == coco_mask.area(official) == mask.sum()
    assert rle.from_run_lengths(rle.run_lengths(counts, height, width), height, width) == counts
    assert rle.from_spans(rle.spans(counts, height, width), height, width) == counts


@given(MASKS)
def test_tight_box(mask):
    box = rle.tight_box(rle.encode(mask), *mask.shape)
    if not mask.any():
        assert box.tolist() == [0, 0, 0, 0]
        return
    y, x = np.nonzero(mask)
    assert box.dtype == np.float32
    assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]


@given(MASKS)
def test_decode_box(mask):
    counts = rle.encode(mask)
    (x1, y1, x2, y2), part = rle.decode_box(counts, *mask.shape)
    assert [x1, y1, x2, y2] == rle.tight_box(counts, *mask.shape).tolist()
    np.testing.assert_array_equal(part, mask[y1:y2, x1:x2])


@given(PAIRS)
def test_iou_and_merging_agree_with_pycocotools(pair):
    height, width = pair[0].shape
    one, other = ({"counts": rle.encode(mask), "size": [height, width]} for mask in pair)
    first, second = (rle.spans(mask["counts"], height, width) for mask in (one, other))
    union = rle.from_spans(rle.union_spans(first, second), height, width)
    assert union == coco_mask.merge([one, other])["counts"]
    shared = rle.area(one["counts"], height, width) - np.diff(rle.subtract_spans(first, second)).sum()
    if (total := rle.area(union, height, width)) > 0:
        assert coco_mask.iou([one], [other], [False])[0, 0] == pytest.approx(shared / total)


@given(PAIRS)
def test_set_operations(pair):
    size = pair[0].shape
    first, second = (rle.spans(rle.encode(mask), *size) for mask in pair)
    assert rle.from_spans(rle.subtract_spans(first, second), *size) == rle.encode(pair[0] & ~pair[1])
    assert rle.from_spans(rle.union_spans(first, second), *size) == rle.encode(pair[0] | pair[1])


@given(st.lists(st.integers(0, 400), min_size=1, max_size=9), st.integers(1, 30))
def test_long_runs_survive(runs, width):
    """Lengths beyond one 5-bit group, and runs of length 0, which others' encoders write."""
    runs = np.array(runs)
    height = -(-int(runs.sum() + 1) // width)
    runs = np.append(runs, height * width - runs.sum())
    np.testing.assert_array_equal(rle.run_lengths(rle.from_run_lengths(runs, height, width), height, width), runs)


@pytest.mark.parametrize(
    ("counts", "height", "width", "expected", "found"),
    [
        pytest.param(b"", 2, 2, "an RLE string", "an empty one", id="empty"),
        pytest.param(b"22", 2, 3, "2 x 3 = 6 pixels", "4", id="too short"),
        pytest.param(b"23", 2, 2, "2 x 2 = 4 pixels", "5", id="too long"),
        pytest.param(b"2R", 2, 2, "whole", "ends within a number", id="truncated"),
        pytest.param(b"2 2", 2, 2, "characters", "'2 2'".replace("'", ""), id="space inside"),
        pytest.param(b"\xff\xfe", 2, 2, "characters", "xff", id="not text"),
        pytest.param(b"2O3", 2, 2, "at least 0", "-1", id="negative length"),
        pytest.param(b"oooooooooooo0", 2, 2, "an RLE string", "13 characters", id="number without end"),
        pytest.param(b"0", 0, 5, "a mask of", "0 x 5", id="no pixels"),
        pytest.param(b"0", 2**16, 2**16, "a mask of", "65536", id="too many pixels"),
    ],
)
def test_broken_strings(counts, height, width, expected, found):
    with pytest.raises(rle.RleError) as error:
        rle.validate(counts, height, width)
    assert expected in error.value.expected
    assert found in error.value.found


@given(MASKS, st.data())
def test_every_truncation_is_an_error(mask, data):
    counts = rle.encode(mask)
    cut = counts[: data.draw(st.integers(0, len(counts) - 1))]
    try:
        runs = rle.run_lengths(cut, *mask.shape)
    except rle.RleError:
        return
    assert runs.sum() == mask.size  # only what was cut off was a last run of length 0


@given(st.binary(max_size=60), st.integers(-2, 50), st.integers(-2, 50))
def test_garbage_is_a_mask_or_an_error(counts, height, width):
    try:
        mask = rle.decode(counts, height, width)
    except rle.RleError:
        return
    assert mask.shape == (height, width)
