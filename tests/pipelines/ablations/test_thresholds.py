import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.ablations.sub_regions import assemble, mask_in_box, share_inside, sub_regions
from pipelines.ablations.thresholds import DEPTH_THRESHOLDS, FLOW_THRESHOLDS, main
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


def test_a_box_s_mask_is_its_own_pixels():
    pieces = np.array([[1, 1, 2], [1, 2, 2]])
    mask = mask_in_box(pieces, 1, np.array([3, 2, 9, 11]))  # the map covers 8 rows
    expected = np.zeros((9, 6), bool)
    expected[:2, :5] = True  # rows 2, 3: columns 3..7
    expected[2:6, :1] = True  # rows 4..7: column 3
    assert np.array_equal(mask, expected)


def test_command_measures_a_drawn_data_set(tmp_path, drawn_store):
    root, store = drawn_store
    figures = tmp_path / "grid.json"
    done = CliRunner().invoke(main, ["--store", str(store), "--truth", str(root), "--json", str(figures)])
    assert done.exit_code == 0, done.output
    assert "| phi_s \\ phi_t | 0.2 | 0.3 | 0.4 | 0.5 |" in done.output
    report = json.loads(figures.read_text())
    assert len(report["thresholds"]) == len(DEPTH_THRESHOLDS) * len(FLOW_THRESHOLDS)
    assert sorted(report["layers"]) == ["1", "2", "3", "4"]
    assert report["layers"]["3"] == report["dilation"]["2"] == report["thresholds"]["0.3 0.4"]
    assert report["boxes"]["filled box"]["all"] == pytest.approx(np.pi / 4, abs=0.02)  # ellipses
    assert report["cues"]["depth"]["instances"] == 6
    # Flat objects before a flat wall: nothing is missed but the borders' cells.
    assert report["thresholds"]["0.3 0.4"]["all"] > 0.8
