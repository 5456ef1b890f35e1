import math

import numpy as np
import pytest

from stc_pseudo.depth.training.accuracy import absolute_relative
from stc_pseudo.flow.training.accuracy import end_point_error

NAN = math.nan


def test_depth_error_by_hand():
    """Depths 2, 4, 12 against 1, 2, 4; one pixel has no estimate, one no truth, and one lies beyond 80 m."""
    inverse = np.array([[1 / 2, 1 / 4, 1 / 12, NAN, 1.0, 1.0]], np.float32)
    truth = np.array([[1.0, 2.0, 4.0, 5.0, 90.0, NAN]], np.float32)
    scaled, unscaled, share = absolute_relative(inverse, truth)
    # By the medians, 4 and 2, the estimate is halved: only 12 -> 6 is wrong, by half.
    assert scaled == pytest.approx(0.5 / 3, rel=1e-6)
    assert unscaled == pytest.approx((1 + 1 + 2) / 3, rel=1e-6)
    assert share == pytest.approx(3 / 4)


def test_estimates_end_where_the_benchmark_does():
    assert absolute_relative(np.zeros((1, 1), np.float32), np.full((1, 1), 40.0))[1] == pytest.approx(1.0)


def test_flow_error_by_hand():
    """Wrong by 5 of 10 px, by 4 of 100 px (within 5 %), and by 2 of 10 px (within 3 px); one pixel has no truth."""
    truth = np.array([[[10.0, 100, 0, NAN]], [[0, 0, 10, NAN]]])
    flow = np.array([[[13.0, 104, 0, 0]], [[4, 0, 8, 0]]])
    error, outliers = end_point_error(flow, truth)
    assert error == pytest.approx((5 + 4 + 2) / 3)
    assert outliers == pytest.approx(1 / 3)
