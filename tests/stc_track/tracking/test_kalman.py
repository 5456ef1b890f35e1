"""The Kalman filter against plain matrices."""

import numpy as np
import pytest

from stc_track.tracking.kalman import STILL, KalmanState, moved_boxes, points_of
from stc_track.tracking.settings import MotionSettings

SETTINGS = MotionSettings(measurement=0.3, position=0.2, velocity=0.1, start_velocity=0.7, robust=0)


class PlainKalman:
    """One coordinate: state (position, velocity), textbook matrices."""

    F = np.array([[1.0, 1.0], [0.0, 1.0]])
    H = np.array([[1.0, 0.0]])

    def __init__(self, at):
        self.x = np.array([at, 0.0])
        self.P = np.diag([SETTINGS.measurement**2, SETTINGS.start_velocity**2])

    def predict(self):
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + np.diag([SETTINGS.position**2, SETTINGS.velocity**2])

    def update(self, z):
        S = self.H @ self.P @ self.H.T + SETTINGS.measurement**2
        K = self.P @ self.H.T / S
        self.x = self.x + K[:, 0] * (z - self.H @ self.x)
        self.P = (np.eye(2) - K @ self.H) @ self.P


def test_agrees_with_plain_matrices():
    random = np.random.default_rng(0)
    start = random.normal(size=(3, 4)) * 50
    state = KalmanState.start(start, SETTINGS)
    plain = [[PlainKalman(at) for at in row] for row in start]
    for step in range(8):
        state.predict(SETTINGS)
        rows = np.array([0, 2]) if step % 3 else np.array([1])
        measured = state.position[rows] + random.normal(size=(len(rows), 4))
        for track in plain:
            for coordinate in track:
                coordinate.predict()
        for row, values in zip(rows, measured, strict=True):
            for coordinate, value in zip(plain[row], values, strict=True):
                coordinate.update(value)
        state.update(rows, measured, np.ones(len(rows)), SETTINGS)
        for row, track in enumerate(plain):
            for column, coordinate in enumerate(track):
                assert state.position[row, column] == pytest.approx(coordinate.x[0])
                assert state.velocity[row, column] == pytest.approx(coordinate.x[1])
                P = coordinate.P
                found = [state.pp[row], state.pv[row], state.vv[row]]
                np.testing.assert_allclose(found, [P[0, 0], P[0, 1], P[1, 1]])


def test_learns_a_constant_velocity():
    state = KalmanState.start(np.zeros((1, 2)), SETTINGS)
    for step in range(1, 40):
        state.predict(SETTINGS)
        state.update(np.array([0]), np.array([[3.0 * step, -step]]), np.ones(1), SETTINGS)
    np.testing.assert_allclose(state.velocity, [[3, -1]], atol=1e-3)
    state.predict(SETTINGS)
    np.testing.assert_allclose(state.position, [[120, -40]], atol=1e-2)  # Eq. 7: one movement further


def test_still_expects_the_last_place():
    state = KalmanState.start(np.zeros((1, 2)), STILL)
    for place in ([5.0, 1.0], [9.0, 1.0]):
        state.predict(STILL)
        state.update(np.array([0]), np.array([place]), np.ones(1), STILL)
    state.predict(STILL)
    assert state.position.tolist() == [[9, 1]]


def test_points():
    boxes = np.array([[2.0, 4, 8, 6]])
    assert points_of(boxes, "center").tolist() == [[5, 5]]
    assert points_of(boxes, "diagonal") is points_of(boxes, "none") is boxes


@pytest.mark.parametrize(("robust", "moves"), [(0.0, True), (2.0, False)], ids=["plain", "robust"])
def test_a_side_that_jumps_is_no_motion(robust, moves):
    """Half of a box that stood still disappears behind something: it has become another box, not a fast one."""
    settings = MotionSettings(robust=robust)
    state = KalmanState.start(np.array([[0.0, 0, 100, 50]]), settings)
    for _ in range(10):
        state.predict(settings)
        state.update(np.array([0]), np.array([[0.0, 0, 100, 50]]), np.array([112.0]), settings)
    state.predict(settings)
    state.update(np.array([0]), np.array([[0.0, 0, 50, 50]]), np.array([112.0]), settings)
    assert (abs(state.velocity[0, 2]) > 15) == moves
    if not moves:
        assert state.position[0, 2] == pytest.approx(50, abs=12)


def test_moved_boxes():
    boxes = np.array([[2.0, 4, 8, 6]])
    assert moved_boxes(boxes, np.array([[10.0, 10]])).tolist() == [[7, 9, 13, 11]]
    assert moved_boxes(boxes, np.array([[1.0, 2, 3, 4]])).tolist() == [[1, 2, 3, 4]]
