"""`stc-train --pseudo-store STORE` alone: config, proportions and backbone by what is here."""

from typing import ClassVar

import pytest
import torch

from stc_pseudo.nn.efficientnet_lite import EfficientNetLite0, lite0_installed
from stc_track.io.errors import InputError
from stc_train.engine import choose_config
from stc_train.engine.backbone import find_weights, load_backbone, read_backbone
from stc_train.engine.train import load_config
from stc_train.models import model_file

needs_package = pytest.mark.skipif(not lite0_installed(), reason="the extra `pretrained` is not installed")


class Reader:
    """A store of one sequence."""

    sequences = ("a",)
    class_names: ClassVar = {1: "thing"}

    def __init__(self, url):
        self.dataset, self.size = url.split(":")[0], (480, 854)

    def sequence(self, name):
        return self


@pytest.mark.parametrize(
    ("dataset", "gpu", "package", "expected"),
    [
        pytest.param("kitti", True, True, "condinst_r50_kitti", id="KITTI, GPU"),
        pytest.param("ytvis", True, True, "condinst_r50_ytvis", id="YouTube-VIS, GPU"),
        pytest.param("frames", True, False, "condinst_r50_kitti", id="own video, GPU"),
        pytest.param("kitti", False, True, "condinst_lite0_demo", id="CPU"),
        pytest.param("kitti", False, False, "condinst_r18_demo", id="CPU, no ImageNet weights"),
    ],
)
def test_config_suits_machine_and_store(monkeypatch, dataset, gpu, package, expected):
    monkeypatch.setattr(choose_config, "StoreReader", Reader)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(choose_config, "lite0_installed", lambda: package)
    choice = choose_config.choose_config(f"{dataset}:")
    assert choice.config == expected
    assert choice.other != expected


def test_a_cpu_goes_on_from_the_shipped_segmenter(monkeypatch):
    monkeypatch.setattr(choose_config, "StoreReader", Reader)
    monkeypatch.setattr(Reader, "class_names", {1: "car", 2: "pedestrian"})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    choice = choose_config.choose_config("kitti:")
    model = model_file.read(choice.init_model, "")
    assert dict(model["class_names"]) == Reader.class_names
    assert choice.config == "condinst_lite0_demo"
    monkeypatch.setattr(Reader, "class_names", {1: "pedestrian", 2: "car"})
    assert choose_config.choose_config("kitti:").init_model is None


def test_frames_keep_their_proportions(monkeypatch):
    monkeypatch.setattr(choose_config, "StoreReader", Reader)
    config = load_config("condinst_lite0_demo")
    choose_config.keep_proportions(config, "frames:")
    pipelines = (config.train_dataloader.dataset.pipeline, config.test_pipeline)
    scales = [tuple(step.scale) for pipeline in pipelines for step in pipeline if step["type"] == "Resize"]
    assert scales == [(480, 256), (608, 352)]  # as many pixels as 640 x 192 and 832 x 256


def test_ratio_keeping_configs_stay(monkeypatch):
    monkeypatch.setattr(choose_config, "StoreReader", Reader)
    config = load_config("condinst_r50_kitti")
    choose_config.keep_proportions(config, "kitti:")
    assert [tuple(step.scale) for step in config.test_pipeline if step["type"] == "Resize"] == [(1333, 800)]


def test_lite0_starts_from_a_file(tmp_path):
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    import stc_train.registry  # noqa: F401

    register_all_modules(init_default_scope=True)
    config = load_config("condinst_lite0_demo")
    published = EfficientNetLite0().state_dict()
    torch.save(published, tmp_path / "lite.pth")
    network = MODELS.build(config.model)
    load_backbone(network.backbone, read_backbone(tmp_path / "lite.pth", config), tmp_path / "lite.pth", config)
    for key, value in network.backbone.network.state_dict().items():
        torch.testing.assert_close(value, published[key])
    network.train()
    assert not network.backbone.network._bn0.training
    features = network.backbone(torch.rand(1, 3, 64, 96) * 255)
    assert [tuple(level.shape[1:]) for level in features] == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (192, 2, 3)]


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="EfficientNet-Lite0"):
        read_backbone(tmp_path / "other.pth", load_config("condinst_lite0_demo"))


@needs_package
def test_installed_weights_are_found():
    assert find_weights("auto", load_config("condinst_lite0_demo")).is_file()
    assert find_weights("scratch", load_config("condinst_lite0_demo")) is None


def test_cached_torchvision_weights_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_weights("auto", load_config("condinst_r50_kitti")) is None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet50-11ad3fa6.pth").touch()
    assert find_weights("auto", load_config("condinst_r50_kitti")).name == "resnet50-11ad3fa6.pth"
    assert find_weights("auto", load_config("condinst_r18_demo")) is None
