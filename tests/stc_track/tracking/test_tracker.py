"""The tracker on small drawn scenes."""

from dataclasses import replace

import numpy as np
import pytest

from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.tracker import Tracker
from stc_track.tracking.types import Detections

DEFAULT = TrackerSettings()
VARIANTS = [
    DEFAULT,
    *(DEFAULT.changed(points=motion) for motion in ("center", "none")),
    *(DEFAULT.changed(matching=matching) for matching in ("bi-greedy", "greedy")),
    DEFAULT.changed(cascade=True),
    DEFAULT.changed(low_score=0.4),
    DEFAULT.changed(two_rounds=True),
    DEFAULT.changed(overlap_weight=0.0),
]


def rectangle(x1, y1, x2, y2, height=100):
    return np.arange(x1, x2)[:, None] * height + np.array([y1, y2])


def scene(frame, *objects):
    """Detections from (x, y, width, height[, score[, class]])."""
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h, *_ in objects], float).reshape(-1, 4)
    extra = [(*rest, *(1.0, 1)[len(rest) :]) for *_, rest in ((obj[:4], obj[4:]) for obj in objects)]
    scores, classes = (
        np.array(column, kind) for column, kind in zip(zip(*extra, strict=True), (float, int), strict=True)
    )
    masks = tuple(rectangle(*map(int, box)) for box in boxes)
    return Detections(frame, boxes, scores, classes, masks, height=100)


def run(scenes, settings=DEFAULT):
    tracker = Tracker(settings)
    tracks = [tracker.update(detections) for detections in scenes]
    return [dict(zip(of_frame.indices.tolist(), of_frame.track_ids.tolist(), strict=True)) for of_frame in tracks]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_two_cars_pass_each_other_in_lanes(settings):
    found = run([scene(t, (10 + 6 * t, 20, 30, 20), (160 - 6 * t, 45, 30, 20)) for t in range(25)], settings)
    assert all(ids == {0: 1, 1: 2} for ids in found)


def test_crossing_paths_keep_their_velocities():
    """Two that meet in the same place and go on: places alone cannot tell them apart, velocities do."""
    crossing = [scene(t, (10 + 5 * t, 20 + t, 30, 20), (160 - 5 * t, 50 - t, 30, 20)) for t in range(30)]
    assert all(ids == {0: 1, 1: 2} for ids in run(crossing))


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("gap", [1, 5])
def test_an_occlusion_gap_is_bridged(settings, gap):
    before = [scene(t, (10 + 3 * t, 20, 30, 20), (150, 60, 20, 20)) for t in range(8)]
    hidden = [scene(8 + t, (150, 60, 20, 20)) for t in range(gap)]
    after = scene(8 + gap, (10 + 3 * (8 + gap), 20, 30, 20), (150, 60, 20, 20))
    assert run([*before, *hidden, after], settings)[-1] == {0: 1, 1: 2}


def test_frames_without_detections_age_tracks():
    """Empty frames, and frames left out, both count as missing."""
    first, settings = scene(0, (10, 20, 30, 20)), DEFAULT.changed(gap_weight=0.0)
    for missing, track_id in ((DEFAULT.lifecycle.max_gap, 1), (DEFAULT.lifecycle.max_gap + 1, 2)):
        last = scene(missing + 1, (10, 20, 30, 20))
        empty = [Detections.empty(t) for t in range(1, missing + 1)]
        assert run([first, *empty, last], settings)[-1] == {0: track_id}
        assert run([first, last], settings)[-1] == {0: track_id}


def test_low_confidence_is_kept_by_the_second_round():
    scores = (0.9, 0.9, 0.3, 0.9)
    scenes = [scene(t, (10, 20, 30, 20, score)) for t, score in enumerate(scores)]
    assert run(scenes) == [{0: 1}] * 4
    assert run(scenes, DEFAULT.changed(low_score=DEFAULT.lifecycle.high_score)) == [{0: 1}, {0: 1}, {}, {0: 1}]


def test_the_second_round_takes_what_the_first_leaves():
    """A sure detection nearby has precedence over an unsure one in the very place."""
    frames = [scene(0, (10, 20, 30, 20)), scene(1, (10, 20, 30, 20, 0.3), (14, 22, 30, 20, 0.9))]
    assert run(frames, DEFAULT.changed(two_rounds=True))[1] == {1: 1}
    assert run(frames)[1] == {0: 1, 1: 2}


@pytest.mark.parametrize(
    ("score", "expected"), [(0.05, [{}, {}]), (0.3, [{}, {}]), (0.6, [{0: 1}, {0: 1}])], ids=["low", "between", "high"]
)
def test_only_sure_detections_begin_tracks(score, expected):
    assert run([scene(t, (10, 20, 30, 20, score)) for t in range(2)]) == expected


def test_classes_never_mix():
    found = run([scene(0, (10, 20, 30, 20, 1, 1)), scene(1, (10, 20, 30, 20, 1, 2)), scene(2, (10, 20, 30, 20, 1, 1))])
    assert found == [{0: 1}, {0: 2}, {0: 1}]


def test_gate_and_limit():
    apart = [scene(0, (10, 20, 30, 20)), scene(1, (150, 20, 30, 20))]
    assert run(apart) == [{0: 1}, {0: 2}]
    assert run(apart, DEFAULT.changed(gate=5)) == [{0: 1}, {0: 2}]
    assert run(apart, DEFAULT.changed(max_cost=30)) == [{0: 1}, {0: 2}]
    assert run(apart, DEFAULT.changed(gate=5, max_cost=30)) == [{0: 1}, {0: 1}]


def test_most_of_a_box_may_disappear():
    """Something stops in front of a parked car: the rest of it is known by its place."""
    seen = [scene(t, (10, 20, 60, 30)) for t in range(5)]
    rest = scene(5, (10, 20, 12, 30))
    assert run([*seen, rest])[-1] == {0: 1}


@pytest.mark.parametrize(
    ("name", "score"),
    [("gap_weight", 1.0), ("score_weight", 0.6), ("new_track_penalty", 1.0)],
    ids=["gap", "score", "new track"],
)
def test_what_makes_a_pair_unlikely_costs(name, score):
    """Each of them alone can end a track that is where it was: missing frames, a low score, a low accumulated score."""
    frames = [scene(0, (10, 20, 30, 20, 0.6)), scene(2, (10, 20, 30, 20, score))]
    assert run(frames)[-1] == {0: 1}
    assert run(frames, DEFAULT.changed(**{name: 40.0}))[-1] == {0: 2}


def test_a_track_is_confirmed_by_its_scores():
    scores = (0.4, 0.15, 0.3, 0.4)
    tracker = Tracker(DEFAULT.changed(high_score=0.4, low_score=0.1, confirm_score=0.8))
    tracks = [tracker.update(scene(t, (10, 20, 30, 20, score))) for t, score in enumerate(scores)]
    assert [of_frame.confirmed.tolist() for of_frame in tracks] == [[False], [False], [True], [True]]


def test_a_track_that_nothing_confirms_ends_early():
    settings = DEFAULT.changed(confirm_score=2, tentative_gap=1)
    first, last = scene(0, (10, 20, 30, 20)), (10, 20, 30, 20)
    assert run([first, scene(2, last)], settings)[-1] == {0: 1}
    assert run([first, scene(3, last)], settings)[-1] == {0: 2}


def test_missing_tracks_are_told_with_their_places():
    tracker = Tracker(DEFAULT.changed(velocity_decay=0.0, velocity_decay_masks=1.0))
    for t in range(20):
        tracker.update(scene(t, (10 + 4 * t, 20, 30, 20)))
    tracks = tracker.update(Detections.empty(20))
    assert (tracks.missing_ids.tolist(), tracks.missing_for.tolist()) == ([1], [1])
    np.testing.assert_allclose(tracks.missing_boxes, [[90, 20, 120, 40]], atol=0.5)


@pytest.mark.parametrize("camera_motion", [True, False])
def test_the_camera_turns_all_of_a_sudden(camera_motion):
    """A jump of the picture that background flow knows of."""
    settings = DEFAULT.changed(camera_motion=camera_motion)
    turn = np.array([[0, 0, 70.0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    frames = [scene(t, (10, 20, 30, 20)) for t in range(4)] + [replace(scene(4, (80, 20, 30, 20)), camera=turn)]
    assert run(frames, settings)[-1] == ({0: 1} if camera_motion else {0: 2})


def test_masks_tell_apart_what_boxes_do_not():
    """Two triangles share a box: only the masks say who is who when both swap their order in the frame."""
    upper = np.array([[100 * x + 20, 100 * x + 21 + x - 10] for x in range(10, 40)])
    lower = np.array([[100 * x + 21 + x - 10, 100 * x + 50] for x in range(10, 39)])
    boxes, ones = np.array([[10.0, 20, 40, 50], [10, 20, 40, 50]]), np.ones(2)
    frames = [
        Detections(t, boxes.copy(), ones.copy(), ones.astype(int), masks, height=100)
        for t, masks in enumerate([(upper, lower), (lower, upper)])
    ]
    assert run(frames)[1] == {0: 2, 1: 1}
    assert run(frames, DEFAULT.changed(overlap_weight=0.0, size_weight=0.0))[1] == {0: 1, 1: 2}


def test_cascade_prefers_the_track_seen_last():
    """A track missing for long lies nearer to the detection than the one seen last frame."""
    settings = DEFAULT.changed(points="none", overlap_weight=0.0, gap_weight=0, max_cost=3.5)
    scenes = [
        scene(0, (100, 20, 30, 20)),
        scene(1, (60, 20, 30, 20)),
        scene(2, (60, 20, 30, 20)),
        scene(3, (90, 20, 30, 20)),
    ]
    assert run(scenes, settings)[1:] == [{0: 2}, {0: 2}, {0: 1}]
    assert run(scenes, settings.changed(cascade=True))[1:] == [{0: 2}, {0: 2}, {0: 2}]


def test_a_turning_camera_moves_new_tracks_too():
    """Everything sweeps by more than a newcomer's own size; its neighbours' motion says where it will be."""
    sweep = [scene(t, (900 - 40 * t, 20, 80, 40), (700 - 40 * t, 30, 80, 40)) for t in range(6)]
    newcomers = [
        scene(6 + t, (660 - 40 * t, 20, 80, 40), (460 - 40 * t, 30, 80, 40), (1000 - 40 * t, 30, 12, 9)) for t in (0, 1)
    ]
    settings = DEFAULT
    assert run([*sweep, *newcomers], settings)[-1] == {0: 1, 1: 2, 2: 3}
    assert run([*sweep, *newcomers], settings.changed(common_start=False))[-1] == {0: 1, 1: 2, 2: 4}


@pytest.mark.parametrize("terms", ["none", "depth", "flow", "both"])
def test_cues_tell_apart_what_places_do_not(terms):
    """Two boxes swap places within a step; depth and flow stay with their owners."""
    boxes = np.array([[10.0, 20, 40, 50], [14, 20, 44, 50]])
    depth_and_flow = np.array([[0.1, 5.0, 0.0], [0.5, -60.0, 0.0]])
    frames = [
        Detections(t, boxes.copy(), np.ones(2), np.ones(2, int), cues=np.repeat(depth_and_flow[order][:, None], 2, 1))
        for t, order in enumerate(([0, 1], [1, 0]))
    ]
    settings = DEFAULT.changed(cue_terms=terms)
    assert run(frames, settings)[1] == ({0: 1, 1: 2} if terms == "none" else {0: 2, 1: 1})


def test_inputs_are_read_only():
    detections = scene(0, (10, 20, 30, 20))
    with pytest.raises(ValueError, match="read-only"):
        detections.boxes[0, 0] = 5


def test_frames_must_increase():
    tracker = Tracker()
    tracker.update(Detections.empty(3))
    with pytest.raises(ValueError, match="after 3"):
        tracker.update(Detections.empty(3))


@pytest.mark.parametrize("scale", [-1.0, 30.0])
def test_scores_of_any_scale_cost_no_more_and_no_less_than_those_of_0_and_1(scale):
    settings = DEFAULT.changed(low_score=-2, high_score=-2)
    moving = [scene(t, (10 + t, 20, 30, 20, scale)) for t in range(6)]
    assert run(moving, settings) == [{0: 1}] * 6
    jump = [scene(0, (10, 20, 30, 20, scale)), scene(1, (80, 20, 30, 20, scale))]
    assert run(jump, settings) == [{0: 1}, {0: 2}]


@pytest.mark.parametrize(
    "wrong",
    [{"points": "corner"}, {"matching": "best"}, {"cue_terms": "all"}, {"low_score": 0.9}, {"max_cost": -1.0},
     {"max_gap": 1.5}, {"confirm_score": float("nan")}],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_settings_are_checked(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected .*, found "):
        TrackerSettings().changed(**wrong)


def test_an_unknown_setting_is_named():
    with pytest.raises(ValueError, match=r"must be one of .*max_gap.* Got maximum_gap"):
        TrackerSettings().changed(maximum_gap=3)


def boxes_of(frame, *objects):
    """The same as `scene`, of boxes alone."""
    return replace(scene(frame, *objects), masks=None)


def test_whole_numbers_do_for_weights():
    frames = [scene(t, (10 + t, 20, 30, 20)) for t in range(3)]
    assert run(frames, DEFAULT.changed(gap_weight=1, max_cost=14)) == [{0: 1}] * 3


def test_reset_forgets_everything():
    tracker = Tracker()
    for _ in range(2):
        tracks = [tracker.update(boxes_of(t, (10 + 3 * t, 20, 30, 20))) for t in range(4)]
        assert [of_frame.track_ids.tolist() for of_frame in tracks] == [[1]] * 4
        tracker.reset()
    assert tracker.frame is None


@pytest.mark.parametrize("camera_motion", [True, False])
def test_a_shaking_camera_is_known_from_the_tracks_alone(camera_motion):
    """Every box jumps by more than its own width, all alike."""
    random = np.random.default_rng(0)
    shake = np.where(np.arange(20)[:, None] < 4, 0, random.normal(0, 25, (20, 2))).round()
    places = [(100, 100, 20, 50), (180, 120, 24, 60), (260, 100, 20, 50), (340, 130, 26, 66), (420, 90, 22, 55)]
    frames = [boxes_of(t, *((x + dx, y + dy, w, h) for x, y, w, h in places)) for t, (dx, dy) in enumerate(shake)]
    found = run(frames, DEFAULT.changed(camera_motion=camera_motion))
    same = all(ids == {k: k + 1 for k in range(5)} for ids in found)
    assert same == camera_motion


def test_a_box_that_a_track_explains_begins_none():
    frames = [boxes_of(t, (10, 20, 30, 60)) for t in range(4)] + [boxes_of(4, (10, 20, 30, 60), (12, 24, 30, 60, 0.8))]
    assert run(frames)[-1] == {0: 1}
    assert run(frames, DEFAULT.changed(birth_overlap=1.0))[-1] == {0: 1, 1: 2}
    other = [*frames[:-1], boxes_of(4, (10, 20, 30, 60), (12, 24, 30, 60, 0.8, 2))]
    assert run(other)[-1] == {0: 1, 1: 2}


def test_a_buffer_matches_boxes_that_do_not_meet():
    frames = [boxes_of(0, (10, 20, 20, 40)), boxes_of(1, (32, 20, 20, 40))]
    assert run(frames, DEFAULT.changed(buffer=0.0, buffer_growth=0.0))[-1] == {0: 2}
    assert run(frames, DEFAULT.changed(buffer=0.9, buffer_growth=0.0, max_cost=8.0))[-1] == {0: 1}


@pytest.mark.parametrize("step", [1, 5])
def test_gaps_are_counted_in_the_sequences_own_step(step):
    settings = DEFAULT.changed(gap_weight=0.0, max_gap=3)
    for missing, track_id in ((3, 1), (4, 2)):
        tracker = Tracker(settings, frame_step=step)
        tracker.update(boxes_of(0, (10, 20, 30, 20)))
        last = tracker.update(boxes_of(step * (missing + 1), (10, 20, 30, 20)))
        assert last.track_ids.tolist() == [track_id]


@pytest.mark.parametrize("motions", [1, 4], ids=["one for all", "one each"])
def test_camera_motion_over_a_gap_counts_for_each_frame_of_it(motions):
    """A still object under a pan of 40 pixels a frame keeps its id over a gap of three frames."""
    pan = np.array([[0, 0, 40.0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    camera = pan if motions == 1 else np.stack([pan] * motions)
    frames = [replace(scene(t, (10 + 40 * t, 20, 30, 20)), camera=pan) for t in range(4)]
    last = replace(scene(7, (10 + 40 * 7, 20, 30, 20)), camera=camera)
    assert run([*frames, last])[-1] == {0: 1}


@pytest.mark.parametrize(("score", "begins"), [(0.5, False), (0.7, False), (1.0, True)], ids=["low", "below", "high"])
def test_a_sure_box_begins_a_track_beside_another(score, begins):
    first = [(0.0, 0, 50, 100)]
    frames = [(first, [0.9])] * 3 + [([*first, (27.0, 0, 77, 100)], [0.9, score])]  # IoU 0.3
    tracker = Tracker(DEFAULT)
    for number, (boxes, scores) in enumerate(frames):
        tracks = tracker.update(Detections(number, np.array(boxes), np.array(scores), np.ones(len(boxes), np.int64)))
    assert (len(tracks) == 2) == begins
