"""The labels that the paper prints: M of Eq. 2 in the box, and sub-regions."""

import numpy as np
import pytest

from stc_pseudo.puzzle.sub_regions import (
    assemble,
    masks_in_boxes,
    pixels_of,
    regions_in_boxes,
    share_inside,
    sub_regions,
)
from stc_track.formats.store import DIRECTIONS

PICTURE = """
aaaabbbb
aaaabbbb
aaccbbbb
aaccdddd
aaccdddd
"""


def letters():
    return np.array([list(row) for row in PICTURE.split()])


def edges_within(picture, one_sided=()):
    """Edges that pass where both ends have the same letter; `one_sided` lets those from these letters pass anyhow."""
    edges = np.zeros((8, *picture.shape), bool)
    for d, (rows, columns) in enumerate(DIRECTIONS):
        for i, j in np.ndindex(picture.shape):
            k, m = i + rows, j + columns
            if 0 <= k < picture.shape[0] and 0 <= m < picture.shape[1]:
                edges[d, i, j] = picture[k, m] == picture[i, j] or picture[i, j] in one_sided
    return edges


@pytest.mark.parametrize("one_sided", ["", "c"], ids=["both ends cut", "one end cut"])
def test_what_edges_connect_is_one_region(one_sided):
    picture = letters()
    regions = sub_regions(edges_within(picture, one_sided))
    assert len(np.unique(regions)) == 4
    for letter in "abcd":
        assert len(np.unique(regions[picture == letter])) == 1


def test_no_edges_leave_every_cell_alone():
    assert len(np.unique(sub_regions(np.zeros((8, 3, 4), bool)))) == 12


def test_share_of_cells_in_boxes():
    boxes = np.array([[0, 0, 8, 4], [2, 2, 6, 4]])
    first, second = share_inside(boxes, (2, 3))
    assert first.tolist() == [[1, 1, 0], [0, 0, 0]]
    assert second.tolist() == [[0.25, 0.25, 0], [0, 0, 0]]


def test_boxes_get_the_regions_that_they_hold():
    _, regions = np.unique(letters(), return_inverse=True)
    regions = regions.reshape(letters().shape)
    boxes = np.array([[16, 0, 32, 20], [16, 12, 32, 20], [0, 0, 8, 20]])  # around b and d; around d; most of a
    pieces = assemble(regions, boxes)
    assert set(pieces[letters() == "b"]) == {1}
    assert set(pieces[letters() == "d"]) == {1}  # both boxes hold it wholly: the first
    assert set(pieces[np.isin(letters(), ["a", "c"])]) == {0}
    assert assemble(regions, boxes[:0]).max() == 0


def test_a_box_has_its_part_of_m_and_the_smallest_box_what_several_hold():
    mask = np.array([[1, 1, 0], [1, 1, 1]], bool)  # 4 pixels a cell: 8 rows, 12 columns of a frame of 9 x 14
    boxes = np.array([[0.0, 0, 14, 9], [4, 4, 12, 9]])
    (place, large), (small_place, small) = masks_in_boxes(mask, boxes, (9, 14))
    assert place == (slice(0, 9), slice(0, 14))
    assert small_place == (slice(4, 9), slice(4, 12))
    expected = np.zeros((9, 14), bool)
    expected[:8, :12] = mask.repeat(4, 0).repeat(4, 1)
    taken = expected.copy()
    taken[4:9, 4:12] = False
    assert np.array_equal(large > 0, taken)
    assert np.array_equal(small > 0, expected[4:9, 4:12])  # the frame's last row has no cell


def test_a_box_has_the_pixels_of_its_regions():
    boxes = np.array([[16.0, 0, 32, 12], [18, 12, 31, 20]])  # around b; within d
    first, second = regions_in_boxes(edges_within(letters()), boxes, (20, 32))
    assert np.array_equal(first[1] > 0, (letters() == "b")[:3, 4:].repeat(4, 0).repeat(4, 1))
    assert second[1].all()  # 0.81 of d lies in it


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ([1.2, 0.6, 3.9, 2.4], (slice(1, 2), slice(1, 4))),
        ([2.6, 1.6, 2.9, 1.7], (slice(2, 3), slice(3, 4))),
        ([9.7, 5.6, 10, 6], (slice(5, 6), slice(9, 10))),
    ],
    ids=["centres inside", "between centres", "corner of the frame"],
)
def test_pixels_of_a_box(box, place):
    assert pixels_of(np.array(box, np.float32), (6, 10)) == place
