"""COCO's average precision on masks drawn by hand."""

import numpy as np
import pytest

from stc_pseudo.evaluation.average_precision import FoundMask, TrueMask, average_precision, mean_of_classes
from stc_track.masks import rle

SIZE = (8, 12)


def drawn(rows, columns):
    mask = np.zeros(SIZE, bool)
    mask[slice(*rows), slice(*columns)] = True
    return rle.encode(mask)


LARGE, SMALL = drawn((0, 6), (0, 6)), drawn((6, 8), (8, 10))
TRUTH = [TrueMask(0, 1, LARGE), TrueMask(0, 1, SMALL), TrueMask(1, 2, LARGE)]


@pytest.mark.parametrize(
    ("found", "everything", "large"),
    [
        pytest.param([FoundMask(0, 1, LARGE, 0.9), FoundMask(0, 1, SMALL, 0.8)], 100, 100, id="all found"),
        pytest.param([FoundMask(0, 1, LARGE, 0.9)], 50, 100, id="the small one missed"),
        pytest.param([FoundMask(1, 1, LARGE, 0.9)], 0, 0, id="on another image"),
        pytest.param([FoundMask(0, 1, drawn((0, 4), (0, 6)), 0.9), FoundMask(0, 1, SMALL, 0.8)], 55, 40, id="IoU 0.67"),
        pytest.param([], 0, 0, id="nothing found"),
    ],
)
def test_figures(found, everything, large):
    figures = average_precision([SIZE, SIZE], TRUTH, found, [1, 2, 3], {"all": 0, "large": 20})
    assert set(figures["all"]) == set(figures["large"]) == {1, 2}  # class 3 has no object
    assert figures["all"][1]["AP"] == pytest.approx(everything, abs=1)
    assert figures["large"][1]["AP"] == pytest.approx(large, abs=1)
    assert figures["all"][2] == {"AP": 0, "AP50": 0, "AP75": 0}
    assert mean_of_classes(figures["all"])["AP"] == pytest.approx(figures["all"][1]["AP"] / 2)


def test_a_crowd_counts_neither_way():
    truth = [TrueMask(0, 1, LARGE), TrueMask(0, 1, SMALL, crowd=True)]
    found = [FoundMask(0, 1, LARGE, 0.5), FoundMask(0, 1, SMALL, 0.9)]
    assert average_precision([SIZE], truth, found, [1], {"all": 0})["all"][1]["AP"] == pytest.approx(100)
    assert average_precision([SIZE], truth[1:], found, [1], {"all": 0})["all"] == {}
    assert mean_of_classes({}) == {"AP": 0, "AP50": 0, "AP75": 0}
