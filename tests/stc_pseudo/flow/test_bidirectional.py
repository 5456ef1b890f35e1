import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.flow.bidirectional import BidirectionalFlow, difference

SIZE, SHIFT = (48, 96), 8


def picture(t):
    """A textured square that moves to the right over a textured wall."""
    rng = np.random.default_rng(1)
    wall, square = (
        cv2.GaussianBlur(rng.integers(0, 256, shape).astype(np.uint8), (3, 3), 0) for shape in ((*SIZE, 3), (24, 24, 3))
    )
    wall[12:36, 20 + SHIFT * t : 44 + SHIFT * t] = square
    return wall


class Guessing:
    """Flow that knows the square and the wall, but for the wall's part that the other frame hides: a wild guess."""

    def fingerprint(self, sequence):
        return "guessing"

    def flow(self, sequence, start, frames):
        return np.stack([self._field(start + t, ahead=True) for t in range(len(frames) - 1)])

    def backward_flow(self, sequence, start, frames):
        return np.stack([self._field(start + 1 + t, ahead=False) for t in range(len(frames) - 1)])

    def _field(self, t, ahead):
        field, left, sign = np.zeros((2, *SIZE), np.float32), 20 + SHIFT * t, 1 if ahead else -1
        field[0, 12:36, left : left + 24] = sign * SHIFT
        hidden = slice(left + 24, left + 24 + SHIFT) if ahead else slice(left - SHIFT, left)
        field[0, 12:36, hidden] = -15
        return field


@pytest.fixture
def sequence(tmp_path):
    paths = tuple(tmp_path / f"{t}.png" for t in range(5))
    for t, path in enumerate(paths):
        cv2.imwrite(str(path), picture(t)[..., ::-1])
    return VideoSequence("0000", SIZE, paths, tuple(range(5)))


@pytest.mark.parametrize("start", [0, 2])
def test_what_the_next_frame_hides_the_previous_one_shows(sequence, start):
    frames = np.stack([picture(t) for t in range(start, 5)])
    found = BidirectionalFlow(Guessing()).flow(sequence, start, frames)
    assert found.shape == (4 - start, 2, *SIZE)
    for t in range(max(start, 1), 4):
        truth = np.zeros(SIZE)
        truth[12:36, 20 + SHIFT * t : 44 + SHIFT * t] = SHIFT
        wrong = [np.abs(field[0] - truth).mean() for field in (found[t - start], Guessing()._field(t, ahead=True))]
        assert wrong[0] < 0.25 * wrong[1]


def test_two_frames_have_no_previous_one(sequence):
    frames = np.stack([picture(0), picture(1)])
    np.testing.assert_array_equal(
        BidirectionalFlow(Guessing()).flow(sequence, 0, frames), Guessing().flow(sequence, 0, frames)
    )


def test_nothing_is_known_beyond_the_frame_or_without_flow():
    flow = np.zeros((2, 10, 12), np.float32)
    flow[0, :, 8:] = 9
    flow[:, 0] = np.nan
    found = difference(np.zeros((10, 12), np.float32), np.zeros((10, 12), np.float32), flow)
    assert np.isinf(found[:, 8:]).all()
    assert np.isinf(found[0]).all()
    assert (found[1:, :8] == 0).all()
