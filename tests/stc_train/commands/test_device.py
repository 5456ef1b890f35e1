"""`--device` on a machine whose scheduler gave this process some of the GPUs."""

import os

import click
import pytest

from stc_train.commands.train import choose_device, visible_device


@pytest.mark.parametrize(
    ("number", "visible", "expected"),
    [
        pytest.param(0, None, "0", id="first of all"),
        pytest.param(3, None, "3", id="fourth of all"),
        pytest.param(0, "5", "5", id="one visible"),
        pytest.param(1, "4,6", "6", id="second visible"),
        pytest.param(0, " GPU-8932f937 , GPU-1 ", "GPU-8932f937", id="by UUID"),
        pytest.param(1, "MIG-a/1/0,MIG-b", "MIG-b", id="MIG"),
    ],
)
def test_it_counts_among_those_that_it_was_given(number, visible, expected):
    assert visible_device(number, visible) == expected


@pytest.mark.parametrize(
    ("number", "visible"), [(1, "4"), (0, ""), (2, "4,6")], ids=["second of one", "none visible", "third of two"]
)
def test_it_takes_no_other(number, visible):
    with pytest.raises(click.BadParameter, match=f"found cuda:{number}"):
        visible_device(number, visible)


@pytest.mark.parametrize(
    ("device", "expected"), [("cpu", ""), ("cuda:1", "7"), (None, "2,7")], ids=["cpu", "second GPU", "all"]
)
def test_the_environment_that_torch_sees(device, expected, monkeypatch):
    import torch

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,7")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    choose_device(device)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
