"""The synthetic video agrees with itself: pictures, depth, flow, masks and poses tell one story."""

from dataclasses import replace

import numpy as np
import pytest

from stc_pseudo.synthetic import textures
from stc_pseudo.synthetic.camera import Camera, apply, compose, inverse, rigid, turn
from stc_pseudo.synthetic.layout import make_scene
from stc_pseudo.synthetic.pedestrian import pedestrian
from stc_pseudo.synthetic.primitives import Kind, cone, ellipsoid, frustum, hit_convex, hit_curved
from stc_pseudo.synthetic.rasteriser import FIRST, GROUND, SKY, Stage
from stc_pseudo.synthetic.render import render_frame
from stc_pseudo.synthetic.scene import FRAME_RATE, Ego, Scene

SIZE = (144, 480)
CAMERA = Camera.for_size(SIZE)
# Sequences of seed 0: a drive along a street, and a stop before a crossing.
DRIVE, CROSSING = 9, 10


@pytest.fixture(scope="module", params=[DRIVE, CROSSING], ids=["drive", "crossing"])
def shot(request):
    """A scene and its frames 4 and 5 without noise."""
    stage = Stage(make_scene(0, request.param, 1.0))
    frames = [render_frame(stage, CAMERA, number) for number in (4, 5)]
    views = [
        stage.look(CAMERA, frame.pose, stage.poses(number / FRAME_RATE))
        for number, frame in zip((4, 5), frames, strict=True)
    ]
    return stage, frames, views


def pixel_grid():
    return np.meshgrid(np.arange(SIZE[1], dtype=float), np.arange(SIZE[0], dtype=float))


def sample(picture, x, y):
    """Bilinear samples of (H, W) or (H, W, C) at positions inside the frame."""
    x0, y0 = np.floor(x).astype(int).clip(0, SIZE[1] - 2), np.floor(y).astype(int).clip(0, SIZE[0] - 2)
    u, v = x - x0, y - y0
    if picture.ndim == 3:
        u, v = u[:, None], v[:, None]
    picture = picture.astype(float)
    return (1 - v) * ((1 - u) * picture[y0, x0] + u * picture[y0, x0 + 1]) + v * (
        (1 - u) * picture[y0 + 1, x0] + u * picture[y0 + 1, x0 + 1]
    )


def same_surface(first, second, x, y):
    """Whether a pixel, its neighbours, and the four pixels around where it goes all show one solid's one face."""

    def label(view):
        return view.seen * 16 + view.face

    here, there = label(first), label(second)
    inner = np.ones(SIZE, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(here, step, axis) == here
    inner[[0, -1]] = inner[:, [0, -1]] = False
    inner &= (x >= 0) & (x < SIZE[1] - 1) & (y >= 0) & (y < SIZE[0] - 1)
    x0, y0 = np.floor(np.where(inner, x, 0)).astype(int), np.floor(np.where(inner, y, 0)).astype(int)
    for dy in (0, 1):
        for dx in (0, 1):
            inner &= there[y0 + dy, x0 + dx] == here
    return inner


@pytest.mark.parametrize("class_id", [0, 1, 2], ids=["street", "car", "pedestrian"])
def test_next_frame_warped_by_flow_is_this_frame(shot, class_id):
    _, (now, then), views = shot
    grid_x, grid_y = pixel_grid()
    x, y = grid_x + now.flow[0], grid_y + now.flow[1]
    chosen = same_surface(*views, x, y) & (now.instances // 1000 == class_id)
    assert chosen.sum() > 60
    error = np.abs(sample(then.image, x[chosen], y[chosen]) - now.image[chosen]).mean(-1)
    unmoved = np.abs(then.image[chosen].astype(float) - now.image[chosen]).mean(-1)
    # Levels of 255: resampling blurs, and a limb's shade changes as it turns.
    assert np.median(error) < 1.5
    assert error.mean() < 0.25 * unmoved.mean()


def test_right_frame_warped_by_disparity_is_the_left_one(shot):
    stage, (now, _), (view, _) = shot
    eye = compose(now.pose, rigid(translation=(CAMERA.baseline, 0, 0)))
    right_view = stage.look(CAMERA, eye, stage.poses(4 / FRAME_RATE))
    grid_x, grid_y = pixel_grid()
    x = grid_x - CAMERA.focal * CAMERA.baseline / now.depth
    chosen = same_surface(view, right_view, x, grid_y)
    assert chosen.mean() > 0.4
    error = np.abs(sample(now.right, x[chosen], grid_y[chosen]) - now.image[chosen]).mean(-1)
    assert np.median(error) < 2
    assert error.mean() < 4


def test_flow_of_still_things_is_depth_and_pose(shot):
    stage, (now, then), (view, _) = shot
    still = ~stage.moves[view.seen] & np.isfinite(now.depth)
    x, y = (axis[still] for axis in pixel_grid())
    points = np.linalg.inv(CAMERA.matrix()) @ np.stack([x, y, np.ones_like(x)]) * now.depth[still]
    moved = CAMERA.matrix() @ apply(inverse(then.pose), apply(now.pose, points.T)).T
    expected = moved[:2] / moved[2] - [x, y]
    np.testing.assert_allclose(now.flow[:, still], expected, atol=5e-3)


def test_flow_of_moving_things_ends_on_the_same_solid(shot):
    stage, (now, _), views = shot
    grid_x, grid_y = pixel_grid()
    moving = stage.moves[views[0].seen]
    x, y = np.rint(grid_x + now.flow[0])[moving], np.rint(grid_y + now.flow[1])[moving]
    inside = (x >= 0) & (x < SIZE[1]) & (y >= 0) & (y < SIZE[0])
    ends = views[1].seen[y[inside].astype(int), x[inside].astype(int)]
    assert inside.sum() > 500
    # What is not: silhouettes, and what another body hides by then.
    assert (ends == views[0].seen[moving][inside]).mean() > 0.7


def test_sky_flows_with_the_rotation_alone(shot):
    _, (now, then), (view, _) = shot
    sky = view.seen == SKY
    assert np.isinf(now.depth[sky]).all()
    assert np.isfinite(now.depth[~sky]).all()
    x, y = (axis[sky] for axis in pixel_grid())
    matrix = CAMERA.matrix()
    turned = (inverse(then.pose)[:, :3] @ now.pose[:, :3]) @ np.linalg.inv(matrix) @ np.stack([x, y, np.ones_like(x)])
    moved = matrix @ turned
    np.testing.assert_allclose(now.flow[:, sky], moved[:2] / moved[2] - [x, y], atol=5e-3)


def test_objects_agree_with_the_map_of_instances(shot):
    _, (now, _), _ = shot
    boxes = {box.object_id: box for box in now.objects}
    ids = set(np.unique(now.instances).tolist()) - {0}
    assert ids <= set(boxes)
    tight = 0
    for object_id in ids:
        rows, columns = np.nonzero(now.instances == object_id)
        x1, y1, x2, y2 = boxes[object_id].box
        seen = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert x1 <= seen[0] < seen[2] <= x2
        assert y1 <= seen[1] < seen[3] <= y2
        assert 0 <= boxes[object_id].truncated <= 1
        if boxes[object_id].hidden == 0:
            assert (x1, y1, x2, y2) == seen
            tight += 1
    assert tight


def empty_stage(pitch=0.0):
    still = Ego(0.0, None, surge=0, weave=0, pitch=pitch, phase=0)
    return Stage(replace_scene(make_scene(0, DRIVE, 1.0), still))


def replace_scene(scene, ego):
    return Scene(scene.road, ego, scene.sun, scene.light, scene.sky)


@pytest.mark.parametrize("degrees", [0.0, 2.0])
def test_depth_of_the_ground_is_analytic(degrees):
    pitch = np.deg2rad(degrees)
    frame = render_frame(empty_stage(pitch), CAMERA, 0, stereo=False)
    slope = (np.arange(SIZE[0]) - CAMERA.centre_y) / CAMERA.focal
    fall = slope * np.cos(pitch) + np.sin(pitch)
    expected = np.where(fall > 0, 1.65 / np.where(fall > 0, fall, 1), np.inf)
    ground = fall > 1e-3
    np.testing.assert_allclose(frame.depth[ground], np.repeat(expected[ground, None], SIZE[1], 1), rtol=1e-4)
    assert np.isinf(frame.depth[fall < 0]).all()


@pytest.mark.parametrize("size", [(375, 1242), (256, 832), (128, 416)], ids=["KITTI", "832 x 256", "416 x 128"])
def test_field_of_view_does_not_depend_on_size(size):
    camera = Camera.for_size(size)
    assert size[1] / camera.focal == pytest.approx(1242 / 721.5377)
    assert (camera.centre_x + 0.5) / size[1] == pytest.approx(610.0593 / 1242)


@pytest.mark.parametrize(
    ("depth", "near"), [(6.0, 0.05), (0.5, 0.3), (-0.5, 0.3)], ids=["ahead", "around", "partly behind"]
)
def test_bounds_hold_what_lies_beyond_the_near_plane(depth, near):
    corners = np.array([[x, y, z + depth] for x in (-0.7, 1.8) for y in (-0.3, 1.2) for z in (-1, 2)])
    low, high = CAMERA.bounds(corners, near)
    weights = np.random.default_rng(0).dirichlet(np.full(8, 0.15), 20000)
    points = weights @ corners
    points = points[points[:, 2] >= near]
    pixels = CAMERA.focal * points[:, :2] / points[:, 2:] + [CAMERA.centre_x, CAMERA.centre_y]
    assert (pixels >= low - 1e-6).all()
    assert (pixels <= high + 1e-6).all()
    assert ((pixels.max(0) - pixels.min(0)) > 0.85 * (high - low)).all()


def test_bounds_of_what_lies_behind_are_none():
    assert CAMERA.bounds(np.array([[0, 0, -1.0], [1, 0, -2]]), 0.05) is None


POSE = rigid(turn(1, 0.7) @ turn(0, 0.4) @ turn(2, -0.3), (0.3, -0.2, 5.0))
SOLIDS = {
    "frustum": frustum((-1, 1.2, -0.8, 0.9), (-0.5, 0.4, -0.3, 0.6), (-0.7, 0.8), (1, 1, 1)),
    "ellipsoid": ellipsoid((0, 0, 0), (1.1, 0.6, 0.8), (1, 1, 1)),
    "cylinder": cone((0, 0, 0), (0.5, 1.0, 0.7), (1, 1, 1)),
    "widening cone": cone((0, 0, 0), (0.6, 0.9, 0.6), (1, 1, 1), taper=0.3),
    "narrowing cone": cone((0, 0, 0), (0.6, 0.9, 0.6), (1, 1, 1), taper=-0.25),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_rays_enter_a_solid_where_its_inside_begins(name):
    """Against plain membership of points along each ray."""
    solid = SOLIDS[name]
    pose = compose(POSE, solid.pose)
    slopes = np.linspace(-0.45, 0.45, 47).astype(np.float32)
    if solid.kind == Kind.CONVEX:
        normals = solid.planes[:, :3] @ pose[:, :3].T
        planes = np.column_stack([normals, solid.planes[:, 3] + normals @ pose[:, 3]])
        inverse_depth, _ = hit_convex(planes, slopes, slopes)
    else:
        inverse_depth, _ = hit_curved(solid.kind, inverse(pose) / solid.half[:, None], solid.taper, slopes, slopes)

    def inside(points):
        local = apply(inverse(pose), points)
        unit = local / solid.half
        if solid.kind == Kind.CONVEX:
            return (local @ solid.planes[:, :3].T <= solid.planes[:, 3]).all(-1)
        if solid.kind == Kind.ELLIPSOID:
            return (unit**2).sum(-1) <= 1
        return (np.abs(unit[..., 1]) <= 1) & (np.hypot(unit[..., 0], unit[..., 2]) <= 1 + solid.taper * unit[..., 1])

    depths = np.linspace(3, 7, 1001)
    rays = np.stack(np.broadcast_arrays(slopes[None, :], slopes[:, None], 1.0), axis=-1)
    member = inside(rays[:, :, None] * depths[:, None])
    hit, certain = inverse_depth > 0, member.sum(-1) > 3
    assert certain.sum() > 150
    assert hit[certain].all()
    # A ray may graze the solid between two samples, which happens to few.
    assert (hit & ~member.any(-1)).sum() < 0.01 * certain.sum()
    assert np.abs(1 / inverse_depth[certain] - depths[member.argmax(-1)][certain]).max() < 5e-3


@pytest.mark.parametrize("walked", [0.0, 0.3, 0.8, 1.3])
def test_a_walker_stands_on_the_ground_and_keeps_its_limbs(walked):
    body = pedestrian(np.random.default_rng(5), 1.4)
    poses, rest = body.poses(walked), body.poses(0.0)
    assert poses.shape == (len(body.solids), 3, 4)
    np.testing.assert_allclose(np.linalg.det(poses[:, :, :3]), 1)
    lowest = max(
        pose[1, 3] + np.linalg.norm(pose[1, :3] * solid.half) for pose, solid in zip(poses, body.solids, strict=True)
    )
    assert abs(lowest) < 0.06
    # Half a thigh and half a shin meet at the knee: their middles are never further apart.
    thigh, shin = len(body.solids) - 12, len(body.solids) - 11
    assert np.linalg.norm(poses[thigh, :, 3] - poses[shin, :, 3]) <= (0.43 + 0.44) / 2 * 1.1
    assert walked == 0 or not np.allclose(poses, rest)


def test_standing_people_do_not_move():
    body = pedestrian(np.random.default_rng(5), 0.0)
    np.testing.assert_array_equal(body.poses(0.0), body.poses(0.0))
    assert body.joints.swing == 0


@pytest.mark.parametrize("sequence", range(6))
def test_every_kind_of_scene_has_both_classes(sequence):
    scene = make_scene(0, sequence, 1.0)
    assert {actor.body.class_id for actor in scene.actors} == {0, 1, 2}
    tracks = [actor.track for actor in scene.actors if actor.track]
    assert sorted(tracks) == list(range(1, len(tracks) + 1))


@pytest.mark.parametrize("curvature", [0.0, 1 / 90, -1 / 120], ids=["straight", "left bend", "right bend"])
def test_road_coordinates_undo_each_other(curvature):
    road = replace(make_scene(0, DRIVE, 1.0).road, curvature=curvature)
    along, across = np.meshgrid([-8.0, 0, 30, 120], [-20.0, -3, 0, 3, 40])
    places = np.array([road.place(s, d)[:, 3] for s, d in zip(along.ravel(), across.ravel(), strict=True)])
    found = road.locate(places[:, 0], places[:, 2])
    np.testing.assert_allclose(found, [along.ravel(), across.ravel()], atol=1e-9)


def test_same_seed_same_frame_other_seed_another():
    def image(seed):
        noise = np.random.default_rng(7)
        return render_frame(Stage(make_scene(seed, 2, 1.0)), CAMERA, 3, stereo=False, noise=noise).image

    np.testing.assert_array_equal(image(0), image(0))
    assert (image(0) != image(1)).mean() > 0.5


def test_sensor_noise_is_mild_and_unbiased():
    stage = empty_stage()
    clean = render_frame(stage, CAMERA, 0, stereo=False).image.astype(float)
    noisy = render_frame(stage, CAMERA, 0, stereo=False, noise=np.random.default_rng(0)).image
    road = np.s_[100:140, 40:440]
    difference = noisy[road] - clean[road]
    assert abs(difference.mean()) < 0.2
    assert 1 < difference.std() < 4


def test_pulses_average_over_the_footprint():
    u = np.linspace(0, 4, 4001, dtype=np.float32)
    fine, coarse = (textures.pulses(u, 1.0, 0.3, np.full_like(u, size)) for size in (0.002, 1.0))
    assert fine.mean() == pytest.approx(0.3, abs=0.01)
    assert set(np.round(fine[(u % 1 > 0.05) & (u % 1 < 0.25)], 3)) == {1.0}
    np.testing.assert_allclose(coarse, 0.3, atol=1e-3)


def test_texture_finer_than_a_pixel_is_gone():
    u = np.random.default_rng(0).uniform(-40, 40, 500).astype(np.float32)
    layers = ((2.0, 2.0, 1.0),)
    assert np.abs(textures.layered(u, u, np.full_like(u, 0.4), np.zeros_like(u), layers)).max() == 0
    near = textures.layered(u, u[::-1], np.full_like(u, 0.05), np.full_like(u, 0.05), layers)
    assert near.std() > 0.2
    assert np.abs(near).max() <= 1


def test_noise_is_smooth():
    u = np.linspace(-3, 3, 3001, dtype=np.float32)
    steps = np.diff(textures.noise(u, np.full_like(u, 0.37)))
    # At most the change 2 over a cell, at the steepest slope 1.5 of the smoothing.
    assert np.abs(steps).max() <= 2 * 1.5 * (u[1] - u[0]) * 1.1


def test_filled_boxes_are_as_far_from_the_masks_as_in_real_video():
    fill = {1: [], 2: []}
    for sequence in range(4):
        stage = Stage(make_scene(0, sequence, 1.0))
        for number in (0, 8):
            time = number / FRAME_RATE
            view = stage.look(CAMERA, stage.scene.camera(time), stage.poses(time))
            instances = stage.track[view.seen]
            for object_id in np.unique(instances[instances > 0]).tolist():
                rows, columns = np.nonzero(instances == object_id)
                if len(rows) >= 100:
                    fill[object_id // 1000].append(len(rows) / (np.ptp(rows) + 1) / (np.ptp(columns) + 1))
    assert 0.62 < np.mean(fill[1]) < 0.82
    assert 0.38 < np.mean(fill[2]) < 0.6


def test_ground_and_solids_have_their_own_numbers():
    stage = Stage(make_scene(0, CROSSING, 1.0))
    view = stage.look(CAMERA, stage.scene.camera(0.0), stage.poses(0.0))
    assert {SKY, GROUND} <= set(np.unique(view.seen).tolist())
    assert view.seen.max() < len(stage.kind)
    assert (stage.actor[:FIRST] == -1).all()
    assert (
        stage.track[stage.actor >= 0] // 1000
        == [stage.scene.actors[k].body.class_id for k in stage.actor[stage.actor >= 0]]
    ).all()
