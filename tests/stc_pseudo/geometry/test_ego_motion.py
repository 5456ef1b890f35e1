import numpy as np
import pytest

from stc_pseudo.datasets.base import Calibration
from stc_pseudo.geometry.ego_motion import camera_flow

CAMERA = Calibration(70.0, 72.0, 61.0, 18.0)
SHAPE = (40, 120)


def projected_flow(inverse_depth, translation, rotation, cell):
    """Flow of static points between two frames, by turning and moving every point: small angles, radians."""
    rows, columns = (np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5) * cell
    points = (
        np.stack(
            [(columns - CAMERA.centre_x) / CAMERA.focal_x, (rows - CAMERA.centre_y) / CAMERA.focal_y, np.ones(SHAPE)]
        )
        / inverse_depth
    )
    x, y, z = np.array(rotation)
    turn = np.array([[1, z, -y], [-z, 1, x], [y, -x, 1]])
    moved = np.einsum("ij,jhw->ihw", turn, points) - np.array(translation)[:, None, None]
    return np.stack(
        [
            moved[0] / moved[2] * CAMERA.focal_x + CAMERA.centre_x - columns,
            moved[1] / moved[2] * CAMERA.focal_y + CAMERA.centre_y - rows,
        ]
    )


@pytest.mark.parametrize("cell", [1, 4])
@pytest.mark.parametrize(
    ("translation", "rotation"),
    [((0, 0, 0.2), (0, 0, 0)), ((0.1, -0.05, 0.1), (0, 0.004, 0)), ((0, 0, 0), (0.003, -0.005, 0.004))],
    ids=str,
)
def test_a_static_scene_leaves_nothing(translation, rotation, cell):
    rng = np.random.default_rng(0)
    inverse_depth = 1 / rng.uniform(8, 60, SHAPE)
    flow = projected_flow(inverse_depth, translation, rotation, cell)
    static, moving = np.ones(SHAPE, bool), np.zeros(SHAPE, bool)
    moving[10:30, 40:60] = True
    noisy = flow + 9.0 * moving  # the fit must find the camera beside a thing that is not marked
    for unit in (1.0, 20.0):  # the scale of depth does not matter
        found = camera_flow(inverse_depth * unit, noisy, static, CAMERA, cell)
        assert np.abs(found - flow).max() < 0.03 * max(np.abs(flow).max(), 1)


def test_nothing_static_nothing_told():
    assert camera_flow(np.ones(SHAPE), np.zeros((2, *SHAPE)), np.zeros(SHAPE, bool), CAMERA, 1) is None
