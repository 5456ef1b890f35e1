"""Crafted `model.pth` files: none runs code, reads another file or opens a connection; each is one line."""

import copy
import os
import pickle
import socket

import pytest
import torch
from click.testing import CliRunner

from stc_track.io.errors import InputError
from stc_train.commands.predict import main as predict_command

MARKER = "RAN"  # what a file whose code ran leaves behind


class Touch:
    """Pickled, it makes the marker when it is read."""

    def __reduce__(self):
        return os.system, (f"touch {MARKER}",)


class Call:
    """Pickled, it calls anything."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture(scope="module")
def content():
    """What a good model.pth of a small CondInst holds."""
    import stc_train.registry  # noqa: F401, I001
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict
    from mmengine.registry import MODELS

    from stc_train.engine.train import load_config
    from stc_train.models.model_file import FORMAT

    register_all_modules(init_default_scope=True)
    config = load_config("condinst_r18_demo")
    described = config.to_dict()
    return {
        "format": FORMAT,
        "model": described["model"],
        "pipeline": described["test_pipeline"],
        "class_names": {1: "car", 2: "pedestrian"},
        "store": "",
        "step": 0,
        "state": MODELS.build(ConfigDict(config.model.to_dict())).state_dict(),
    }


@pytest.fixture
def traps(tmp_path, monkeypatch):
    """A folder with files that leave the marker when they are read, and no way to any address."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Touch()))
    (tmp_path / "own.py").write_text(f"open('{MARKER}', 'w').close()\nmodel = dict(type='CondInst')\n")
    (tmp_path / "evil_module.py").write_text(f"open('{MARKER}', 'w').close()\nPart = dict\n")
    monkeypatch.syspath_prepend(tmp_path)

    def refused(*arguments):
        (tmp_path / MARKER).touch()
        raise OSError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    return tmp_path


def put(description, place, value):
    """Set a value at a dotted place; numbers are positions in lists."""
    *path, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
    for part in path:
        description = description[part]
    description[last] = value


PICKLE = {"type": "mmengine.load", "file": "evil.pkl"}
WEB = {"type": "mmengine.load", "file": "http://127.0.0.1:9/evil.pkl"}
BY_PLACE = {
    "the model itself": ("model", PICKLE),
    "the model itself, an address": ("model", WEB),
    "the model is a list": ("model", [PICKLE]),
    "the model is a name": ("model", "own.py"),
    "a backbone": ("model.backbone", PICKLE),
    "an address as the neck": ("model.neck", WEB),
    "a dotted name of two parts": ("model.backbone", {"type": "evil_module.Part"}),
    "a dotted name of a scope with more behind": ("model.backbone", {"type": "mmdet.apis.init_detector"}),
    "a dotted name under a scope": ("model.backbone", {"type": "mmengine.fileio.load", "file": "evil.pkl"}),
    "a system call": ("model.mask_head.loss_mask", {"type": "os.system", "command": f"touch {MARKER}"}),
    "in a list of the neck": ("model.neck.out_channels", [256, [PICKLE]]),
    "under a key that is new": ("model.bbox_head.more", {"deeper": {"deepest": PICKLE}}),
    "a layer": ("model.backbone.norm_cfg", {"type": "builtins.exec", "object": "1"}),
    "the preprocessor": ("model.data_preprocessor", PICKLE),
    "batch augmentation": ("model.data_preprocessor.batch_augments", [PICKLE]),
    "an assigner": ("model.train_cfg", {"assigner": PICKLE}),
    "a test setting that is evaluated": (
        "model.bbox_head.test_cfg",
        {"nms": {"type": f"__import__('os').system('touch {MARKER}')"}},
    ),
    "a test setting": (
        "model.test_cfg.nms",
        {"type": f"__import__('os').system('touch {MARKER}')", "iou_threshold": 1},
    ),
    "suppression by another name": ("model.test_cfg.nms", {"type": "RoIAlign", "iou_threshold": 1}),
    "a teacher's config": (
        "model",
        {"type": "KnowledgeDistillationSingleStageDetector", "teacher_config": "own.py", "backbone": {}, "neck": {}},
    ),
    "a teacher's weights": ("model", {"type": "LAD", "teacher_ckpt": "evil.pkl", "eval_teacher": True}),
    "a language model": ("model.language_model", {"type": "BertModel", "name": "http://127.0.0.1:9/bert"}),
    "a registered tracker": ("model", {"type": "ByteTrack"}),
    "another package's networks": ("model.backbone", {"type": "mmpretrain.TIMMBackbone", "model_name": "x"}),
    "imports": ("model.custom_imports", {"imports": ["evil_module"], "allow_failed_imports": False}),
    "a scope": ("model.backbone._scope_", "evil_module"),
    "a base": ("model._base_", "own.py"),
    "a replacement": ("model.backbone", {"_delete_": True, "type": "os.system", "command": "x"}),
    "a key that is code": ("model.__import__('os')", 1),
    "a key that is a number": ("model.backbone", {1: 2, "type": "ResNet"}),
    "a type that is a list": ("model.backbone.type", ["ResNet"]),
    "a type that is a tensor": ("model.backbone.type", torch.ones(2)),
    "a tensor among the settings": ("model.backbone.depth", torch.ones(2)),
    "a file as a setting": ("model.backbone.file", "evil.pkl"),
    "a file as a setting's variant": ("model.backbone.style", "/etc/passwd"),
    "a setting that no part takes": ("model.backbone.unheard_of", 1),
    "settings of the wrong kind": ("model.backbone.depth", {"type": "ResNet"}),
    "a pipeline that loads": ("pipeline", [PICKLE]),
    "an address in the pipeline": ("pipeline", [WEB]),
    "a pipeline within one": ("pipeline.1", {"type": "RandomChoice", "transforms": [[PICKLE]]}),
    "a loader with a backend": (
        "pipeline.0",
        {"type": "LoadImageFromFile", "backend_args": {"backend": "http", "prefix": "http://127.0.0.1:9/"}},
    ),
    "another package's transforms": ("pipeline.1", {"type": "Albu", "transforms": [{"type": "os.system"}]}),
    "a transform by its full name": ("pipeline.1", {"type": "mmdet.datasets.transforms.Resize"}),
    "a transform's setting": ("pipeline.1.backend_args", {"backend": "http"}),
    "a pipeline of names": ("pipeline", ["own.py"]),
    "a pipeline that is a name": ("pipeline", "own.py"),
    "classes of no name": ("class_names", {}),
    "classes by text": ("class_names", {"1": "car"}),
    "a name of several lines": ("class_names", {1: "car\n2", 2: "x"}),
    "a step that is text": ("step", "0"),
    "weights that are text": ("state", "evil.pkl"),
    "one weight that is text": ("state", {}),
    "another format": ("format", "stc-train model 0"),
}


def refuse(path):
    """The one line with which the command ends."""
    result = CliRunner().invoke(
        predict_command, [str(path), "--dataset", "kitti", "--root", ".", "--out", "out"], catch_exceptions=False
    )
    assert result.exit_code == 2, result.output
    assert len(result.output.strip().splitlines()) == 1, result.output
    assert result.output.startswith("Error: ")
    assert path.name in result.output
    assert not os.path.exists(MARKER)
    assert not os.path.exists("out")
    return result.output


@pytest.mark.parametrize("kind", BY_PLACE)
def test_what_a_description_may_not_hold(kind, content, traps):
    place, value = BY_PLACE[kind]
    crafted = copy.deepcopy({**content, "state": {}})  # refused before the weights are looked at
    put(crafted, place, value)
    torch.save(crafted, traps / "model.pth")
    refuse(traps / "model.pth")


PICKLES = {
    "a system call": Touch(),
    "an evaluation": Call(eval, f"open('{MARKER}', 'w')"),
    "an execution": Call(exec, f"open('{MARKER}', 'w')"),
    "an attribute": Call(getattr, torch.nn.Module, "eval"),
    "an import": Call(__import__, "evil_module"),
    "opening a file": Call(open, MARKER, "w"),
    "torch's loading without a list": Call(torch.load, "evil.pkl"),
    "a class of ours": Call(InputError, "x"),
}


@pytest.mark.parametrize("kind", PICKLES)
@pytest.mark.parametrize("place", ["all", "model", "step", "state"])
def test_pickles_that_call(kind, place, content, traps):
    crafted = PICKLES[kind] if place == "all" else {**content, "state": {}, place: PICKLES[kind]}
    torch.save(crafted, traps / "model.pth")
    refuse(traps / "model.pth")


def test_descriptions_without_end(content, traps):
    endless = copy.deepcopy({**content, "state": {}})
    endless["model"]["backbone"]["again"] = endless["model"]
    torch.save(endless, traps / "model.pth")
    assert "levels" in refuse(traps / "model.pth")


@pytest.mark.parametrize(
    "value",
    ["text", 3, torch.zeros(3, 3).to_sparse(), torch.zeros(1, dtype=torch.complex64), {}],
    ids=["text", "number", "sparse", "complex", "dictionary"],
)
def test_weights_that_are_none(value, content, traps):
    state = dict(content["state"])
    state[next(iter(state))] = value
    torch.save({**content, "state": state}, traps / "model.pth")
    refuse(traps / "model.pth")


@pytest.mark.parametrize("missing", ["format", "model", "pipeline", "class_names", "step", "state"])
def test_a_part_is_missing(missing, content, traps):
    torch.save({key: value for key, value in {**content, "state": {}}.items() if key != missing}, traps / "model.pth")
    refuse(traps / "model.pth")


def test_other_files_of_weights_are_not_looked_for(content, traps):
    """`init_cfg` and `pretrained` of the training; the weights are in the file."""
    from stc_train.models import model_file

    described = copy.deepcopy(content)
    described["model"]["backbone"]["init_cfg"] = {"type": "Pretrained", "checkpoint": "http://127.0.0.1:9/resnet.pth"}
    described["model"]["neck"]["init_cfg"] = PICKLE
    described["model"]["backbone"]["pretrained"] = "evil.pkl"
    torch.save(described, traps / "model.pth")
    network = model_file.load(traps / "model.pth", "CHECKPOINT").network
    assert not (traps / MARKER).exists()
    assert all(torch.equal(value, content["state"][name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("config", ["condinst", "yolact", "blendmask", "htc"])
@pytest.mark.parametrize("size", ["r18_demo", "r50_kitti"])
def test_every_network_of_ours_is_allowed(config, size):
    from stc_train.engine.train import load_config
    from stc_train.models.description import checked_model, checked_pipeline

    described = load_config(f"{config}_{size}").to_dict()
    checked = checked_model(described["model"])
    assert checked["backbone"]["depth"] == (18 if "18" in size else 50)
    assert checked_pipeline(described["test_pipeline"])[0]["type"] == "stc_train.LoadFrame"


@pytest.mark.slow
def test_mmdetections_segmenters_are_allowed():
    """Every family's first config builds from its description as from itself."""
    from pathlib import Path

    import mmdet
    from mmdet.utils import register_all_modules
    from mmengine.config import Config

    from stc_train.models.description import checked_model

    register_all_modules(init_default_scope=True)
    root = Path(mmdet.__file__).parent / ".mim" / "configs"
    if not root.is_dir():
        pytest.skip("MMDetection is installed without its configs")
    families = [
        "mask_rcnn",
        "cascade_rcnn",
        "htc",
        "yolact",
        "solo",
        "solov2",
        "condinst",
        "boxinst",
        "queryinst",
        "mask2former",
        "maskformer",
        "point_rend",
        "ms_rcnn",
        "rtmdet",
        "detectors",
        "scnet",
        "carafe",
        "dcnv2",
        "gn",
        "res2net",
        "resnest",
        "regnet",
        "swin",
        "groie",
        "gcnet",
        "hrnet",
    ]
    refused = {}
    for family in families:
        files = [path for path in sorted((root / family).glob("*.py")) if not path.name.startswith("_")]
        assert files, family
        for path in files[:6]:
            description = Config.fromfile(path).get("model")
            try:
                checked_model(description.to_dict())
            except ValueError as error:
                refused[path.name] = str(error)
    assert not refused


def test_names_are_not_imported_while_building(traps):
    from mmdet.registry import MODELS

    from stc_train.models.description import registries_only

    with registries_only(), pytest.raises(KeyError):
        MODELS.build({"type": "evil_module.Part"})
    assert not (traps / MARKER).exists()
    with pytest.raises((KeyError, RuntimeError)):
        MODELS.build({"type": "evil_module.Other"})  # what MMEngine does otherwise
    assert (traps / MARKER).exists()
