"""What a training shows on the terminal, and what only its log file has."""

import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from stc_train.engine.progress import ProgressBar, mute

LOGGED_ONLY = ("paramwise_options", "after_train_epoch", "System environment")


def test_the_terminal_shows_progress_and_the_log_file_everything(drawn_store, tmp_path):
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("stc-train"),
            *("--pseudo-store", drawn_store, "--work-dir", tmp_path / "work", "--max-iters", "2", "--device", "cpu"),
            *("--cfg-options", "train_dataloader.num_workers=0", "train_dataloader.batch_size=2"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len([line for line in lines if line.strip() and not line.startswith("train: ")]) == 3  # config, log, model
    assert lines[-1].endswith("model.pth after 2 steps")
    (log,) = (tmp_path / "work").glob("*/*.log")
    for text in LOGGED_ONLY:
        assert text in log.read_text()
        assert text not in ended.stderr


@pytest.mark.parametrize(
    ("level", "message", "shown"),
    [
        pytest.param(logging.INFO, "paramwise_options -- backbone.bn1.weight", False, id="info"),
        pytest.param(logging.WARNING, '"FileClient" will be deprecated in future.', False, id="noise"),
        pytest.param(logging.WARNING, "unexpected key in source state_dict", True, id="warning"),
        pytest.param(logging.ERROR, "this will be fatal", True, id="error"),
    ],
)
def test_warnings_that_matter_are_shown(level, message, shown, capsys, tmp_path):
    logger = logging.Logger("drawn", logging.INFO)
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.addHandler(logging.FileHandler(tmp_path / "log"))
    mute(logger)
    logger.log(level, message)
    logger.handlers[1].close()
    assert (message in capsys.readouterr().out) == shown
    assert message in (tmp_path / "log").read_text()


@pytest.mark.parametrize("rank", [0, 1])
def test_one_process_of_several_shows_the_training(rank, capsys):
    scalar = SimpleNamespace(mean=lambda steps: 0.5)
    runner = SimpleNamespace(
        rank=rank,
        iter=0,
        max_iters=13,
        message_hub=SimpleNamespace(get_scalar=lambda name: scalar),
        train_dataloader=(),
    )
    bar = ProgressBar()
    bar.before_train(runner)
    for runner.iter in range(13):
        bar.after_train_iter(runner, runner.iter)
    bar.after_val_epoch(runner, {"AP": 12.5})
    bar.after_train(runner)
    assert ("AP 12.5" in "".join(capsys.readouterr())) == (rank == 0)
