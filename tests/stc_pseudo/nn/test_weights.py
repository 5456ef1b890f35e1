"""Checkpoints that are no whole ones: one message, whichever way torch words it."""

import errno

import pytest
import torch

from stc_pseudo.nn import weights
from stc_track.io.errors import InputError
from stc_train.engine import checkpoints


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.pth"
    weights.save(path, {"state": {"weight": torch.rand(300, 300)}, "step": 3})
    return path.read_bytes()


@pytest.mark.parametrize("share", [0, 1e-5, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("load", [weights.load, checkpoints.read], ids=["weights", "checkpoint"])
def test_a_file_that_was_cut_is_told(tmp_path, content, share, load):
    path = tmp_path / "cut.pth"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"cut\.pth: expected a checkpoint"):
        load(path, "--init")


def test_whatever_the_system_says_of_the_content_names_the_file(tmp_path, content, monkeypatch):
    (tmp_path / "a.pth").write_bytes(content)

    def refuse(*_, **__):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(InputError, match=r"a\.pth: expected a checkpoint of plain tensors, found .*Invalid argument"):
        weights.load(tmp_path / "a.pth", "--init")
