import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.refine.crops import FrameData
from stc_pseudo.refine.score import WELL_SUPPORTED, choose, steps, support

SIZE = (60, 80)


def scene(cell=1):
    """A disc of nearer depth that moves, in a box that fits it."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    disc = (x - 40) ** 2 + (y - 30) ** 2 <= 400
    maps = np.stack([1.0 * disc, 3.0 * disc, 0 * x]).astype(np.float32)[:, ::cell, ::cell]
    boxes = FrameBoxes(
        np.array([[20, 10, 60, 50]], np.float32),
        np.ones(1, np.int32),
        np.ones(1, np.int32),
        np.zeros((0, 4), np.float32),
    )
    return FrameData(np.zeros((*SIZE, 3), np.uint8), maps, cell, boxes), disc


def test_the_outline_of_the_steps_is_supported_and_another_is_not():
    frame, disc = scene()
    place = (slice(10, 50), slice(20, 60))
    sizes = steps(frame)[:, *place]
    assert support(disc[place], sizes) > 0.9
    smaller = np.zeros((40, 40), bool)
    smaller[12:28, 12:28] = True
    assert support(smaller, sizes) < 0.5
    assert support(np.zeros((40, 40), bool), sizes) == 0
    assert support(np.ones((40, 40), bool), sizes) == 0  # its outline is the box's


def test_a_random_outline_has_the_support_of_chance():
    random = np.random.default_rng(0)
    sizes = random.random((2, 200, 200))
    assert abs(support(random.random((200, 200)) > 0.5, sizes) - 0.5) < 0.02


def test_the_better_is_chosen():
    frame, disc = scene()
    place, share = (slice(10, 50), slice(20, 60)), np.full((40, 40), 0.9, np.float32)
    choice = choose(disc.astype(np.uint16), [(place, share)], frame)
    assert choice.refined.tolist() == [False]
    np.testing.assert_array_equal(choice.masks[0][1], disc[place])
    wrong = np.zeros(SIZE, np.uint16)
    wrong[22:38, 32:48] = 1
    choice = choose(wrong, [(place, share)], frame)
    assert choice.refined.tolist() == [True]
    assert choice.masks[0][1] is share
    assert 0.5 < WELL_SUPPORTED < 0.9
