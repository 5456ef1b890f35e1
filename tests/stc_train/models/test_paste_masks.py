"""Soft masks on a grid become masks of the frame."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipelines.checks.device_waits import NoWaiting
from stc_train.models import paste_masks
from stc_train.models.paste_masks import boxed_masks, whole_frame_masks

META = {"ori_shape": (40, 60), "img_shape": (20, 30), "scale_factor": (0.5, 0.5)}


@pytest.mark.parametrize("rescale", [False, True], ids=["input", "frame"])
def test_a_full_grid_fills_its_box_and_no_more(rescale):
    factor = 2 if rescale else 1
    box = torch.tensor([[4.0, 3.0, 14.0, 9.0]])
    mask = boxed_masks(torch.ones(1, 7, 7), box.clone(), META, rescale, 0.5)[0]
    expected = torch.zeros(20 * factor, 30 * factor, dtype=torch.bool)
    expected[3 * factor : 9 * factor, 4 * factor : 14 * factor] = True
    assert (mask == expected).all()


def test_cells_of_a_box_lie_where_they_were_pooled():
    """Each quarter of a 2 x 2 grid lands in its quarter; between the cells' centres the border is interpolated."""
    soft = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    mask = boxed_masks(soft, torch.tensor([[10.0, 4.0, 26.0, 12.0]]), META, False, 0.49)[0]
    assert mask[4:6, 10:14].all()  # beyond the first cell's centre nothing is mixed in
    assert not mask[:, 18:].any()
    assert not mask[8:].any()
    assert int(mask.sum()) > 8


@given(st.tuples(*[st.floats(-20, 50)] * 2), st.tuples(*[st.floats(0.01, 60)] * 2))
def test_any_box_gives_pixels_whose_centres_it_holds(corner, size):
    box = np.array([*corner, corner[0] + size[0], corner[1] + size[1]], np.float32)
    mask = boxed_masks(torch.ones(1, 5, 5), torch.from_numpy(box)[None], META, False, 0.5)[0].numpy()
    y, x = np.mgrid[:20, :30] + 0.5
    assert (mask == ((box[0] <= x) & (x < box[2]) & (box[1] <= y) & (y < box[3]))).all()


def test_a_mask_over_the_input_is_found_round_its_box_only():
    soft = torch.ones(1, 5, 8)
    mask = whole_frame_masks(soft, torch.tensor([[8.0, 4.0, 16.0, 12.0]]), META, False, 4, 0.5)[0]
    assert mask[2:14, 6:18].all()
    assert int(mask.sum()) == 12 * 12


@given(st.integers(0, 1000), st.integers(1, 5))
def test_all_boxes_at_once_are_the_boxes_one_by_one(seed, part):
    """As on a GPU. Only a pixel at the threshold may differ, by the rounding of its sum."""
    random = torch.Generator().manual_seed(seed)
    soft, corner = torch.rand(5, 7, 7, generator=random), torch.rand(5, 2, generator=random) * 50 - 10
    boxes = torch.cat([corner, corner + torch.rand(5, 2, generator=random) * 40 + 0.01], 1)
    one_by_one = [boxed_masks(soft, boxes.clone(), META, True, threshold) for threshold in (0.4999, 0.5001)]
    with (
        patch.object(paste_masks, "MOST_PIXELS", part * 40 * 60),
        patch.object(paste_masks, "_boxes_one_by_one", paste_masks._boxes_at_once),
        NoWaiting(),
    ):
        together = boxed_masks(soft, boxes.clone(), META, True, 0.5)
    assert not (together & ~one_by_one[0]).any()
    assert not (one_by_one[1] & ~together).any()


@given(st.integers(0, 1000), st.integers(1, 5))
def test_all_masks_at_once_are_the_masks_one_by_one(seed, part):
    """As on a GPU, which must not wait for the boxes' places."""
    random = torch.Generator().manual_seed(seed)
    soft, corner = torch.rand(5, 5, 8, generator=random), torch.rand(5, 2, generator=random) * 25 - 5
    boxes = torch.cat([corner, corner + torch.rand(5, 2, generator=random) * 30], 1)
    one_by_one = whole_frame_masks(soft, boxes.clone(), META, True, 4, 0.5)
    with (
        patch.object(paste_masks, "MOST_PIXELS", part * 40 * 60),
        patch.object(paste_masks, "_by_windows", paste_masks._at_once),
        NoWaiting(),
    ):
        together = whole_frame_masks(soft, boxes.clone(), META, True, 4, 0.5)
    assert (together == one_by_one).all()
