import numpy as np
import pytest
import torch
from click.testing import CliRunner

from pipelines.cost.build import OBJECTS, Clock, draw, main, shorten
from stc_track.formats.mots import read_mots


class Slow(torch.nn.Module):
    """Contains a module, so that passes are nested."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)

    def forward(self, x):
        return self.inner(x)


def test_the_clock_times_passes_of_its_networks_alone(monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(Clock, "now", staticmethod(lambda: np.array([1, 10]) * next(ticks)))
    clock, network, other = Clock((Slow,)), Slow(), torch.nn.Linear(2, 2)
    with clock.watching():
        network(torch.zeros(1, 2))
        other(torch.zeros(1, 2))
        network(torch.zeros(1, 2))
    network(torch.zeros(1, 2))
    assert clock.passes == 2
    assert clock.seconds.tolist() == [2, 20]


def test_a_drawn_video_is_as_long_as_asked(tmp_path):
    draw(tmp_path, 5)
    for kind in ("image_02", "depth", "flow"):
        assert len(list((tmp_path / "training" / kind / "0000").iterdir())) == 5
    masks = read_mots(tmp_path / "instances_txt/0000.txt")
    assert [len(masks[t]) for t in range(5)] == [OBJECTS] * 5


def test_a_short_data_set_holds_the_first_frames_and_their_masks(drawn_root, tmp_path):
    shorten(drawn_root, "0000", 1, tmp_path)
    assert [path.name for path in (tmp_path / "training/image_02/0000").iterdir()] == ["000000.png"]
    assert list(read_mots(tmp_path / "instances_txt/0000.txt")) == [0]


@pytest.mark.slow
def test_time_is_measured_with_random_networks_of_full_size(drawn_root):
    done = CliRunner().invoke(main, ["time", "--root", str(drawn_root), "--frames", "2"])
    assert done.exit_code == 0, done.output
    assert "3 passes of the networks" in done.output  # depth, flow forward, backward of the last


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video():
    done = CliRunner().invoke(main, ["memory", "--frames", "20", "--frames", "100", "--check"])
    assert done.exit_code == 0, done.output
