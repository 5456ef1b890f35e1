import numpy as np
import pytest

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.votes import Moment, follow, trace_back, vote

SIZE, STEP, CELL = (120, 200), (6.0, -2.0), 4
FLOW = np.broadcast_to(np.array(STEP, np.float32)[:, None, None], (2, SIZE[0] // CELL, SIZE[1] // CELL))


def square(t, side=40):
    """Corner of a square that moves by `STEP` a frame, and its box."""
    left, top = 30 + STEP[0] * t, 60 + STEP[1] * t
    return FrameBoxes(
        np.array([[left, top, left + side, top + side]], np.float32),
        np.ones(1, np.int32),
        np.full(1, 3, np.int32),
        np.zeros((0, 4), np.float32),
    )


def placed(boxes, share):
    """A mask (h, w) of the first box."""
    left, top = boxes.xyxy[0, :2].astype(int)
    return (slice(top, top + share.shape[0]), slice(left, left + share.shape[1])), share


def voted(shares, reach=3, flow=FLOW, boxes=None, colours=None):
    """The shares (40, 40) of the moving square's frames, after the votes."""
    boxes = boxes or [square(t) for t in range(len(shares))]
    masks = [[placed(on_frame, share)] if len(on_frame) else [] for on_frame, share in zip(boxes, shares, strict=True)]
    pictures = [np.full((30, 50, 3), colour, np.uint8) for colour in colours or [90] * len(shares)]
    own = flow.transpose(1, 2, 0)
    found = vote([Moment(m, b, own, p, SIZE) for m, b, p in zip(masks, boxes, pictures, strict=True)], reach)
    return [of_frame[0][1] if of_frame else None for of_frame in found]


def test_one_frames_error_is_outvoted_at_its_moving_place():
    left_half = np.repeat(np.arange(40) < 20, 40).reshape(40, 40).T.astype(np.float32)
    shares = [left_half.copy() for _ in range(5)]
    shares[2] = 1 - left_half
    found = voted(shares)
    for share in found:
        np.testing.assert_array_equal(share[:, :18] > 0.5, True)
        np.testing.assert_array_equal(share[:, 22:] > 0.5, False)
    assert (voted(shares, reach=0)[2] == shares[2]).all()


def test_votes_are_weighted_by_their_distance():
    ones, none = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    found = voted([ones, none, none])[0][20, 20]
    assert found == pytest.approx(1 / (1 + 0.8 + 0.64), abs=1e-5)
    beside = voted([none, ones, none], reach=1)
    assert [share[20, 20] for share in beside] == pytest.approx([0.8 / 1.8, 1 / 2.6, 0.8 / 1.8], abs=1e-5)


def test_other_tracks_and_frames_without_the_box_do_not_vote():
    boxes = [square(0), FrameBoxes.empty(), square(2)]
    ones, none = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    found = voted([ones, none, none], boxes=boxes)
    assert found[1] is None
    assert found[0][20, 20] == pytest.approx(1 / 1.64, abs=1e-5)
    other = square(1)
    other.track_ids[:] = 4
    assert voted([ones, none], boxes=[square(0), other])[0][20, 20] == 1


def test_a_place_that_looks_different_has_no_vote():
    ones, none = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    assert voted([ones, none, none], colours=[90, 200, 90])[0][20, 20] == pytest.approx(1 / 1.64, abs=1e-3)


def test_a_place_outside_the_picture_has_no_vote():
    flow = np.broadcast_to(np.array([300.0, 0.0], np.float32)[:, None, None], FLOW.shape)
    ones, none = np.ones((40, 40), np.float32), np.zeros((40, 40), np.float32)
    assert (voted([ones, none], flow=flow)[0] == 1).all()


def test_points_go_along_the_flow_and_come_back():
    y, x = np.mgrid[:30, :50].astype(np.float32)
    field = np.stack([3 + 0.2 * x, -2 + 0.1 * y], -1)
    points = np.stack(np.meshgrid(np.arange(40.0, 120), np.arange(30.0, 80)), -1).astype(np.float32)
    there = follow(points, field, SIZE)
    expected = points + np.stack([3 + 0.2 * (points[..., 0] / 4 - 0.5), -2 + 0.1 * (points[..., 1] / 4 - 0.5)], -1)
    np.testing.assert_allclose(there, expected, atol=0.02)
    np.testing.assert_allclose(trace_back(there, field, SIZE), points, atol=0.05)
