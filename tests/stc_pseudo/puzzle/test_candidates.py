import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.puzzle.assign import assign_pixels
from stc_pseudo.puzzle.box_grid import BoxGrid
from stc_pseudo.puzzle.candidates import (
    LIKELY,
    MOVING,
    WALK,
    Candidates,
    Observation,
    choose,
    compare,
    observe,
    rate,
    scores,
    spread,
)
from stc_pseudo.puzzle.features import FrameMaps
from stc_pseudo.puzzle.likelihood import segment
from stc_pseudo.puzzle.mean_field import OFFSETS, SPATIAL_SIGMA, MeanField
from stc_pseudo.puzzle.mixture import Mixtures, quadratic
from stc_pseudo.puzzle.motion import compress, relative_motion, weighted_median
from stc_pseudo.puzzle.score import agreement, certainty, edge_contrast, score
from stc_pseudo.puzzle.solve import solve_frames, walk_boxes
from stc_pseudo.settings import TRUST, LikelihoodSettings, MaskSettings

RNG = np.random.default_rng(0)
SIDE = 48
INSIDE = np.pad(np.ones((30, 30), bool), 9)


def cross():
    """A mask (48, 48) bool whose tight box is `INSIDE`, which it fills by half."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[9:39, 19:29] = mask[19:29, 9:39] = True
    return mask


@given(
    st.tuples(*[st.floats(-20, 90)] * 2), st.tuples(*[st.floats(3, 60)] * 2), st.sampled_from([8, 48]), st.booleans()
)
def test_what_a_box_covers_comes_back_to_the_frame(corner, sides, side, flipped):
    box = np.array([*corner, *np.add(corner, sides)], np.float32)
    if not (box[2] > 1 and box[3] > 1 and box[0] < 99 and box[1] < 79):
        return
    grid = BoxGrid(box, (80, 100), side, 0.3)
    (rows, columns), share = grid.to_frame(np.full((side, side), float(flipped), np.float32))
    assert share.shape == (rows.stop - rows.start, columns.stop - columns.start)
    x, y = np.arange(columns.start, columns.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5
    within = np.outer((y > box[1]) & (y < box[3]), (x > box[0]) & (x < box[2]))
    np.testing.assert_allclose(share, within * float(flipped), atol=1e-5)


@pytest.mark.parametrize("cell", [1, 4])
@pytest.mark.parametrize("box", [(10, 20, 40, 60), (-20, 10, 30, 90), (3, 3, 380, 230)], ids=str)
def test_a_linear_map_is_sampled_at_the_cells_centres(box, cell):
    size = (240, 400)
    y, x = np.mgrid[: size[0] // cell, : size[1] // cell].astype(np.float32)
    values = np.stack([(x + 0.5) * cell, (y + 0.5) * cell], -1)
    grid = BoxGrid(np.array(box, np.float32), size, 16, 0.1)
    sampled = grid.sample(values, cell)
    centres = grid.corner[:, None] + grid.cell[:, None] * (np.arange(16) + 0.5)
    expected = np.stack(np.meshgrid(*centres), -1)
    # Beyond the outermost samples the border's value goes on.
    deep = ((expected - grid.cell / 2 > cell / 2) & (expected + grid.cell / 2 < np.array(size[::-1]) - cell / 2)).all(
        -1
    )
    assert deep.any()
    np.testing.assert_allclose(sampled[deep], expected[deep], atol=0.2)


def test_motion_is_measured_in_the_noise_around_the_box():
    y, x = np.mgrid[:SIDE, :SIDE]
    camera = np.stack([0.3 * x - 0.1 * y + 5, 0.05 * y - 7], -1)
    noise = RNG.normal(0, 0.2, camera.shape)
    object_ = cross()[..., None] * np.array([3.0, 0.0])
    ring = (~INSIDE).astype(np.float32)
    for scale in (1, 10):  # pixels, or tenths of them
        motion = relative_motion((scale * (camera + noise + object_)).astype(np.float32), ring)
        assert np.median(np.linalg.norm(motion[~INSIDE], axis=-1)) == pytest.approx(1, abs=0.1)
        # The median length of Gaussian noise in two dimensions is 1.177 of its deviation.
        assert np.median(motion[cross()][:, 0]) == pytest.approx(3 / (1.177 * 0.2), rel=0.1)


def test_surroundings_that_move_as_two_are_fitted_by_the_larger_part():
    flow = np.zeros((SIDE, SIDE, 2), np.float32)
    flow[:, :12] = 30  # a quarter
    flow += RNG.normal(0, 0.1, flow.shape).astype(np.float32)
    assert np.median(np.linalg.norm(relative_motion(flow, np.ones((SIDE, SIDE)))[:, 14:], axis=-1)) < 2


def test_compressed_motion_keeps_its_direction():
    motion = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(compress(motion), [[0.6 * np.log(6), 0.8 * np.log(6)], [0, 0]])


def test_weighted_median_of_repeated_values():
    values, counts = np.array([5.0, 1.0, 3.0]), np.array([2, 3, 2])
    assert weighted_median(values, counts) == np.median(np.repeat(values, counts))


def test_mixture_of_one_is_the_gaussian_of_mean_and_covariance():
    samples = (RNG.normal(size=(500, 3)) @ RNG.normal(size=(3, 3)) + 2).astype(np.float32)
    weight = RNG.uniform(0.1, 1, 500)
    model = Mixtures(samples.T, quadratic(samples.T), weight, 1, np.array([0.3]))
    mean = np.average(samples, axis=0, weights=weight)
    covariance = np.cov(samples.T, aweights=weight, bias=True) + 1.001 * np.eye(3)
    apart = np.einsum("ni,ij,nj->n", samples - mean, np.linalg.inv(covariance), samples - mean)
    expected = -0.5 * apart - 0.5 * np.linalg.slogdet(covariance)[1]  # without the factor that all share
    np.testing.assert_allclose(model.log_density(quadratic(samples.T)), expected, atol=2e-3)


def test_improving_a_mixture_finds_two_clusters():
    samples = np.concatenate([RNG.normal(0, 1, (300, 2)), RNG.normal(12, 1, (100, 2))]).astype(np.float32)
    terms, weight = quadratic(samples.T), np.ones(400, np.float32)
    model = Mixtures(samples.T, terms, weight, 2, np.array([0.1, 0.5]))
    before = model.log_density(terms).mean()
    for _ in range(10):
        model.improve(terms, weight)
    assert model.log_density(terms).mean() >= before - 1e-4
    between = quadratic(np.array([[6.0], [6.0]], np.float32))
    assert model.log_density(between)[0] < model.log_density(terms).min()


def test_mixtures_in_a_stack_are_those_fitted_one_by_one():
    samples = RNG.normal(size=(3, 1, 2, 50)).astype(np.float32) * 4
    weight, draws = RNG.uniform(size=(3, 2, 50)).astype(np.float32), np.array([0.2, 0.6, 0.9])
    stack = Mixtures(samples, quadratic(samples), weight, 3, draws)
    stack.improve(quadratic(samples), weight)
    together = stack.log_density(quadratic(samples))
    for k, side in np.ndindex(3, 2):
        terms = quadratic(samples[k, 0])
        alone = Mixtures(samples[k, 0], terms, weight[k, side], 3, draws)
        alone.improve(terms, weight[k, side])
        np.testing.assert_allclose(together[k, side], alone.log_density(terms), rtol=1e-4, atol=1e-4)


def test_one_update_of_the_field_is_the_sum_over_neighbours():
    features = RNG.normal(size=(6, 7, 2)).astype(np.float32)
    unary = RNG.normal(size=(6, 7)).astype(np.float32)
    inside = np.ones((6, 7))
    total = 2 * sum(np.exp(-(dy * dy + dx * dx) / (2 * SPATIAL_SIGMA**2)) for dy, dx in OFFSETS)
    belief = 1 / (1 + np.exp(-unary))
    expected = np.zeros_like(unary)
    for i, j in np.ndindex(6, 7):
        for a, b in np.ndindex(6, 7):
            if (a, b) != (i, j) and abs(a - i) <= 2 and abs(b - j) <= 2:
                near = np.exp(-((a - i) ** 2 + (b - j) ** 2) / (2 * SPATIAL_SIGMA**2)) / total
                alike = np.exp(-0.5 * np.square(features[i, j] - features[a, b]).sum())
                expected[i, j] += near * alike * (2 * belief[a, b] - 1)
    found = MeanField(features).infer(unary, 3.0, 1, inside)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-(unary + 3 * expected))), rtol=1e-4)


def iou(a, b):
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


@pytest.mark.parametrize("cue", ["colour", "motion"])
def test_an_object_is_found_by_one_cue_and_the_other_does_no_harm(cue):
    colour, motion = RNG.normal(50, 4, (SIDE, SIDE, 3)), RNG.normal(0, 0.6, (SIDE, SIDE, 2))
    if cue == "colour":
        colour[cross()] += 25
    else:
        motion[cross()] += 2.5
    cues = (values[None].astype(np.float32) for values in (colour, motion))
    mask = segment(*cues, INSIDE[None], ~INSIDE[None] * 1.0, LikelihoodSettings())[0]
    assert (mask[~INSIDE] == 0).all()
    assert iou(mask > 0.5, cross()) > 0.9


def test_contrast_is_high_where_the_outline_follows_edges():
    features = np.where(cross()[..., None], 5.0, 0.0) + RNG.normal(0, 0.3, (SIDE, SIDE, 1))
    right, shifted = edge_contrast(features, cross(), INSIDE), edge_contrast(features, np.roll(cross(), 5, 1), INSIDE)
    assert right > 2 > shifted
    assert edge_contrast(features, INSIDE, INSIDE) == 0
    assert edge_contrast(np.zeros_like(features), cross(), INSIDE) == 0


def test_score_rises_with_each_of_its_parts():
    base = score(0.5, 0.8, 0.7)
    assert 0 < base < 1
    assert min(score(0.6, 0.8, 0.7), score(0.5, 0.9, 0.7), score(0.5, 0.8, 0.8)) > base
    assert certainty(np.array([[0.0, 0.5, 1.0, 0.9]]), np.array([[True, True, True, False]])) == pytest.approx(2 / 3)
    assert agreement(cross(), cross()) == 1
    assert agreement(np.zeros(3, bool), np.zeros(3, bool)) == 1


def candidates(*contrasts):
    """Candidates of boxes with these contrasts of the three masks; None where there is no such mask."""
    grid, empty = BoxGrid(np.array([0, 0, 4, 4], np.float32), (8, 8), 8, 0.3), np.zeros((8, 8), np.float32)
    seen = Observation(grid, empty[..., None], np.zeros((8, 8, 2), np.float32), empty, empty > 0)
    return [
        Candidates(seen, [None if c is None else empty for c in of_box], [c or 0.0 for c in of_box])
        for of_box in contrasts
    ]


def test_a_track_chooses_as_one():
    first = [(0, 1, None), (0, -0.5, None), (0, 1, None), (0, None, None)]
    second = [(0, -1, None), (0, -1, None), (0, 0.9, None), (0, -1, None)]
    chosen = choose(
        candidates(*first, *second),
        np.array([1, 1, 1, 1, 2, 2, 2, 2]),
        LikelihoodSettings(choice_margin=0.3, choice_prior=0),
    )
    assert chosen.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert not choose([], np.zeros(0, int), LikelihoodSettings()).any()


@pytest.mark.parametrize(
    ("contrasts", "settings", "expected"),
    [
        ((1.3, 3.0, None), {"choice_enough": 1.2}, 0),
        ((1.3, 3.0, None), {"choice_enough": 2.0}, 1),
        ((0.0, 0.5, 2.2), {"motion_margin": 1.0}, 2),
        ((0.0, 0.5, 1.4), {"motion_margin": 1.0}, 1),
        ((0.4, 0.1, 1.5), {"motion_margin": 1.0}, 2),
    ],
    ids=["sharp enough", "more counts", "motion alone", "not by its margin", "beside the walk"],
)
def test_contrast_chooses(contrasts, settings, expected):
    assert choose(candidates(contrasts), np.ones(1), LikelihoodSettings(**settings)).tolist() == [expected]


def test_boxes_that_were_not_judged_count_as_their_track():
    of_boxes = candidates((0, 0.6, None), (0, None, None), (0, None, None), (0, -1, None))
    settings = LikelihoodSettings(choice_margin=0.3, choice_prior=1)
    # Of the mean of three boxes with a gain of 0.6 and one of -1, 0.2, one box stands beside each track's own.
    assert choose(of_boxes, np.array([1, 1, 1, 2]), settings).tolist() == [1, 1, 1, 0]
    assert choose(of_boxes[1:3], np.array([1, 1]), settings).tolist() == [0, 0]


def test_judged_boxes_are_spread_over_a_track():
    tracks, able = np.array([1, 2, 1, 1, 1, 1, 2]), np.array([1, 1, 1, 1, 1, 0, 0], bool)
    assert spread(tracks, able, 2).tolist() == [True, True, False, False, True, False, False]


def test_a_few_boxes_choose_for_their_track():
    maps, box, mask = scene(moves=1)
    settings = MaskSettings(
        cues=("flow", "colour", "motion"), votes=0, likelihood=LikelihoodSettings(judged=2), **TRUST["estimated"]
    )
    objects, of_boxes = solve_frames([maps] * 5, [box] * 5, settings)
    assert all((on_frame == objects[0]).all() for on_frame in objects[1:])
    assert iou(objects[0] == 1, mask) > 0.8
    assert np.ptp(np.concatenate(of_boxes)) < 1e-6
    still, _, _ = scene(moves=0)
    walks = walk_candidates(still, box, 5, settings)
    assert compare(walks, np.ones(5, int), settings).tolist() == [WALK] * 5
    assert [candidates.has(LIKELY) for candidates in walks] == [True, False, False, False, True]
    known = walks[0].agreement(WALK)
    expected = [walks[0].score(WALK, known)] * 5
    np.testing.assert_allclose(scores(walks, np.zeros(5, int), np.ones(5, int)), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="was not made"):
        walks[1].mask(MOVING)


def walk_candidates(maps, box, count, settings):
    """Candidates of one box, so many times, with the walk's masks alone."""
    (foreground,) = walk_boxes(maps, box, settings)
    return [Candidates.of_walk(observe(maps, box, 0, settings.likelihood), foreground) for _ in range(count)]


def test_pixels_go_to_the_larger_share():
    one = (slice(0, 2), slice(0, 3)), np.array([[0.9, 0.6, 0.4], [0.5, 0.6, 0.7]], np.float32)
    two = (slice(0, 2), slice(1, 3)), np.array([[0.8, 0.4], [0.6, 0.8]], np.float32)
    assert assign_pixels([one, two], (3, 3)).tolist() == [[1, 2, 0], [0, 1, 2], [0, 0, 0]]


def scene(moves):
    """Maps and box of a cross that moves before a wall of the same patches of colour, or stands; and its mask."""
    mask = np.zeros((160, 160), bool)
    mask[40:120, 68:92] = mask[68:92, 40:120] = True
    frame = np.kron(RNG.uniform(0, 255, (20, 20, 3)), np.ones((8, 8, 1)))
    flow = RNG.normal(0, 0.1, (2, 160, 160)) + moves * mask * np.array([2.0, 1.0])[:, None, None]
    flow = flow.reshape(2, 40, 4, 40, 4).mean((2, 4)).astype(np.float32)
    maps = FrameMaps(frame.astype(np.uint8), np.ones((40, 40), np.float32), flow)
    box = FrameBoxes(
        np.array([[40, 40, 120, 120]], np.float32), np.ones(1, np.int32), np.ones(1, np.int32), np.zeros((0, 4))
    )
    return maps, box, mask


def test_what_moves_is_cut_out_by_its_likelihood_without_depth():
    maps, box, mask = scene(moves=1)
    settings = MaskSettings(cues=("flow", "colour", "motion"), **TRUST["estimated"])
    objects, scores = solve_frames([maps] * 2, [box] * 2, settings)
    assert iou(objects[1] == 1, mask) > 0.8
    without = MaskSettings(cues=("colour",), **TRUST["estimated"])
    walked, _ = solve_frames([maps] * 2, [box] * 2, without)
    assert iou(walked[1] == 1, mask) < 0.7
    assert [len(of_frame) for of_frame in scores] == [1, 1]
    assert all(0 <= value <= 1 for of_frame in scores for value in of_frame)


def test_a_video_without_motion_keeps_the_walks_masks():
    maps, box, _ = scene(moves=0)
    maps = FrameMaps(maps.frame, maps.inverse_depth, np.zeros((2, 40, 40), np.float32))
    never = LikelihoodSettings(choice_margin=1e9)
    still, _ = solve_frames([maps], [box], MaskSettings(**TRUST["estimated"]))
    walked, _ = solve_frames([maps], [box], MaskSettings(likelihood=never, **TRUST["estimated"]))
    assert (still == walked).all()


def test_any_mask_is_rated_as_the_stores_own():
    maps, box, mask = scene(moves=1)
    place, own = (slice(40, 120), slice(40, 120)), LikelihoodSettings()
    right = place, mask[place].astype(np.float32)
    filled, shifted = (place, np.ones((80, 80), np.float32)), (place, np.roll(right[1], 20, 0))
    assert rate(maps, box, 0, right, right, own) > rate(maps, box, 0, right, filled, own)
    assert rate(maps, box, 0, right, filled, own) > rate(maps, box, 0, shifted, filled, own)
