"""The training loop on a toy: fitting the mean colour of drawn frames with one convolution."""

import logging

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from stc_pseudo.nn import weights
from stc_pseudo.nn.precision import autocast
from stc_pseudo.training import loop
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.loop import fit
from stc_pseudo.training.resume import state_path
from stc_pseudo.training.sampler import BatchSampler, SeededClips
from stc_pseudo.training.settings import OptimiserSettings
from stc_pseudo.training.validation import Validation, split_clips
from stc_track.io.errors import InputError

SIZE = (16, 24)


class InterruptedRunError(Exception):
    """Stands for a killed process."""


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    rng = np.random.default_rng(0)
    for t in range(7):
        cv2.imwrite(str(folder / f"{t}.png"), rng.integers(0, 256, (*SIZE, 3), np.uint8))
    return sorted(folder.iterdir())


class Toy:
    """A network, a loss with a random part, and what was drawn."""

    def __init__(self, precision="float32", stop_at=None):
        torch.manual_seed(3)
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
        self.precision, self.stop_at = precision, stop_at

    def loss(self, batch, step):
        if step == self.stop_at:
            raise InterruptedRunError
        frames = batch["augmented"][:, 0]
        with autocast("cpu", self.precision):
            predicted = self.network(frames + 0.01 * torch.randn_like(frames))
        error = F.mse_loss(predicted.float(), batch["frames"][:, 0].mean(1, keepdim=True))
        return error, {"photometric": error}

    def fit(self, clips, out, **settings):
        options = {"steps": 8, "batch_size": 2, "learning_rate": 1e-2, "precision": self.precision}
        names = OptimiserSettings.__dataclass_fields__
        options |= {name: settings.pop(name) for name in list(settings) if name in names}
        fit(
            self.network,
            self.loss,
            clips,
            out=out,
            describe={"network": "toy"},
            optimiser=OptimiserSettings(**options),
            **settings,
        )


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("workers", [0, 1])
def test_resumed_equals_uninterrupted(video, tmp_path, monkeypatch, precision, workers):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 3)
    clips, settings = Clips([video], 2, SIZE, min_crop=0.5), {"colour": "any"}
    Toy(precision).fit(clips, tmp_path / "whole.pth", settings=settings)
    cut = tmp_path / "cut.pth"
    with pytest.raises(InterruptedRunError):
        Toy(precision, stop_at=5).fit(clips, cut, settings=settings)
    assert weights.load(cut, "--out")["step"] == 3
    torch.manual_seed(99)  # another process starts from another state
    Toy(precision).fit(clips, cut, settings=settings, resume=True, workers=workers)
    whole, resumed = (weights.load(path, "--out") for path in (tmp_path / "whole.pth", cut))
    assert resumed["step"] == whole["step"] == 8
    for key, value in whole["state"].items():
        assert torch.equal(resumed["state"][key], value), key
    assert not state_path(cut).exists()


def test_slow_steps_are_saved_by_the_clock(video, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    out = tmp_path / "toy.pth"
    with pytest.raises(InterruptedRunError):
        Toy(stop_at=1).fit(Clips([video], 1, SIZE), out)
    assert weights.load(state_path(out), "--resume")["step"] == 1


def test_resuming_another_training_is_refused(video, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 2)
    clips, out = Clips([video], 1, SIZE), tmp_path / "toy.pth"
    with pytest.raises(InputError, match="`resume=`"):
        Toy().fit(clips, out, resume=True)
    with pytest.raises(InterruptedRunError):
        Toy(stop_at=3).fit(clips, out, settings={"seed": 1, "device": "cpu"})
    with pytest.raises(InputError, match=r"seed 1.*found 2.*`resume=`"):
        Toy().fit(clips, out, resume=True, settings={"seed": 2, "device": "cpu"})
    with pytest.raises(InputError, match="clips 7"):
        Toy().fit(Clips([video[:-1]], 1, SIZE), out, resume=True, settings={"seed": 1})
    Toy().fit(clips, out, resume=True, settings={"seed": 1, "device": "elsewhere"})
    state_path(out).write_bytes(b"cut")
    with pytest.raises(InputError, match="`resume=`"):
        Toy().fit(clips, out, resume=True)
    weights.save(state_path(out), {"step": 2})
    with pytest.raises(InputError, match="'network'"):
        Toy().fit(clips, out, resume=True)


def test_log_holds_scalars_pictures_and_the_paper_s_schedule(video, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(loop, "SCALARS_EVERY", 1)
    clips, toy = Clips([video], 1, SIZE), Toy()
    train, held = split_clips(clips, range(len(clips)), 0.3)
    validation = Validation(
        toy.network,
        toy.loss,
        clips,
        held,
        train,
        device="cpu",
        draw=lambda batch: np.full((4, 6, 3), 9, np.uint8),
        measure=lambda index: {"truth": float(index)},
    )
    toy.fit(
        torch.utils.data.Subset(clips, train),
        tmp_path / "toy.pth",
        epochs=4,
        batch_size=2,
        validation=validation,
        log_dir=tmp_path / "log",
    )
    assert sorted(path.name for path in (tmp_path / "log").glob("*.png")) == [f"epoch_00{e}.png" for e in (1, 2, 3, 4)]
    assert cv2.imread(str(tmp_path / "log" / "epoch_004.png")).shape == (8, 6, 3)
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    # Five clips, two a step: two steps an epoch.
    rates = [event.value for event in events.Scalars("train/learning_rate")]
    assert rates == pytest.approx([1e-2] * 6 + [1e-3] * 2)
    assert [event.step for event in events.Scalars("validation/photometric")] == [2, 4, 6, 8]
    assert [event.value for event in events.Scalars("validation/truth")] == [5.5] * 4
    assert len(events.Images("validation/picture")) == 4
    assert "held out: loss" in caplog.text


def test_loss_that_is_not_finite_leaves_the_checkpoint(video, tmp_path):
    clips, out = Clips([video], 1, SIZE), tmp_path / "toy.pth"
    Toy().fit(clips, out, steps=2)
    before = out.read_bytes()
    with pytest.raises(FloatingPointError, match="step 1"):
        fit(
            nn.Conv2d(3, 1, 1),
            lambda batch, step: (torch.tensor(torch.nan, requires_grad=True), {}),
            clips,
            out=out,
            describe={"network": "toy"},
            optimiser=OptimiserSettings(steps=2, batch_size=2, learning_rate=1.0),
        )
    assert out.read_bytes() == before


@given(
    size=st.integers(1, 9),
    batch=st.integers(1, 9),
    seed=st.integers(0, 5),
    start=st.integers(0, 12),
    steps=st.integers(0, 12),
)
def test_order_depends_on_the_step_alone(size, batch, seed, start, steps):
    batch = min(batch, size)
    whole = list(BatchSampler(size, batch, seed, 0, start + steps))
    assert list(BatchSampler(size, batch, seed, start, start + steps)) == whole[start:]
    per_epoch = size // batch
    for first in range(0, len(whole), per_epoch):
        seen = [position for draws in whole[first : first + per_epoch] for _, position in draws]
        assert len(set(seen)) == len(seen)
        assert set(seen) <= set(range(size))
    numbers = [number for draws in whole for number, _ in draws]
    assert numbers == list(range(len(numbers)))


def test_augmentation_depends_on_the_draw_alone(video):
    clips = SeededClips(Clips([video], 1, SIZE, min_crop=0.3), seed=4)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    first = clips[11, 2]
    assert torch.equal(torch.rand(1), expected)
    again = clips[11, 2]
    assert all(torch.equal(torch.as_tensor(first[key]), torch.as_tensor(again[key])) for key in first)
    windows = {tuple(clips[number, 2]["window"].tolist()) for number in range(10)}
    assert len(windows) > 5


@given(lengths=st.lists(st.integers(3, 12), min_size=1, max_size=3), length=st.integers(1, 3), share=st.floats(0, 0.99))
def test_held_out_frames_are_not_trained_on(lengths, length, share):
    clips = Clips.__new__(Clips)
    clips.length = length
    clips.starts = [(v, t) for v, count in enumerate(lengths) for t in range(count - length + 1)]
    try:
        train, held = split_clips(clips, range(len(clips.starts)), share)
    except InputError:
        # Held-out clips took every frame that the others would have needed.
        assert all(int(share * (count - length + 1)) + length > count - length + 1 for count in lengths)
        return

    def frames(indices):
        return {(clips.starts[i][0], clips.starts[i][1] + k) for i in indices for k in range(length)}

    assert not frames(train) & frames(held)
    assert len(held) == sum(int(share * (count - length + 1)) for count in lengths)
    if share == 0:
        assert train == list(range(len(clips.starts)))
