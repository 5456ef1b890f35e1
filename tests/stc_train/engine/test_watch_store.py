"""A store that is rebuilt, extended or damaged while a training runs; two trainings in one work directory."""

import shutil

import pytest
import torch

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError
from stc_track.io.work_folder import TakenError, only_writer

OPTIONS = ["train_dataloader.num_workers=0", "default_hooks.checkpoint.interval=1", "custom_hooks.2.interval=1"]


@pytest.fixture
def store(drawn_store, tmp_path):
    shutil.copytree(drawn_store, tmp_path / "store")
    return tmp_path / "store"


def train(store, folder, steps=3, change=None, at=2, **settings):
    """Train in this process; `change` happens after the step `at`."""
    from mmengine.hooks import Hook
    from mmengine.registry import HOOKS

    from stc_train.engine.train import TrainingRun, load_config
    from stc_train.engine.train import train as run

    class Change(Hook):
        priority = "VERY_HIGH"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if change is not None and runner.iter + 1 == at:
                change()

    HOOKS.register_module(name="ChangeOfTests", module=Change, force=True)
    config = load_config("condinst_r18_demo", OPTIONS)
    config.custom_hooks = [*config.custom_hooks, {"type": "mmengine.ChangeOfTests"}]
    run(config, TrainingRun(str(store), folder, max_iters=steps, **settings))


def rebuilt(store, monkeypatch):
    """From now on the store's record says that it was made from something else."""
    real = StoreReader.__init__

    def other(self, *arguments, **settings):
        real(self, *arguments, **settings)
        for record in self.records.values():
            record["provenance"] = {**record["provenance"], "masks": "others"}

    monkeypatch.setattr(StoreReader, "__init__", other)


def test_a_store_that_was_built_again_ends_the_training(store, tmp_path, monkeypatch):
    before = StoreReader(str(store)).fingerprint
    with pytest.raises(InputError, match="built again meanwhile"):
        train(store, tmp_path / "work", change=lambda: rebuilt(store, monkeypatch))
    content = torch.load(tmp_path / "work" / "model.pth", weights_only=True)
    assert (content["step"], content["store"]) == (1, before)  # what was saved before stays


def test_going_on_with_another_store_is_refused(store, tmp_path, monkeypatch):
    train(store, tmp_path / "work", steps=1)
    rebuilt(store, monkeypatch)
    with pytest.raises(InputError, match="the store that the checkpoint was trained on"):
        train(store, tmp_path / "work", steps=2, resume=True)


def test_a_record_that_is_damaged_ends_the_training(store, tmp_path):
    def damage():
        record = next(path for path in store.rglob("*") if path.is_file() and path.name.startswith("record"))
        record.write_bytes(record.read_bytes()[:-20])

    with pytest.raises(InputError):
        train(store, tmp_path / "work", change=damage)
    assert torch.load(tmp_path / "work" / "model.pth", weights_only=True)["step"] == 1


def test_the_second_training_in_a_work_directory_is_refused(store, tmp_path):
    with only_writer(tmp_path / "work", "training", ""):
        with pytest.raises(TakenError, match="no other training writes to"):
            train(store, tmp_path / "work", steps=1)
        assert [path.name for path in (tmp_path / "work").iterdir()] == [".lock"]
    assert not list((tmp_path / "work").iterdir())
    train(store, tmp_path / "work", steps=1)


def test_damage_is_a_line_from_whichever_process_reads_it():
    from stc_track.formats.store import DamagedStoreError
    from stc_train.engine.train import input_errors

    assert {"InputError", DamagedStoreError.__name__} <= input_errors(InputError)
