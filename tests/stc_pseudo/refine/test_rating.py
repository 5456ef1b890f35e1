import numpy as np

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.refine.crops import FrameData
from stc_pseudo.refine.rating import look_at, outline_length, rate

SIZE = (80, 100)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
DISC = (X - 50) ** 2 + (Y - 40) ** 2 <= 400


def frame_of(mask=DISC):
    """A bright object of this mask (H, W) before a dark ground, in the box of the disc."""
    rgb = np.where(mask[..., None], 200, 40) + np.random.default_rng(0).normal(0, 6, (*SIZE, 3))
    boxes = FrameBoxes(
        np.array([[30, 20, 70, 60]], np.float32),
        np.ones(1, np.int32),
        np.full(1, 7, np.int32),
        np.zeros((0, 4), np.float32),
    )
    return FrameData(rgb.clip(0, 255).astype(np.uint8), np.zeros((3, 20, 25), np.float32), 4, boxes)


def score(mask, first=DISC, frame=None, sure=0.9, first_score=0.5):
    """Score of a mask that the network is so sure of."""
    share = np.where(mask, sure, 1 - sure)[20:60, 30:70].astype(np.float32)
    masks = mask.astype(np.uint16), first.astype(np.uint16)
    return rate([look_at(frame or frame_of(), 0, *masks, share, first_score)])[0]


def test_the_right_mask_has_the_better_score():
    shifted = np.roll(DISC, 6, 1)
    assert score(DISC) > score(shifted, first=shifted)


def test_disagreement_of_the_rounds_lowers_the_score():
    smaller = (X - 50) ** 2 + (Y - 40) ** 2 <= 200
    assert score(DISC) > score(DISC, first=smaller)


def test_doubt_and_a_poor_first_mask_lower_the_score():
    assert score(DISC) > score(DISC, sure=0.6)
    assert score(DISC) > score(DISC, first_score=0.2) > score(DISC, first_score=0.0) > 0


def test_a_thin_shape_is_the_harder():
    comb = DISC & (X % 8 < 4)
    assert score(DISC) > score(comb, first=comb, frame=frame_of(comb))
    assert outline_length(np.ones((3, 3), bool)) == 4
    assert outline_length(np.zeros((3, 3), bool)) == 0


def test_no_box_no_score_and_an_empty_mask_has_one():
    assert rate([]).shape == (0,)
    assert 0 < score(np.zeros(SIZE, bool)) < score(DISC)
