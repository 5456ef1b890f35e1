import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from stc_pseudo.depth.training.geometry import (
    flipped_intrinsics,
    invert_rigid,
    plane_and_parallax,
    resized_intrinsics,
    rigid_flow,
    rigid_transform,
)

CAMERA = np.array([[50.0, 0, 15.5], [0, 48.0, 9.0], [0, 0, 1]])
small = st.floats(-0.2, 0.2)
vectors = st.tuples(small, small, small)


def as_batch(*arrays):
    return [torch.tensor(np.asarray(array), dtype=torch.float64)[None] for array in arrays]


def project(point, camera):
    u, v, w = camera @ point
    return np.array([u / w, v / w])


@given(vectors, vectors)
@settings(max_examples=30, deadline=None)
def test_transform_is_rodrigues_and_inverts(axis_angle, translation):
    (matrix,) = rigid_transform(*as_batch(axis_angle, translation))
    np.testing.assert_allclose(matrix[:3, :3], Rotation.from_rotvec(axis_angle).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 3], translation)
    np.testing.assert_allclose(invert_rigid(matrix[None])[0] @ matrix, np.eye(4), atol=1e-12)


@given(vectors, vectors, st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_flow_follows_each_point_into_the_other_camera(axis_angle, translation, seed):
    depth = np.random.default_rng(seed).uniform(1, 30, (20, 32))
    transform = rigid_transform(*as_batch(axis_angle, translation))
    (flow,) = rigid_flow(*as_batch(depth[None]), *plane_and_parallax(*as_batch(CAMERA), transform))
    rotation = Rotation.from_rotvec(axis_angle)
    for y, x in ((0, 0), (19, 31), (7, 20)):
        point = np.linalg.inv(CAMERA) @ (x, y, 1) * depth[y, x]
        seen = project(rotation.apply(point) + translation, CAMERA)
        np.testing.assert_allclose(flow[:, y, x], seen - (x, y), atol=1e-8)


def test_point_behind_the_camera_stays_finite():
    backwards = rigid_transform(*as_batch((0, 0, 0), (0, 0, -5.0)))
    moved = plane_and_parallax(*as_batch(CAMERA), backwards)
    assert rigid_flow(torch.ones(1, 1, 4, 4).double(), *moved).isfinite().all()


def test_a_camera_at_rest_has_a_gradient():
    """A pose network begins there."""
    axis_angle = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    (matrix,) = rigid_transform(axis_angle, torch.zeros(1, 3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(matrix[2, 1], axis_angle)
    torch.testing.assert_close(gradient, torch.tensor([[1.0, 0, 0]], dtype=torch.float64))


def test_resized_camera_sees_the_resized_pixel():
    """A pixel's left edge at x is at x * factor after resizing; its centre is half a pixel to the right of the edge."""
    camera = resized_intrinsics(torch.tensor(CAMERA), (20, 32), (40, 16))
    point = np.array([0.3, -0.1, 2.0])
    before, after = project(point, CAMERA), project(point, camera.numpy())
    np.testing.assert_allclose(after + 0.5, (before + 0.5) * (0.5, 2))


def test_flipped_camera_sees_the_mirrored_world():
    point = np.array([0.3, -0.1, 2.0])
    (camera,) = flipped_intrinsics(torch.tensor(CAMERA)[None], 32)
    x, y = project(point, CAMERA)
    np.testing.assert_allclose(project(point * (-1, 1, 1), camera.numpy()), (31 - x, y))
