"""Slips in a config: one line, and nothing left behind."""

import pytest
from mmengine.config import Config, ConfigDict

from stc_track.io.errors import InputError, SettingError
from stc_train.engine.adapt_config import adapt
from stc_train.engine.config_file import built_from, load_config, shaped


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.py", "_base_ = ['../_base_/nowhere.py']", "FileNotFoundError.*nowhere"),
        ("a.py", "model = dict(type='MaskRCNN'\n", "SyntaxError in line 1"),
        ("a.py", "x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("a.py", "custom_imports = dict(imports=['no_such.thing'], allow_failed_imports=False)", "ImportError"),
        ("a.json", "{", "JSONDecodeError"),
        ("a.yaml", "a: [1", "ParserError"),
        ("a.txt", "x = 1", r"a file \.py or \.json or \.yaml or \.yml, found \.txt"),
    ],
    ids=["base", "syntax", "program", "import", "JSON", "YAML", "ending"],
)
def test_a_config_that_does_not_read(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words) as error:
        load_config(str(tmp_path / name))
    assert "\n" not in error.value.message
    assert str(tmp_path / name) in error.value.message


@pytest.mark.parametrize("option", ["model.type.x=3", "train_dataloader.batch_size.x=1", "=3", "model"])
def test_an_option_that_leads_nowhere(option):
    with pytest.raises(SettingError, match=r"^cfg_options: expected "):
        load_config("condinst_r18_demo", [option])


@pytest.mark.parametrize(
    "content",
    [{}, {"model": 3}, {"train_dataloader": {}}, {"train_dataloader": {"dataset": 1}}],
    ids=["empty", "number as model", "no data set", "number as data set"],
)
def test_a_config_of_another_shape(content):
    config = Config({"model": {}, "train_dataloader": {}, "optim_wrapper": {}, "train_cfg": {}} | content)
    with pytest.raises(InputError, match="a detector's config"), shaped(config):
        adapt(config)


@pytest.mark.parametrize(
    "model",
    [{"type": "NoSuchNetwork"}, {"type": "ResNet", "depth": 18, "nosuch": 3}],
    ids=["unknown network", "unknown argument"],
)
def test_a_setting_that_nothing_takes_leaves_no_folder(tmp_path, model):
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    kept = tmp_path / "kept"
    kept.mkdir()

    def build(work_dir):
        with built_from(Config({}), work_dir):
            work_dir.mkdir(exist_ok=True)
            (work_dir / "log").touch()
            MODELS.build(ConfigDict(model))

    for work_dir in (tmp_path / "new", kept):
        with pytest.raises(InputError, match="settings that its parts take, found"):
            build(work_dir)
    assert not (tmp_path / "new").exists()
    assert (kept / "log").exists()


def test_what_is_no_slip_is_raised(tmp_path):
    with pytest.raises(TypeError), built_from(Config({}), tmp_path):
        raise TypeError("of ours")
