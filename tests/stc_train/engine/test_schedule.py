"""The learning rate over a training, shortened or not, on one process or several."""

import copy

import pytest
import torch

FRAMES = 4512  # with boxes, of KITTI MOTS' training sequences about 5,000


def rates(config, processes, monkeypatch, frames=FRAMES):
    """The learning rate before each step, built as `TrainingRunner` builds it, and the steps of an epoch."""
    from mmengine.registry import PARAM_SCHEDULERS
    from torch.utils.data import DataLoader

    from stc_train.data import sampler
    from stc_train.engine.runner import TrainingRunner

    monkeypatch.setattr("mmengine.dataset.sampler.get_dist_info", lambda: (0, processes))
    dataset = range(frames)
    batch = config.train_dataloader.batch_size // processes  # eight frames a step, as in the paper

    class Loaded(TrainingRunner):
        train_dataloader = DataLoader(dataset, batch, sampler=sampler.NumberedSampler(dataset, seed=0))
        _train_loop = None

    runner = Loaded.__new__(Loaded)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.optim_wrapper.optimizer.lr)
    assert PARAM_SCHEDULERS.get("LinearLR")
    schedulers = runner._build_param_scheduler(copy.deepcopy(config.param_scheduler), optimizer)
    found = []
    for _ in range(config.train_cfg.max_iters + 1):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return found, len(runner.train_dataloader)


@pytest.mark.parametrize("processes", [1, 4, 8])
@pytest.mark.parametrize("steps", [10_000, 500, 40])
def test_warm_up_is_an_epoch_and_shrinks_with_the_training(steps, processes, monkeypatch):
    from stc_train.engine.complete_config import shorten
    from stc_train.engine.train import load_config

    config = load_config("condinst_r50_kitti")
    if steps != 10_000:
        shorten(config, steps)
    found, epoch = rates(config, processes, monkeypatch)
    assert epoch == FRAMES // 8  # whatever the number of processes
    warm_up, decay = max(round(epoch * steps / 10_000), 2), steps // 2
    assert found[0] < 1e-8
    assert found[warm_up - 1] == pytest.approx(1e-4)
    assert found[warm_up - 2] < 0.9999e-4
    assert found[warm_up // 2] == pytest.approx(1e-4 * (warm_up // 2) / (warm_up - 1), rel=0.01)
    assert found[decay] == pytest.approx(1e-4)
    assert found[decay + 1] < 1e-4
    # MMEngine's decay takes a step less than its range.
    assert found[steps] == pytest.approx(1e-4 * 0.2 ** ((steps - decay - 1) / (steps - decay)), rel=0.001)


def test_a_data_set_of_less_than_a_batch(monkeypatch):
    from stc_train.engine.complete_config import shorten
    from stc_train.engine.train import load_config

    config = load_config("condinst_r50_kitti")
    shorten(config, 20)
    found, epoch = rates(config, 4, monkeypatch, frames=3)
    assert epoch == 1
    assert found[1] == pytest.approx(1e-4)
    assert found[20] == pytest.approx(1e-4 * 0.2**0.9, rel=0.001)


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        pytest.param(
            {"type": "MultiStepLR", "by_epoch": False, "milestones": [600, 800], "gamma": 0.1},
            {"milestones": [60, 80], "gamma": 0.1},
            id="milestones",
        ),
        pytest.param(
            {"type": "StepLR", "by_epoch": False, "step_size": 300, "gamma": 0.5},
            {"step_size": 30, "gamma": 0.5},
            id="steps",
        ),
        pytest.param(
            {"type": "CosineAnnealingLR", "by_epoch": False, "T_max": 900, "begin": 100},
            {"T_max": 90, "begin": 10},
            id="cosine",
        ),
        pytest.param(
            {"type": "ExponentialLR", "by_epoch": False, "gamma": 0.99},
            {"gamma": 0.99**10, "end": 100},
            id="exponential",
        ),
        pytest.param(
            {"type": "MultiStepLR", "by_epoch": True, "milestones": [8, 11], "gamma": 0.1},
            {"milestones": [8, 11]},
            id="by epoch",
        ),
    ],
)
def test_each_kind_of_scheduler_is_shortened_in_its_own_terms(scheduler, expected):
    from mmengine.config import Config

    from stc_train.engine.complete_config import shorten

    config = Config({"train_cfg": {"max_iters": 1000}, "param_scheduler": [scheduler], "model": {}})
    shorten(config, 100)
    for key, value in expected.items():
        assert config.param_scheduler[0][key] == pytest.approx(value), key


@pytest.mark.parametrize("steps", [1, 3, 20, 40])
def test_a_warm_up_by_steps_ends_however_short_the_training(steps, monkeypatch):
    """MMEngine's linear warm-up over one step never leaves its beginning."""
    from stc_train.engine.complete_config import shorten
    from stc_train.engine.train import load_config

    config = load_config("condinst_r18_demo")
    shorten(config, steps)
    found, _ = rates(config, 1, monkeypatch)
    assert found[0] == pytest.approx(1e-5)
    assert max(found[:3]) > 0.4e-3


def test_the_losses_warm_up_shrinks_as_well():
    from mmengine.config import Config

    from stc_train.engine.complete_config import shorten

    model = {"mask_head": {"warmup_iters": 400}, "roi_head": [{"warmup_iters": 0}]}
    config = Config({"train_cfg": {"max_iters": 1000}, "param_scheduler": [], "model": model})
    shorten(config, 100)
    assert config.model.mask_head.warmup_iters == 40
    assert config.model.roi_head[0].warmup_iters == 0


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_round_of_the_sampler_is_dealt_out(processes, monkeypatch):
    from stc_train.data import sampler

    lengths, drawn = [], []
    for rank in range(processes):
        monkeypatch.setattr("mmengine.dataset.sampler.get_dist_info", lambda rank=rank: (rank, processes))
        own = sampler.NumberedSampler(range(12), seed=0)
        lengths.append(len(own))
        drawn += [draw.index for draw, _ in zip(own, range(len(own)), strict=False)]
    assert lengths == [12 // processes] * processes
    assert sorted(drawn) == list(range(12))
