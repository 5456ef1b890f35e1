"""Checkpoints that somebody else made run nothing and fetch nothing, whichever setting names them."""

import os
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from stc_track.io.errors import InputError
from stc_train.commands.train import main as train_command

SMALL = (
    "train_dataloader.num_workers=0",
    "train_dataloader.batch_size=1",
    "custom_hooks.2.interval=1",
    "default_hooks.checkpoint.interval=1",
)


class Expression:
    """Pickles as the call of a function, which may be an expression itself, and what is done to its result."""

    def __init__(self, function, *arguments, state=None, items=()):
        self.parts = (function, arguments, state, None, iter(items))

    def __reduce__(self):
        return self.parts

    def __call__(self):
        raise AssertionError("only pickled")


def call_of_the_system(command):
    """What `weights_only` refuses."""
    return Expression(os.system, command)


def way_by_getattr(command):
    """`getattr` alone leads from a log's buffer to `os.system`, and puts it on torch's list of what may be called."""
    from mmengine.logging.history_buffer import HistoryBuffer

    def part(owner, *names):
        for name in names:
            owner = Expression(getattr, owner, name)
        return owner

    module = Expression(HistoryBuffer, state=part(HistoryBuffer, "min", "__globals__"))
    modules = Expression(HistoryBuffer, state=part(module, "warnings", "sys", "modules"))
    system = part(modules, "os", "system")
    listed = Expression(
        getattr,
        part(modules, "torch._weights_only_unpickler"),
        "__dict__",
        items=[("_get_allowed_globals", part({"os.system": system}, "copy"))],
    )
    return [listed, Expression(system, command)]


ATTACKS = (call_of_the_system, way_by_getattr)


def train(store, folder, *arguments):
    """The command's exit code and its last line, if any."""
    result = CliRunner().invoke(
        train_command,
        [
            str(word)
            for word in (
                "--pseudo-store",
                store,
                "--config",
                "condinst_r18_demo",
                "--work-dir",
                folder,
                "--device",
                "cpu",
                "--max-iters",
                2,
                *arguments,
                "--cfg-options",
                *SMALL,
            )
        ],
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, (result.output.splitlines() or [""])[-1]


@pytest.mark.parametrize("setting", ["load_from", "model.neck.init_cfg.checkpoint", "--resume"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_checkpoint_would_run_is_not_run(drawn_store, tmp_path, setting, attack):
    checkpoint, harm = tmp_path / "work" / "iter_7.pth", tmp_path / "harm"
    checkpoint.parent.mkdir()
    torch.save({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}, "meta": attack(f"touch {harm}")}, checkpoint)
    flags = [setting] if setting == "--resume" else ["--cfg-options", f"{setting}={checkpoint}"]
    if "init_cfg" in setting:
        flags += ["--cfg-options", f"{setting.replace('checkpoint', 'type')}=Pretrained"]
    code, said = train(drawn_store, checkpoint.parent, *flags)
    assert not harm.exists()
    assert code == 2
    assert f"{checkpoint}: expected a checkpoint of tensors and plain values, found" in said
    assert ("getattr of" if attack is way_by_getattr else "system") in said


@pytest.fixture(scope="module")
def begun(drawn_store, tmp_path_factory):
    """The checkpoint of a training after two steps."""
    folder = tmp_path_factory.mktemp("begun")
    assert train(drawn_store, folder)[0] == 0
    return folder / "iter_2.pth"


def test_the_config_in_a_checkpoint_is_not_run(drawn_store, begun, tmp_path):
    content, harm = torch.load(begun, weights_only=False), tmp_path / "harm"
    content["meta"]["config"] = f"import os\nos.system('touch {harm}')\n"
    (tmp_path / "work").mkdir()
    torch.save(content, tmp_path / "work" / "iter_1.pth")
    assert train(drawn_store, tmp_path / "work", "--resume")[0] == 0
    assert not harm.exists()


@pytest.mark.parametrize("start", ["load_from", "init_model"])
def test_a_training_starts_from_the_weights_of_another(drawn_store, begun, tmp_path, start):
    from stc_train.engine import checkpoints

    still = ("--cfg-options", "optim_wrapper.optimizer.lr=0", "param_scheduler=[]")
    named = {
        "load_from": [*still, f"load_from={begun}"],
        "init_model": ["--init-model", begun.with_name("model.pth"), *still],
    }
    code, said = train(drawn_store, tmp_path, "--seed", 1, *named[start])
    assert code == 0, said
    before, after = (checkpoints.read(path, "")["state_dict"] for path in (begun, tmp_path / "iter_2.pth"))
    for name, value in before.items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(after[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--init-model", "{begun}"], "iter_2.pth: expected a checkpoint of plain tensors"),
        (["--init-model", "{model}", "--config", "condinst_lite0_demo"], "'backbone.network._conv_stem"),
        (
            ["--init-model", "{model}", "--init-backbone", "r.pth"],
            "--init-model: expected one source of weights, found",
        ),
        (["--init-model", "{model}", "--cfg-options", "load_from={begun}"], "and load_from "),
    ],
    ids=["a checkpoint", "another network", "a backbone too", "two models"],
)
def test_a_model_that_cannot_be_the_start(drawn_store, begun, tmp_path, flags, expected):
    places = {"begun": begun, "model": begun.with_name("model.pth")}
    code, said = train(drawn_store, tmp_path, *(flag.format(**places) for flag in flags))
    assert (code, expected in said) == (2, True), said


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ["load_from=https://example.org/some.pth"],
            "https://example.org/some.pth: expected weights in a file of this",
        ),
        (["load_from=open-mmlab://some"], "open-mmlab://some: expected weights in a file of this machine, found"),
        (["load_from=nothing.pth"], "nothing.pth: expected a checkpoint, found nothing"),
        (["load_from={other}"], "other.pth: expected weights of a network, as 'backbone.conv1.weight', found keys"),
        (["load_from={damaged}"], "damaged.pth: expected a checkpoint of tensors and plain values, found"),
        (["resume=True"], "expected no 'resume', found one (--resume goes on"),
    ],
    ids=["address", "model zoo", "missing", "no network", "damaged", "resume"],
)
def test_what_a_config_may_not_start_from(drawn_store, tmp_path, flags, expected):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "damaged.pth").write_bytes(b"half a checkpoint")
    options = [flag.format(other=tmp_path / "other.pth", damaged=tmp_path / "damaged.pth") for flag in flags]
    code, said = train(drawn_store, tmp_path / "work", "--cfg-options", *options)
    assert code == 2
    assert expected in said
    assert "--cfg-options" in said
    assert not list(tmp_path.glob("work/*.pth"))


def test_two_sources_of_weights_are_refused(drawn_store, begun, tmp_path):
    code, said = train(drawn_store, tmp_path, "--init-backbone", begun, "--cfg-options", f"load_from={begun}")
    assert (code, "--init-backbone: expected one source of weights" in said) == (2, True)


def test_all_that_mmengine_would_load_goes_through_the_guard():
    from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint

    from stc_train.engine import checkpoints

    checkpoints.guard()
    assert set(CheckpointLoader._schemes.values()) == {checkpoints.load_from_file}
    with pytest.raises(InputError, match="expected a checkpoint, found nothing"):
        load_checkpoint(torch.nn.Linear(1, 1), "/nowhere.pth")
    with pytest.raises(InputError, match="found an address"):
        load_checkpoint(torch.nn.Linear(1, 1), "torchvision://resnet50")


def test_the_log_of_a_training_is_read_whole(begun):
    from stc_train.engine import checkpoints

    own, trusted = checkpoints.read(Path(begun), "", mapped=True), torch.load(begun, weights_only=False)
    assert own.keys() == trusted.keys()
    buffers = own["message_hub"]["log_scalars"]
    assert buffers.keys() == trusted["message_hub"]["log_scalars"].keys()
    for name, buffer in buffers.items():
        assert buffer.statistics("mean") == trusted["message_hub"]["log_scalars"][name].mean()
