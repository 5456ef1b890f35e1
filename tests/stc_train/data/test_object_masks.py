"""One map of all objects stands for a map of each, through every transform of MMDetection's."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.structures.mask import BitmapMasks

from stc_train.data.object_masks import ObjectMasks

STEPS = {
    "resize": st.tuples(st.integers(1, 40), st.integers(1, 40)),
    "rescale": st.sampled_from([0.5, 1.7, (25, 31)]),
    "flip": st.sampled_from(["horizontal", "vertical", "diagonal"]),
    "pad": st.just((45, 50)),
    "crop": st.tuples(*[st.floats(0, 0.5)] * 2, *[st.floats(0.6, 1.2)] * 2),  # shares of the sides
}


@given(
    st.integers(0, 99),
    st.lists(st.sampled_from(sorted(STEPS)).flatmap(lambda name: st.tuples(st.just(name), STEPS[name])), max_size=3),
)
def test_each_transform_is_that_of_every_mask(seed, steps):
    random = np.random.default_rng(seed)
    numbers = np.array([3, 1, 9, 2], np.uint16)  # the ninth has no pixel
    ours = ObjectMasks(random.integers(0, 5, (17, 23)).astype(np.uint16), numbers)
    theirs = BitmapMasks(ours.masks, 17, 23)
    for name, argument in steps:
        if name == "pad":
            argument = tuple(max(sides) for sides in zip(argument, ours.objects.shape, strict=True))
        elif name == "crop":
            argument = (np.array(argument) * ([ours.width, ours.height] * 2)).astype(int)
        ours, theirs = (getattr(masks, name)(argument) for masks in (ours, theirs))
        assert isinstance(ours, ObjectMasks)
    assert ours[:2].to_tensor(torch.uint8, "cpu").shape[0] == 2
    assert ours._placed["cpu"] is ours[1:]._on("cpu")  # the map goes to a device once
    for index in (slice(None), np.array([2, 0]), np.array([True, False, True, True]), 1):
        one, other = ours[index], theirs[index]
        np.testing.assert_array_equal(one.masks, other.masks)
        assert len(one) == len(other)
        assert (one.height, one.width) == (other.height, other.width)
        assert one.present().tolist() == other.masks.any((1, 2)).tolist()
        assert torch.equal(one.to_tensor(torch.uint8, "cpu"), other.to_tensor(torch.uint8, "cpu"))
    np.testing.assert_array_equal(ours.areas, theirs.areas)


def test_nothing_but_nearest_keeps_objects_apart():
    with pytest.raises(ValueError, match="interpolation: expected nearest"):
        ObjectMasks(np.zeros((4, 4), np.uint16), np.ones(1, np.uint16)).resize((2, 2), interpolation="bilinear")


def test_five_hundred_objects_take_the_memory_of_two_maps():
    masks = ObjectMasks(np.zeros((1080, 1920), np.uint16), np.arange(1, 501, dtype=np.uint16))
    tracemalloc.start()
    try:
        masks.resize((720, 1280)).flip()[np.arange(400)].present()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 30e6  # 500 maps: 1 GB
